//! What the reader and the subscriptions share.

use std::fmt;
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::{Duration, Instant};

use parking_lot::{Mutex, RwLock};
use slipway_api::Cursor;
use slipway_core::Clock;
use slipway_store::event_log::{self, Head};
use slipway_store::readers::Readers;
use slipway_store::{PgConnectOptions, PgPool, StoreError, applications, pool};
use time::OffsetDateTime;
use tokio::sync::watch;

use crate::applications::ApplicationIndex;
use crate::figures::Counts;
use crate::filter::Filter;
use crate::frame::Frame;
use crate::interest::Interests;
use crate::push::Pushers;
use crate::replay::Replays;
use crate::ring::Ring;
use crate::subscription::Subscription;

/// After this long without a read the feed counts as away.
const UNHEALTHY_AFTER: Duration = Duration::from_secs(3);

/// How the feed works.
#[derive(Debug, Clone)]
pub struct FeedSettings {
    /// How many of the newest events are kept in memory.
    pub ring_capacity: usize,
    /// How often the log is read when no hint comes.
    pub poll_interval: Duration,
}

impl Default for FeedSettings {
    fn default() -> Self {
        Self {
            ring_capacity: 10_000,
            poll_interval: Duration::from_secs(1),
        }
    }
}

/// The event log as this replica sees it. Clones share everything.
#[derive(Debug, Clone)]
pub struct Feed(pub(crate) Arc<Shared>);

pub(crate) struct Shared {
    pub(crate) pool: PgPool,
    /// The reader's own connection: a busy pool must not hold up everybody who listens.
    pub(crate) reader: Readers,
    pub(crate) listen_options: PgConnectOptions,
    pub(crate) settings: FeedSettings,
    pub(crate) clock: Arc<dyn Clock>,
    pub(crate) ring: RwLock<Ring>,
    pub(crate) applications: ApplicationIndex,
    pub(crate) interests: Interests,
    /// Where the log ends, as far as this replica has read it. Empty epoch: nothing was read yet.
    pub(crate) head: watch::Sender<Position>,
    pub(crate) replays: Replays,
    pub(crate) subscribers: AtomicUsize,
    pub(crate) counts: Counts,
    pub(crate) pushers: Pushers,
    last_read: Mutex<Option<(OffsetDateTime, Instant)>>,
}

/// Without the options of the connection, which hold its password.
impl fmt::Debug for Shared {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Shared")
            .field("settings", &self.settings)
            .field("head", &*self.head.borrow())
            .finish_non_exhaustive()
    }
}

/// A cheap [`Cursor`].
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Position {
    pub(crate) epoch: Arc<str>,
    pub(crate) seq: i64,
}

impl Position {
    pub(crate) fn cursor(&self) -> Cursor {
        Cursor {
            epoch: self.epoch.to_string(),
            seq: self.seq,
        }
    }
}

impl From<Head> for Position {
    fn from(head: Head) -> Self {
        Self {
            epoch: head.epoch.into(),
            seq: head.seq,
        }
    }
}

impl Feed {
    /// A feed that knows nothing until [`Feed::prime`] or [`Feed::run`] has read the log.
    ///
    /// `pool` serves replays; `direct_options` must lead past any transaction pooler, for LISTEN.
    pub fn new(pool: PgPool, direct_options: PgConnectOptions, settings: FeedSettings, clock: Arc<dyn Clock>) -> Self {
        let nowhere = Position {
            epoch: "".into(),
            seq: 0,
        };
        Self(Arc::new(Shared {
            pool,
            reader: Readers::new(pool::connect_lazily(direct_options.clone(), 1), 1),
            listen_options: direct_options,
            ring: RwLock::new(Ring::new(settings.ring_capacity)),
            applications: ApplicationIndex::default(),
            interests: Interests::default(),
            settings,
            clock,
            head: watch::channel(nowhere).0,
            replays: Replays::default(),
            subscribers: AtomicUsize::new(0),
            counts: Counts::default(),
            pushers: Pushers::default(),
            last_read: Mutex::new(None),
        }))
    }

