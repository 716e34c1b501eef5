//! A position in the log that moves with what its holder has taken.

use std::sync::Arc;
use std::sync::atomic::Ordering;

use slipway_api::Cursor;
use slipway_store::StoreError;
use tokio::sync::watch;

use crate::batch::{BATCH, Batch, Next, Reset, ResetReason};
use crate::feed::{Feed, Position};
use crate::filter::Filter;
use crate::frame::Frame;
use crate::interest::Group;
use crate::place::{Place, Sink};
use crate::replay::{Replay, Turn};
use crate::ring::Room;

/// A position and a filter.
#[derive(Debug)]
pub struct Subscription {
    feed: Feed,
    group: Arc<Group>,
    /// What the group was told last.
    matched: watch::Receiver<Position>,
    /// Where the log ended when this subscription joined its group: what came later, the group was told.
    joined: Position,
    /// None: from now, as soon as it is known where that is.
    position: Option<Position>,
    /// Where events are pushed to while nothing else is done with the subscription.
    place: Arc<Place>,
    room: Room,
    /// The last event that went to the sink, until somebody asks.
    pushed: Option<Position>,
    /// Held while what was read from the database is sent.
    turn: Option<Turn>,
}

impl Subscription {
    pub(crate) fn new(feed: Feed, filter: Filter, from: Option<Cursor>) -> Self {
        feed.0.subscribers.fetch_add(1, Ordering::Relaxed);
        let (group, joined) = feed.0.interests.join(filter, || feed.0.head.borrow().clone());
        let position = match from {
            Some(cursor) => Some(Position {
                epoch: cursor.epoch.into(),
                seq: cursor.seq,
            }),
            None => Some(joined.clone()).filter(|position| !position.epoch.is_empty()),
        };
        let place = Place::of(&group, &joined, position.as_ref());
        feed.0.counts.add(&place);
        Self {
            feed,
            matched: group.matched.subscribe(),
            group,
            place,
            joined,
            position,
            room: BATCH,
            pushed: None,
            turn: None,
        }
    }

    /// With batches of at most `frames` events.
    pub fn with_batch_limit(mut self, frames: usize) -> Self {
        self.room.frames = frames.clamp(1, BATCH.frames);
        self
    }

    /// From now on, events that come while [`Subscription::next_batch`] waits go to `sink` at once, as long as it takes them.
    pub fn attach(&mut self, sink: Arc<dyn Sink>) {
        self.feed.0.pushers.attach(&self.place, sink);
    }

    /// The position of the last event that went to the sink, unless that was told before.
    pub fn take_pushed(&mut self) -> Option<Cursor> {
        self.pushed.take().map(|position| position.cursor())
    }

    /// The position up to which the log was looked at for this subscription; none while nothing is known of the log.
    pub fn position(&self) -> Option<Cursor> {
        let position = self.position.as_ref()?;
        let ring = self.feed.0.ring.read();
        let head = self.feed.0.head.borrow();
        let is_quiet = self.is_quiet(position, &head, &self.matched.borrow());
        drop(ring);
        Some(if is_quiet { head.cursor() } else { position.cursor() })
    }

    /// Whether nothing between `position` and `head` matches, as far as the group's `newest` match tells.
    fn is_quiet(&self, position: &Position, head: &Position, newest: &Position) -> bool {
        position.epoch == head.epoch
            && position.seq < head.seq
            // Of a log that began later than this subscription, the group was told all; and first of all its beginning.
            && (self.joined.epoch != head.epoch || self.joined.seq <= position.seq)
            && (newest.epoch != head.epoch || newest.seq <= position.seq)
    }

    /// The head of the log and the newest event that matches, as they were at one moment.
    fn look(&mut self) -> (Position, Position) {
        let _ring = self.feed.0.ring.read();
        let head = self.feed.0.head.borrow().clone();
        (head, self.matched.borrow_and_update().clone())
    }

    /// Waits until at least one event matches, and gives all that are ready, up to the limit of a batch. May be dropped while
    /// it waits: the position moves only with what it gives or has found not to match.
    ///
    /// # Errors
    /// What the database answers while the subscription is behind the ring. Nothing is lost: call again.
    pub async fn next_batch(&mut self) -> Result<Next, StoreError> {
        loop {
            if let Some(next) = self.next_ready().await? {
                return Ok(next);
            }
            self.wait_for_change().await;
        }
    }

