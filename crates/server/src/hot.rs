//! Hot answers: kept in memory, each for as long as no event comes that touches it.
//!
//! An answer is kept with the end of the log from before it was read, and with a watch for the events that could touch it.
//! While there are none, it shows the database as it is at the end of the log that this replica knows, and is sent with that
//! position. Nothing has to be removed in time: an answer that was touched is read again by whoever asks next. Equal
//! questions that are asked meanwhile share one read.

use std::collections::HashMap;
use std::fmt;
use std::hash::Hash;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Instant;

use parking_lot::Mutex;
use quick_cache::Weighter;
use quick_cache::sync::Cache;
use slipway_api::Cursor;
use slipway_feed::{Feed, Filter, Watch};
use slipway_store::Visibility;

use crate::problem::Problem;

/// What an entry costs beside its bytes: keys, positions, the watch.
const OVERHEAD_BYTES: u64 = 1024;

/// Something that was read.
pub(crate) trait Answer: Send + Sync {
    /// The position in the event log that it was read at.
    fn head(&self) -> &Cursor;

    /// Matches every event that could change it.
    fn touched_by(&self) -> Filter;

    /// How much memory it takes.
    fn bytes(&self) -> usize;
}

/// What a filter names and what a caller may see, as the narrower of the two: for [`Answer::touched_by`].
pub(crate) fn narrower<T: Clone>(asked: &[T], seen: &[T]) -> Vec<T> {
    if asked.is_empty() { seen } else { asked }.to_vec()
}

/// A question, and what the caller may see of the answer.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub(crate) struct Key<Q> {
    pub(crate) question: Q,
    visibility: Arc<Visibility>,
}

impl<Q> Key<Q> {
    pub(crate) fn new(question: Q, visibility: &Arc<Visibility>) -> Self {
        Self {
            question,
            visibility: Arc::clone(visibility),
        }
    }
}

#[derive(Debug)]
struct Kept<A> {
    answer: Arc<A>,
    /// Where the log ended before it was read.
    since: Cursor,
    watch: Arc<Watch>,
}

impl<A: Answer> Kept<A> {
    /// The position that the answer shows now; none if it does not hold any more.
    fn position(&self) -> Option<Cursor> {
        let quiet = self.watch.quiet_until(&self.since)?;
        let head = self.answer.head();
        // Read in another log than the one that was there before: a restore in between.
        (head.epoch == quiet.epoch).then(|| if head.seq > quiet.seq { head.clone() } else { quiet })
    }
}

#[derive(Debug, Clone, Copy)]
struct ByBytes;

impl<Q, A: Answer> Weighter<Key<Q>, Arc<Kept<A>>> for ByBytes {
    fn weight(&self, _: &Key<Q>, kept: &Arc<Kept<A>>) -> u64 {
        OVERHEAD_BYTES + u64::try_from(kept.answer.bytes()).unwrap_or(u64::MAX / 2)
    }
}

/// The last read of a question that several ask at once.
struct Read<A> {
    began: Instant,
    outcome: Result<Arc<A>, Problem>,
}

type Turn<A> = Arc<tokio::sync::Mutex<Option<Read<A>>>>;

/// How often what was kept could be used, and how much it is.
#[derive(Debug, Clone, Copy)]
pub(crate) struct CacheFigures {
    pub(crate) hits: u64,
    /// Also those that then shared the read of another.
    pub(crate) misses: u64,
    pub(crate) entries: usize,
    pub(crate) bytes: u64,
}

/// Answers to one kind of question.
pub(crate) struct HotAnswers<Q, A: Answer> {
    feed: Feed,
    /// Whether there is room for any.
    keeps: bool,
    kept: Cache<Key<Q>, Arc<Kept<A>>, ByBytes>,
    hits: AtomicU64,
    misses: AtomicU64,
    /// Whose turn it is to read. An entry lives as long as somebody waits.
    turns: Mutex<HashMap<Key<Q>, Turn<A>>>,
}

impl<Q, A: Answer> fmt::Debug for HotAnswers<Q, A> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("HotAnswers").finish_non_exhaustive()
    }
}

