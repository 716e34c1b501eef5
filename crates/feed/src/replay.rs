//! What subscriptions behind the ring read from the database: a page once for all who are there, and a few at a time, so that
//! they hold up nobody who is not behind.

use std::collections::BTreeMap;
use std::sync::Arc;
use std::time::{Duration, Instant};

use parking_lot::Mutex;
use slipway_store::{PgPool, StoreError, event_log, pool};
use tokio::sync::{OwnedSemaphorePermit, Semaphore};

use crate::batch::ResetReason;
use crate::feed::Position;
use crate::frame::Frame;

/// How many events are read at once.
const PAGE: i64 = 200;

/// How many subscriptions take from the database, or send what they took, at the same time; the others wait for their turn. Half
/// of the processors: whoever is behind may keep those busy, and never all.
fn turns() -> usize {
    std::thread::available_parallelism().map_or(1, |count| count.get().div_ceil(2))
}

/// How much is kept for others who come by, and for how long after the last has.
const KEPT_BYTES: usize = 16 * 1024 * 1024;
const KEPT_FOR: Duration = Duration::from_secs(5);

/// Events without gaps.
#[derive(Debug)]
pub(crate) struct Page {
    epoch: Arc<str>,
    frames: Vec<Arc<Frame>>,
    bytes: usize,
}

impl Page {
    /// What comes after a number.
    pub(crate) fn after(&self, seq: i64) -> &[Arc<Frame>] {
        let first = self.frames.partition_point(|frame| frame.seq() <= seq);
        self.frames.get(first..).unwrap_or_default()
    }
}

/// What there is after a position.
pub(crate) enum Replay {
    /// Events, at least one of them after the position.
    Page(Arc<Page>),
    /// Nothing: the position cannot be resumed from. With where the log ends.
    Reset(ResetReason, Position),
    /// Nothing yet.
    Wait,
}

/// The right to take from the database and to send what was taken, until it is dropped.
#[derive(Debug)]
pub(crate) struct Turn(#[expect(dead_code, reason = "it is there to be dropped")] Option<OwnedSemaphorePermit>);

#[derive(Debug)]
struct Kept {
    page: Arc<Page>,
    used_at: Instant,
}

#[derive(Debug)]
pub(crate) struct Replays {
    turns: Arc<Semaphore>,
    /// By the number before their first event.
    pages: Mutex<BTreeMap<i64, Kept>>,
}

impl Default for Replays {
    fn default() -> Self {
        Self {
            turns: Arc::new(Semaphore::new(turns())),
            pages: Mutex::default(),
        }
    }
}

impl Replays {
    /// Waits for a turn, in the order of those who ask.
    pub(crate) async fn turn(&self) -> Turn {
        // Closed never, so a permit always comes.
        Turn(Arc::clone(&self.turns).acquire_owned().await.ok())
    }

    /// What comes after a position. Whoever asks has a turn.
    pub(crate) async fn read_after(&self, pool: &PgPool, position: &Position) -> Result<Replay, StoreError> {
        if let Some(page) = self.find(position) {
            return Ok(Replay::Page(page));
        }
        // One snapshot: an event that commits between two looks would pass for one that retention has removed.
        let mut snapshot = pool::begin_snapshot(pool).await?;
        let rows = event_log::list_after(&mut snapshot, position.seq, PAGE).await?;
        let head = event_log::find_head(&mut snapshot).await?;
        drop(snapshot);
        if *head.epoch != *position.epoch {
            return Ok(Replay::Reset(ResetReason::UnknownEpoch, head.into()));
        }
        let Some(first) = rows.first() else {
            return Ok(match head.seq.cmp(&position.seq) {
                std::cmp::Ordering::Less => Replay::Reset(ResetReason::BeyondHead, head.into()),
                // This replica has not read that far yet.
                std::cmp::Ordering::Equal => Replay::Wait,
                std::cmp::Ordering::Greater => Replay::Reset(ResetReason::Expired, head.into()),
            });
        };
        if first.seq != position.seq + 1 {
            return Ok(Replay::Reset(ResetReason::Expired, head.into()));
        }
        let encode = |row| Arc::new(Frame::new(&position.epoch, row));
        let frames: Vec<_> = rows.into_iter().map(encode).collect();
        let page = Arc::new(Page {
            epoch: Arc::clone(&position.epoch),
            bytes: frames.iter().map(|frame| frame.sse().len()).sum(),
            frames,
        });
        self.keep(position.seq, &page);
        Ok(Replay::Page(page))
    }

    fn find(&self, position: &Position) -> Option<Arc<Page>> {
        let mut pages = self.pages.lock();
        let (_, kept) = pages.range_mut(..=position.seq).next_back()?;
        let fits = kept.page.epoch == position.epoch && !kept.page.after(position.seq).is_empty();
        fits.then(|| {
            kept.used_at = Instant::now();
            Arc::clone(&kept.page)
        })
    }

    fn keep(&self, before: i64, page: &Arc<Page>) {
        let mut pages = self.pages.lock();
        let kept = Kept {
            page: Arc::clone(page),
            used_at: Instant::now(),
        };
        pages.insert(before, kept);
        while pages.values().map(|kept| kept.page.bytes).sum::<usize>() > KEPT_BYTES {
            let oldest = pages
                .iter()
                .min_by_key(|(_, kept)| kept.used_at)
                .map(|(before, _)| *before);
            let Some(oldest) = oldest else {
                return;
            };
            pages.remove(&oldest);
        }
    }

    /// Forgets what nobody has asked for lately.
    pub(crate) fn expire(&self) {
        self.pages.lock().retain(|_, kept| kept.used_at.elapsed() < KEPT_FOR);
    }

    pub(crate) fn clear(&self) {
        self.pages.lock().clear();
    }
}
