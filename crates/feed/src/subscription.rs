//! A position in the log that moves with what its holder has taken.

use std::sync::Arc;
use std::sync::atomic::Ordering;

use slipway_api::Cursor;
use slipway_store::{StoreError, event_log, pool};
use tokio::sync::watch;

use crate::feed::{Feed, Position};
use crate::figures::Reached;
use crate::filter::Filter;
use crate::frame::Frame;
use crate::interest::Group;
use crate::ring::Room;

/// How many rows one replay reads at once.
const PAGE: i64 = 200;

/// What one batch holds at most, the first frame apart.
const BATCH: Room = Room {
    frames: 256,
    bytes: 256 * 1024,
};

/// Events in the order of the log, all that were ready.
#[derive(Debug, Clone)]
pub struct Batch {
    /// The events that match. Never empty.
    pub frames: Vec<Arc<Frame>>,
    /// The position up to which the log was looked at.
    pub scanned: Cursor,
}

/// Why a position could not be resumed from.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum ResetReason {
    /// Retention has removed what came after it.
    Expired,
    /// It is a position of another log, as after a restore.
    UnknownEpoch,
    /// The log ends before it.
    BeyondHead,
}

impl ResetReason {
    /// The public spelling.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Expired => "expired",
            Self::UnknownEpoch => "unknown_epoch",
            Self::BeyondHead => "beyond_head",
        }
    }
}

/// The subscriber has missed something that nobody can give it any more.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Reset {
    /// Why.
    pub reason: ResetReason,
    /// Where the subscription goes on.
    pub cursor: Cursor,
}

/// What a subscription gives.
#[derive(Debug, Clone)]
pub enum Next {
    /// Events.
    Batch(Batch),
    /// A cut, after which it goes on at another position.
    Reset(Reset),
}

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
    /// The same, for whoever counts what waits for this subscription.
    reached: Arc<Reached>,
    room: Room,
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
        let reached = Reached::of(&group, &joined, position.as_ref());
        feed.0.counts.add(&reached);
        Self {
            feed,
            matched: group.matched.subscribe(),
            group,
            reached,
            joined,
            position,
            room: BATCH,
        }
    }

    /// With batches of at most `frames` events.
    pub fn with_batch_limit(mut self, frames: usize) -> Self {
        self.room.frames = frames.clamp(1, BATCH.frames);
        self
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
                    self.feed.0.counts.note_ring_hit();
                    step
                }
                // Behind the ring; or ahead of this replica, or of another log, which only the database can tell.
                None => self.replay(&position).await?,
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

    fn move_to(&mut self, position: Position) {
        self.reached.move_to(&position);
        self.position = Some(position);
    }

    async fn wait_for_change(&mut self) {
        if self.matched.changed().await.is_err() {
            // The sender lives in `self.group`.
            std::future::pending::<()>().await;
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

    async fn replay(&self, position: &Position) -> Result<Step, StoreError> {
        self.feed.0.counts.note_replay();
        // Closed never, so a permit always comes.
        let _turn = self.feed.0.replays.acquire().await;
        // One snapshot: an event that commits between two looks would pass for one that retention has removed.
        let mut snapshot = pool::begin_snapshot(&self.feed.0.pool).await?;
        let rows = event_log::list_after(&mut snapshot, position.seq, PAGE).await?;
        let head = event_log::find_head(&mut snapshot).await?;
        drop(snapshot);
        if *head.epoch != *position.epoch {
            return Ok(Step::Reset(ResetReason::UnknownEpoch, head.into()));
        }
        let Some(first) = rows.first() else {
            return Ok(match head.seq.cmp(&position.seq) {
                std::cmp::Ordering::Less => Step::Reset(ResetReason::BeyondHead, head.into()),
                // This replica has not read that far yet.
                std::cmp::Ordering::Equal => Step::Wait,
                std::cmp::Ordering::Greater => Step::Reset(ResetReason::Expired, head.into()),
            });
        };
        if first.seq != position.seq + 1 {
            return Ok(Step::Reset(ResetReason::Expired, head.into()));
        }
        let mut room = self.room;
        let (mut frames, mut seq) = (Vec::new(), position.seq);
        for row in rows {
            let frame = Frame::new(&position.epoch, row);
            if self.group.filter.matches(frame.keys(), &self.feed.0.applications) {
                if !room.take(&frame) {
                    break;
                }
                seq = frame.seq();
                frames.push(Arc::new(frame));
            } else {
                seq = frame.seq();
            }
        }
        Ok(Step::Scanned(
            frames,
            Position {
                epoch: Arc::clone(&position.epoch),
                seq,
            },
        ))
    }
}

impl Drop for Subscription {
    fn drop(&mut self) {
        self.feed.0.counts.remove(&self.reached);
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
