//! What the provider servers were asked: the last requests, and counters by kind of route.

use std::collections::{BTreeMap, VecDeque};

use parking_lot::Mutex;
use serde::Serialize;
use time::OffsetDateTime;

use crate::world::Provider;

/// The log keeps this many requests; the counters keep all.
const KEPT: usize = 20_000;

/// One request that a provider server answered.
#[derive(Debug, Clone, Serialize)]
pub struct RequestEntry {
    /// Whose server.
    pub provider: Provider,
    /// GET, POST, DELETE.
    pub method: String,
    /// Path with query, as it came.
    pub path: String,
    /// Kind of route, for example `cloud66.deployments.list`.
    pub kind: &'static str,
    /// Status of the answer; 0 when there was none (a fault that hangs).
    pub status: u16,
    /// When it came, by the computer's clock.
    #[serde(with = "time::serde::rfc3339")]
    pub at: OffsetDateTime,
    /// Time until the answer began, in milliseconds.
    pub took_ms: u64,
    /// The header `traceparent`: which trace the client says that it belongs to.
    pub traceparent: Option<String>,
}

#[derive(Debug, Default)]
struct Inner {
    entries: VecDeque<RequestEntry>,
    counters: BTreeMap<&'static str, u64>,
}

/// The log of requests and its counters.
#[derive(Debug, Default)]
pub struct RequestLog(Mutex<Inner>);

impl RequestLog {
    pub(crate) fn append(&self, entry: RequestEntry) {
        let mut inner = self.0.lock();
        if inner.entries.len() == KEPT {
            inner.entries.pop_front();
        }
        inner.entries.push_back(entry);
    }

    /// Counted when the request comes, so that one that never gets an answer counts too.
    pub(crate) fn count(&self, kind: &'static str) {
        *self.0.lock().counters.entry(kind).or_default() += 1;
    }

    /// The newest requests, oldest of them first.
    #[must_use]
    pub fn entries(&self) -> Vec<RequestEntry> {
        self.0.lock().entries.iter().cloned().collect()
    }

    /// Requests by kind of route since the start or the last clear.
    #[must_use]
    pub fn counters(&self) -> BTreeMap<&'static str, u64> {
        self.0.lock().counters.clone()
    }

    /// How many requests of one kind of route came.
    #[must_use]
    pub fn counter(&self, kind: &str) -> u64 {
        self.0.lock().counters.get(kind).copied().unwrap_or(0)
    }

    /// Forget requests and counters.
    pub fn clear(&self) {
        *self.0.lock() = Inner::default();
    }
}