impl<Q: Hash + Eq + Clone, A: Answer> HotAnswers<Q, A> {
    /// At most so many bytes of answers; with none, every question is read.
    pub(crate) fn new(feed: Feed, bytes: u64) -> Self {
        Self {
            feed,
            keeps: bytes > 0,
            kept: Cache::with_weighter(256, bytes, ByBytes),
            hits: AtomicU64::new(0),
            misses: AtomicU64::new(0),
            turns: Mutex::default(),
        }
    }

    /// The answer, and the position in the event log that it shows. `read` is only called when there is none that holds, and
    /// must read what the key's visibility lets through.
    ///
    /// # Errors
    /// What `read` says.
    pub(crate) async fn get(
        &self,
        key: &Key<Q>,
        read: impl AsyncFnOnce() -> Result<A, Problem>,
    ) -> Result<(Arc<A>, Cursor), Problem> {
        if let Some(hot) = self.get_at_once(key) {
            return Ok(hot);
        }
        self.misses.fetch_add(1, Ordering::Relaxed);
        // Apart, so that an answer from memory has no room for it.
        Box::pin(self.read_or_share(key.clone(), read)).await
    }

    /// The same, where the answer is there and holds.
    pub(crate) fn get_at_once(&self, key: &Key<Q>) -> Option<(Arc<A>, Cursor)> {
        let hot = self.find(key)?;
        self.hits.fetch_add(1, Ordering::Relaxed);
        Some(hot)
    }

    /// Reads the answer, or takes that of another who began to read after now.
    async fn read_or_share(
        &self,
        key: Key<Q>,
        read: impl AsyncFnOnce() -> Result<A, Problem>,
    ) -> Result<(Arc<A>, Cursor), Problem> {
        let asked = Instant::now();
        let waiting = Waiting { answers: self, key };
        let turn = waiting.turn();
        let mut last_read = turn.lock().await;
        if let Some(hot) = self.find(&waiting.key) {
            return Ok(hot);
        }
        // What was read after the question was asked answers it, also where it cannot be kept.
        let answer = match &*last_read {
            Some(last) if last.began >= asked => last.outcome.clone()?,
            _ => {
                let began = Instant::now();
                let outcome = self.read(&waiting.key, read).await;
                *last_read = Some(Read {
                    began,
                    outcome: outcome.clone(),
                });
                outcome?
            }
        };
        let position = answer.head().clone();
        Ok((answer, position))
    }

    pub(crate) fn figures(&self) -> CacheFigures {
        CacheFigures {
            hits: self.hits.load(Ordering::Relaxed),
            misses: self.misses.load(Ordering::Relaxed),
            entries: self.kept.len(),
            bytes: self.kept.weight(),
        }
    }

    fn find(&self, key: &Key<Q>) -> Option<(Arc<A>, Cursor)> {
        let kept = self.kept.get(key)?;
        let position = kept.position()?;
        Some((Arc::clone(&kept.answer), position))
    }

    async fn read(&self, key: &Key<Q>, read: impl AsyncFnOnce() -> Result<A, Problem>) -> Result<Arc<A>, Problem> {
        let since = self.feed.head().filter(|_| self.keeps);
        let answer = Arc::new(read().await?);
        if let Some(since) = since {
            // A new watch knows nothing of what came while the answer was read; that of the answer before does.
            let watch = match self.kept.peek(key) {
                Some(before) => Arc::clone(&before.watch),
                None => Arc::new(self.feed.watch(answer.touched_by())),
            };
            let kept = Kept {
                answer: Arc::clone(&answer),
                since,
                watch,
            };
            self.kept.insert(key.clone(), Arc::new(kept));
        }
        Ok(answer)
    }
}

/// Somebody who waits for a read of a question, or reads. Whoever leaves last takes the turns of the question away.
struct Waiting<'a, Q: Hash + Eq, A: Answer> {
    answers: &'a HotAnswers<Q, A>,
    key: Key<Q>,
}

impl<Q: Hash + Eq + Clone, A: Answer> Waiting<'_, Q, A> {
    /// Must be dropped before what it came from.
    fn turn(&self) -> Turn<A> {
        Arc::clone(self.answers.turns.lock().entry(self.key.clone()).or_default())
    }
}

impl<Q: Hash + Eq, A: Answer> Drop for Waiting<'_, Q, A> {
    fn drop(&mut self) {
        let mut turns = self.answers.turns.lock();
        if turns.get(&self.key).is_some_and(|turn| Arc::strong_count(turn) == 1) {
            turns.remove(&self.key);
        }
    }
}
