//! The right to make one request, and what is said where there is none.

use slipway_core::budget::{CIRCUIT_OPEN, CircuitEvent, HELD_BACK, Wait, WaitCause};
use slipway_core::provider::{ErrorKind, ProviderError};

use super::Budget;

/// A request that may be made now. Dropped when its answer is there or given up.
#[derive(Debug)]
pub(crate) struct Permit<'a> {
    pub(super) budget: &'a Budget,
    pub(super) is_probe: bool,
    pub(super) is_told: bool,
}

impl Permit<'_> {
    /// Whether its answer tells that the provider is back.
    pub(crate) fn is_probe(&self) -> bool {
        self.is_probe
    }
}

impl Drop for Permit<'_> {
    fn drop(&mut self) {
        let now = self.budget.clock.now();
        let mut state = self.budget.lock();
        state.in_flight = state.in_flight.saturating_sub(1);
        state.made += 1;
        state.made_at = Some(now);
        if self.is_probe && !self.is_told {
            self.budget.note(&mut state, CircuitEvent::ProbeGivenUp);
        }
    }
}

/// The error of a call that was not made.
pub(crate) fn held_back(provider: &'static str, operation: &'static str, wait: Wait) -> ProviderError {
    let (kind, reason, message) = match wait.cause {
        WaitCause::Spent => (
            ErrorKind::RateLimited,
            HELD_BACK,
            "no request is left in the provider's rate limit",
        ),
        WaitCause::Throttled => (
            ErrorKind::RateLimited,
            CIRCUIT_OPEN,
            "the provider throttles us; nobody asks it until that is over",
        ),
        WaitCause::Unavailable => (
            ErrorKind::Unavailable,
            CIRCUIT_OPEN,
            "the provider failed several times in a row; one request finds out from time to time whether it is back",
        ),
        WaitCause::LedgerAway => (
            ErrorKind::Unavailable,
            HELD_BACK,
            "the rate budget that is shared with other processes cannot be reached",
        ),
    };
    ProviderError::new(kind, provider, operation, message)
        .with_reason(reason)
        .with_retry_after(Some(wait.at_least))
}
