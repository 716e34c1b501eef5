//! How the feed of this process is doing, in numbers.

use std::collections::HashMap;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};

use parking_lot::Mutex;
use time::OffsetDateTime;

use crate::feed::Feed;
use crate::place::Place;

/// How the feed is doing. Counts begin with the process.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct FeedFigures {
    /// When the log was last read.
    pub last_read_at: Option<OffsetDateTime>,
    /// How many events were read of the log.
    pub events_read: u64,
    /// How many events are kept in memory.
    pub ring_events: usize,
    /// How often a subscription took what it wanted from memory.
    pub ring_hits: u64,
    /// How often one had to read the database: it was behind what memory holds.
    pub replays: u64,
    /// How many subscriptions there are.
    pub subscribers: usize,
    /// How many of them have something to take that they have not taken yet.
    pub subscribers_behind: usize,
    /// How many positions of the log the one that is furthest behind has to go through.
    pub backlog_max: u64,
    /// The same of all together.
    pub backlog: u64,
}

#[derive(Debug, Default)]
pub(crate) struct Counts {
    events_read: AtomicU64,
    ring_hits: AtomicU64,
    replays: AtomicU64,
    /// By address, which is theirs alone while they are here.
    subscriptions: Mutex<HashMap<usize, Arc<Place>>>,
}

impl Counts {
    pub(crate) fn note_events(&self, count: usize) {
        self.events_read
            .fetch_add(u64::try_from(count).unwrap_or(0), Ordering::Relaxed);
    }

    pub(crate) fn note_ring_hits(&self, count: usize) {
        self.ring_hits
            .fetch_add(u64::try_from(count).unwrap_or(0), Ordering::Relaxed);
    }

    pub(crate) fn note_replay(&self) {
        self.replays.fetch_add(1, Ordering::Relaxed);
    }

    pub(crate) fn add(&self, place: &Arc<Place>) {
        self.subscriptions
            .lock()
            .insert(Arc::as_ptr(place).addr(), Arc::clone(place));
    }

    pub(crate) fn remove(&self, place: &Arc<Place>) {
        self.subscriptions.lock().remove(&Arc::as_ptr(place).addr());
    }
}

impl Feed {
    /// How the feed is doing now.
    pub fn figures(&self) -> FeedFigures {
        let counts = &self.0.counts;
        let mut figures = FeedFigures {
            last_read_at: self.last_read_at(),
            events_read: counts.events_read.load(Ordering::Relaxed),
            ring_events: self.0.ring.read().len(),
            ring_hits: counts.ring_hits.load(Ordering::Relaxed),
            replays: counts.replays.load(Ordering::Relaxed),
            subscribers: self.subscriber_count(),
            ..FeedFigures::default()
        };
        for place in counts.subscriptions.lock().values() {
            let backlog = place.backlog();
            figures.subscribers_behind += usize::from(backlog > 0);
            figures.backlog_max = figures.backlog_max.max(backlog);
            figures.backlog += backlog;
        }
        figures
    }
}