    /// The same without waiting: none when nothing up to the head of the log matches. May be dropped as well.
    ///
    /// # Errors
    /// As [`Subscription::next_batch`].
    pub async fn next_ready(&mut self) -> Result<Option<Next>, StoreError> {
        self.recall();
        self.give_way();
        loop {
            let (head, newest) = self.look();
            if self.position.is_none() && !head.epoch.is_empty() {
                self.move_to(head.clone());
            }
            let Some(position) = self.position.clone().filter(|position| *position != head) else {
                return Ok(None);
            };
            if self.is_quiet(&position, &head, &newest) {
                self.move_to(head);
                return Ok(None);
            }
            let ready = if position.epoch == head.epoch && position.seq < head.seq {
                self.read_ring(&position)
            } else {
                None
            };
            let step = match ready {
                Some(step) => {
                    self.feed.0.counts.note_ring_hits(1);
                    step
                }
                // Behind the ring; or ahead of this replica, or of another log, which only the database can tell.
                None => Box::pin(self.replay(&position)).await?,
            };
            match step {
                Step::Scanned(frames, scanned) => {
                    self.move_to(scanned.clone());
                    if !frames.is_empty() {
                        return Ok(Some(Next::Batch(Batch {
                            frames,
                            scanned: scanned.cursor(),
                        })));
                    }
                }
                Step::Reset(reason, fresh) => {
                    self.move_to(fresh.clone());
                    return Ok(Some(Next::Reset(Reset {
                        reason,
                        cursor: fresh.cursor(),
                    })));
                }
                Step::Wait => return Ok(None),
            }
        }
    }

    /// Whether the last batch came from the database, and others who are behind wait until it is sent.
    pub fn has_turn(&self) -> bool {
        self.turn.is_some()
    }

    /// Waits for the turn to send on what could not be sent before.
    pub async fn wait_for_turn(&mut self) {
        self.turn = None;
        self.turn = Some(self.feed.0.replays.turn().await);
    }

    /// What the last batch gave was sent, or cannot be sent yet: others have their turn. Goes without saying when the next
    /// batch is asked for.
    pub fn give_way(&mut self) {
        self.turn = None;
    }

    fn move_to(&mut self, position: Position) {
        self.place.move_to(&position);
        self.position = Some(position);
    }

    /// Waits until there is something to look at.
    async fn wait_for_change(&mut self) {
        match (&self.position, self.place.pusher().is_some()) {
            (Some(position), true) => {
                if self.place.stand_by(position.clone()) {
                    let waiting = Waiting(self);
                    std::future::poll_fn(|context| waiting.0.place.poll_missed(context)).await;
                }
            }
            _ => {
                if self.matched.changed().await.is_err() {
                    // The sender lives in `self.group`.
                    std::future::pending::<()>().await;
                }
            }
        }
    }

    /// Nothing is pushed any more; takes over how far that went.
    fn recall(&mut self) {
        if let Some(position) = self.place.recall() {
            self.pushed = Some(position.clone());
            self.position = Some(position);
        }
    }

    fn read_ring(&self, position: &Position) -> Option<Step> {
        let ring = self.feed.0.ring.read();
        // The reader drops the ring before it tells of another epoch: look again under the ring's lock.
        if self.feed.0.head.borrow().epoch != position.epoch {
            return None;
        }
        let mut room = self.room;
        let (frames, seq) = ring.read_after(position.seq, &self.group.filter, &self.feed.0.applications, &mut room)?;
        (seq > position.seq).then(|| {
            Step::Scanned(
                frames,
                Position {
                    epoch: Arc::clone(&position.epoch),
                    seq,
                },
            )
        })
    }

    async fn replay(&mut self, position: &Position) -> Result<Step, StoreError> {
        self.feed.0.counts.note_replay();
        // Those who wait for nothing but their turn come after those who wait for events.
        tokio::task::yield_now().await;
        let turn = self.feed.0.replays.turn().await;
        let page = match self.feed.0.replays.read_after(&self.feed.0.pool, position).await? {
            Replay::Page(page) => page,
            Replay::Reset(reason, head) => return Ok(Step::Reset(reason, head)),
            Replay::Wait => return Ok(Step::Wait),
        };
        let mut room = self.room;
        let (mut frames, mut seq) = (Vec::new(), position.seq);
        for frame in page.after(position.seq) {
            if self.group.filter.matches(frame.keys(), &self.feed.0.applications) {
                if !room.take(frame) {
                    break;
                }
                frames.push(Arc::clone(frame));
            }
            seq = frame.seq();
        }
        // Until these are sent; where there are none, nothing is.
        self.turn = Some(turn).filter(|_| !frames.is_empty());
        Ok(Step::Scanned(
            frames,
            Position {
                epoch: Arc::clone(&position.epoch),
                seq,
            },
        ))
    }
}

/// Ends what is pushed when the wait ends, also when it is dropped.
struct Waiting<'a>(&'a mut Subscription);

impl Drop for Waiting<'_> {
    fn drop(&mut self) {
        self.0.recall();
    }
}

impl Drop for Subscription {
    fn drop(&mut self) {
        self.feed.0.counts.remove(&self.place);
        self.group.pushed.remove(&self.place);
        self.feed.0.interests.leave(&self.group);
        self.feed.0.subscribers.fetch_sub(1, Ordering::Relaxed);
    }
}

enum Step {
    Scanned(Vec<Arc<Frame>>, Position),
    Reset(ResetReason, Position),
    /// Nothing to do until the reader has moved.
    Wait,
}
