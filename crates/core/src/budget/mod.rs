//! How often an account's provider may be asked, by whom, and when not at all: pure rules, the same for one process and for
//! many that share a limit.
//!
//! A [`Ledger`] is the account of one provider limit. Who wants to ask takes a slice of it for a few seconds and tells, when
//! it comes for the next one, what became of the last. So the limit holds over any number of processes, most requests need no
//! look at the ledger, and the slice of a process that died counts as used until its window is over and then is there again.

mod circuit;
mod exchange;
mod ledger;
mod priority;
mod turns;

use std::fmt::Debug;
use std::time::Duration;

use async_trait::async_trait;
use serde::{Deserialize, Serialize};
use time::OffsetDateTime;

pub use circuit::{Circuit, CircuitEvent, Open, fingerprint};
pub use exchange::{Grant, Reply, Report, Told, Wait, WaitCause, Wanted};
pub use ledger::Ledger;
pub use priority::{Priority, current_priority, with_priority};

/// The reason of an error of a call that was not made because what is left of the budget is kept for others, or cannot be
/// had: nothing is wrong with the provider.
pub const HELD_BACK: &str = "held_back";
/// The reason of an error of a call that was not made because the circuit breaker is open.
pub const CIRCUIT_OPEN: &str = "circuit_open";

/// A provider's documented limit.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub struct RateLimit {
    /// Requests in one window.
    pub requests: u32,
    /// How long a window is.
    pub window: Duration,
    /// Where windows begin.
    pub kind: WindowKind,
    /// How many of them are kept for writes: reads do not take the last ones.
    pub write_reserve: u32,
}

/// Where the windows of a limit begin.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum WindowKind {
    /// At full multiples of its length, such as full hours.
    Aligned,
    /// Nobody says: never more than the limit in any window, wherever it begins.
    Sliding,
}

impl RateLimit {
    /// Until when a request that the provider counted at `at` weighs on the limit.
    fn counts_until(&self, at: OffsetDateTime) -> OffsetDateTime {
        match self.kind {
            WindowKind::Aligned => next_aligned(at, self.window),
            WindowKind::Sliding => at + self.window,
        }
    }
}

/// A provider's refusal to serve us for a time.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub struct Throttle {
    /// For how long no request is made; then one may ask whether it is over.
    pub retry_after: Duration,
    /// When the provider's next window begins, if that is known.
    #[serde(with = "time::serde::rfc3339::option")]
    pub resets_at: Option<OffsetDateTime>,
}

impl Throttle {
    /// Until `retry_after` is over, one minute if the provider did not say.
    pub fn for_a_while(retry_after: Option<Duration>) -> Self {
        Self {
            retry_after: retry_after.unwrap_or(Duration::from_secs(60)),
            resets_at: None,
        }
    }
}

/// The ledger could not be reached; nothing is known of whether it took note.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("the rate budget that is shared with other processes cannot be reached: {0}")]
pub struct LedgerAway(pub String);

/// A [`Ledger`] that several processes share.
#[async_trait]
pub trait SharedLedger: Debug + Send + Sync {
    /// The name under which this process holds slices.
    fn holder(&self) -> &str;

    /// [`Ledger::exchange`] in one transaction, in the time of the ledger.
    ///
    /// # Errors
    /// When it cannot be reached.
    async fn exchange(
        &self,
        limit: Option<RateLimit>,
        report: &Report,
        wanted: Option<Wanted>,
    ) -> Result<Reply, LedgerAway>;
}

/// The first instant after `now` that is a full multiple of `window`.
pub fn next_aligned(now: OffsetDateTime, window: Duration) -> OffsetDateTime {
    let window = i64::try_from(window.as_secs()).unwrap_or(i64::MAX).max(1);
    let seconds = now.unix_timestamp();
    now.replace_nanosecond(0).unwrap_or(now) + Duration::from_secs((window - seconds.rem_euclid(window)).unsigned_abs())
}

/// From one instant to a later one, a tenth of a second at least.
pub(crate) fn between(from: OffsetDateTime, to: OffsetDateTime) -> Duration {
    Duration::try_from(to - from)
        .unwrap_or_default()
        .max(Duration::from_millis(100))
}
