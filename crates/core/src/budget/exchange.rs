//! What a process and the ledger tell each other.

use std::time::Duration;

use time::OffsetDateTime;

use super::{Circuit, CircuitEvent, Priority};
use crate::provider::RateBudget;

/// What became of a holder's last slice.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Report {
    /// Requests that have ended since the last report.
    pub made: u32,
    /// How long ago the last of them ended.
    pub made_ago: Duration,
    /// Requests that are on their way.
    pub in_flight: u32,
    /// Requests of the last slice that are not used yet and stay with the holder.
    pub kept: u32,
    /// What headers said last.
    pub told: Option<Told>,
    /// How long ago they said it.
    pub told_ago: Duration,
    /// What happened since, in order, and how long ago.
    pub events: Vec<(Duration, CircuitEvent)>,
}

/// What a provider's headers say.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct Told {
    /// Requests in a whole window.
    pub limit: Option<u32>,
    /// Requests left now: what the holder has begun since is taken off.
    pub remaining: Option<u32>,
}

/// What a holder asks for.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Wanted {
    /// What for.
    pub priority: Priority,
    /// How many requests at most.
    pub at_most: u32,
}

/// What a holder is given.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Grant {
    /// So many requests.
    pub count: u32,
    /// What is left in the ledger: who leaves more than that to others must not use the slice.
    pub spare: u32,
    /// For what the slice was asked.
    pub priority: Priority,
    /// How long they may be used.
    pub valid_for: Duration,
    /// One request, to find out whether the provider is back.
    pub is_probe: bool,
}

/// Why nothing is given.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Wait {
    /// For how long it makes no sense to ask again.
    pub at_least: Duration,
    /// Why.
    pub cause: WaitCause,
}

/// Why a request must wait.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum WaitCause {
    /// What is left is kept for what is more important.
    Spent,
    /// The provider throttles us.
    Throttled,
    /// The provider is in trouble.
    Unavailable,
    /// The shared ledger cannot be reached.
    LedgerAway,
}

/// The ledger's answer.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Reply {
    /// The time of the ledger.
    pub now: OffsetDateTime,
    /// What was asked for; none when nothing was.
    pub granted: Option<Result<Grant, Wait>>,
    /// Whether anybody asks.
    pub circuit: Circuit,
    /// What is left, the holder's own slice taken off.
    pub budget: Option<RateBudget>,
}