    /// The same, once the end of the log is known.
    ///
    /// # Errors
    /// What the database answers; [`Feed::new`] does without.
    pub async fn start(
        pool: PgPool,
        direct_options: PgConnectOptions,
        settings: FeedSettings,
        clock: Arc<dyn Clock>,
    ) -> Result<Self, StoreError> {
        let feed = Self::new(pool, direct_options, settings, clock);
        feed.prime().await?;
        Ok(feed)
    }

    /// Reads where the log ends, if that is not known yet.
    ///
    /// # Errors
    /// What the database answers.
    pub async fn prime(&self) -> Result<(), StoreError> {
        if self.head().is_none() {
            let mut conn = self.0.reader.acquire().await?;
            let head = event_log::find_head(&mut conn).await?;
            // After the head: events after it then only repeat what is known.
            let rows = applications::list_keys(&mut conn).await?;
            conn.keep();
            self.0.applications.fill(rows);
            self.0.begin_at(head.into(), |known| known.epoch.is_empty());
            self.0.note_read();
        }
        Ok(())
    }

    /// The position up to which this replica has read the log; none before the first read.
    pub fn head(&self) -> Option<Cursor> {
        let position = self.0.head.borrow();
        (!position.epoch.is_empty()).then(|| position.cursor())
    }

    /// Waits until this replica has read the log up to `cursor`. False when that is a position of another log.
    pub async fn wait_for(&self, cursor: &Cursor) -> bool {
        let mut head = self.0.head.subscribe();
        // The sender lives as long as `self`, so waiting cannot fail.
        let reached = |position: &Position| {
            !position.epoch.is_empty() && (*position.epoch != *cursor.epoch || position.seq >= cursor.seq)
        };
        match head.wait_for(reached).await {
            Ok(position) => *position.epoch == *cursor.epoch,
            Err(_) => false,
        }
    }

    /// Whether the log could be read within the last 3 seconds.
    pub fn is_healthy(&self) -> bool {
        let patience = UNHEALTHY_AFTER.max(self.0.settings.poll_interval * 2);
        self.0.last_read.lock().is_some_and(|(_, at)| at.elapsed() <= patience)
    }

    /// When the log was last read.
    pub fn last_read_at(&self) -> Option<OffsetDateTime> {
        self.0.last_read.lock().map(|(at, _)| at)
    }

    /// How many subscriptions there are.
    pub fn subscriber_count(&self) -> usize {
        self.0.subscribers.load(Ordering::Relaxed)
    }

    /// What is known of the applications: who sees which.
    pub fn applications(&self) -> &ApplicationIndex {
        &self.0.applications
    }

    /// Follows the log from after `from`, or from now. A position that cannot be resumed from is found out by the first
    /// [`Subscription::next_batch`].
    pub fn subscribe(&self, filter: Filter, from: Option<Cursor>) -> Subscription {
        Subscription::new(self.clone(), filter, from)
    }
}

impl Shared {
    /// Begins at another place of the log, or of another log, if `is_due` says so of what is known.
    pub(crate) fn begin_at(&self, head: Position, is_due: impl FnOnce(&Position) -> bool) {
        let everybody = self.interests.everybody();
        let mut ring = self.ring.write();
        if is_due(&self.head.borrow()) {
            ring.clear();
            self.replays.clear();
            self.head.send_replace(head.clone());
            everybody.tell_everybody(&head);
        }
    }

    /// Takes over the next events of the log. `has_gap`: there were others before them that nobody can have any more.
    pub(crate) fn publish(&self, epoch: &Arc<str>, frames: Vec<Arc<Frame>>, has_gap: bool) {
        let Some(seq) = frames.last().map(|frame| frame.seq()) else {
            return;
        };
        let head = Position {
            epoch: Arc::clone(epoch),
            seq,
        };
        self.counts.note_events(frames.len());
        let matches = self.interests.matches(&frames, &self.applications);
        let mut ring = self.ring.write();
        if has_gap {
            // What is in the ring must be without gaps.
            ring.clear();
        }
        frames.into_iter().for_each(|frame| ring.push(frame));
        // Under the ring's lock, so that ring, head and what was told agree for whoever looks.
        self.head.send_replace(head.clone());
        match has_gap {
            true => matches.tell_everybody(&head),
            false => matches.tell(epoch, &self.pushers),
        }
    }

    pub(crate) fn note_read(&self) {
        *self.last_read.lock() = Some((self.clock.now(), Instant::now()));
    }
}
