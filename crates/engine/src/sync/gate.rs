//! Holds an account's reads back while its provider throttles us or is in trouble.

use std::collections::HashMap;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use slipway_core::AccountName;
use slipway_core::provider::{ErrorKind, ProviderError, RateBudget};
use time::OffsetDateTime;
use tokio::time::Instant;

const AFTER_TROUBLE: Duration = Duration::from_secs(5);
const AFTER_THROTTLE: Duration = Duration::from_secs(30);
/// Of each window this share is kept for what matters more than reading one more application.
const RESERVE_DIVISOR: u32 = 10;

/// One gate for each account of this process.
#[derive(Debug, Clone, Default)]
pub(super) struct Gates(Arc<Mutex<HashMap<AccountName, Instant>>>);

impl Gates {
    /// How long reads of single applications have to wait.
    pub(super) fn wait(
        &self,
        account: &AccountName,
        budget: Option<RateBudget>,
        now: OffsetDateTime,
    ) -> Option<Duration> {
        let paused = self
            .lock()
            .get(account)
            .map(|until| until.saturating_duration_since(Instant::now()));
        paused.filter(|wait| !wait.is_zero()).or_else(|| spent(budget?, now))
    }

    /// Closes the gate for as long as this failure asks for.
    pub(super) fn note_failure(&self, account: &AccountName, error: &ProviderError) {
        let pause = match error.kind {
            ErrorKind::RateLimited => error.retry_after.unwrap_or(AFTER_THROTTLE),
            ErrorKind::Unavailable => error.retry_after.unwrap_or(AFTER_TROUBLE),
            _ => return,
        };
        let until = Instant::now() + pause;
        self.lock()
            .entry(account.clone())
            .and_modify(|known| *known = (*known).max(until))
            .or_insert(until);
    }

    /// Opens the gate: the provider answered.
    pub(super) fn note_success(&self, account: &AccountName) {
        self.lock().remove(account);
    }

    fn lock(&self) -> std::sync::MutexGuard<'_, HashMap<AccountName, Instant>> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

fn spent(budget: RateBudget, now: OffsetDateTime) -> Option<Duration> {
    (budget.remaining <= budget.limit / RESERVE_DIVISOR).then(|| {
        let left = budget
            .resets_at
            .map_or(time::Duration::seconds(10), |resets_at| resets_at - now);
        Duration::try_from(left)
            .unwrap_or_default()
            .clamp(Duration::from_secs(1), Duration::from_secs(300))
    })
}
