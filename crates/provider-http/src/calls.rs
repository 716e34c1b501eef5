//! What was asked of providers, counted: how often, how it ended, how long it took.

use std::collections::BTreeMap;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use slipway_core::provider::ErrorKind;

use crate::Durations;

/// The requests of each account, by its name. Clones share everything. An account that is asked for again goes on with its
/// counts, so that they only ever grow while the process lives.
#[derive(Debug, Clone, Default)]
pub struct CallBook(Arc<Mutex<BTreeMap<String, Arc<Calls>>>>);

impl CallBook {
    /// The counts of an account.
    pub fn of_account(&self, account: &str) -> Arc<Calls> {
        Arc::clone(self.lock().entry(account.to_owned()).or_default())
    }

    /// All accounts with their counts, by name.
    pub fn accounts(&self) -> Vec<(String, Arc<Calls>)> {
        let book = self.lock();
        book.iter()
            .map(|(name, calls)| (name.clone(), Arc::clone(calls)))
            .collect()
    }

    fn lock(&self) -> MutexGuard<'_, BTreeMap<String, Arc<Calls>>> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// The requests of one account. Operations and outcomes are words of this program, so there are only so many.
#[derive(Debug, Default)]
pub struct Calls {
    ended: Mutex<BTreeMap<(&'static str, &'static str), u64>>,
    durations: Durations,
}

impl Calls {
    /// Counts a request that was sent. `ended`: with this status, or without an answer that could be used.
    pub(crate) fn note(&self, operation: &'static str, ended: Result<u16, ErrorKind>, took: Duration) {
        self.count(
            operation,
            match ended {
                Ok(status) => class(status),
                Err(kind) => kind.as_str(),
            },
        );
        self.durations.note(took);
    }

    /// Counts a request that was not sent, because our own count says that the provider would refuse it.
    pub(crate) fn note_held_back(&self, operation: &'static str) {
        self.count(operation, "held_back");
    }

    /// How often each operation ended in each way: `2xx` and its like, a kind of error where there was no answer that could be
    /// used, or `held_back`.
    pub fn ended(&self) -> Vec<(&'static str, &'static str, u64)> {
        let ended = self.ended.lock().unwrap_or_else(PoisonError::into_inner);
        ended
            .iter()
            .map(|((operation, outcome), count)| (*operation, *outcome, *count))
            .collect()
    }

    /// How long the requests took that were sent, to the end of their answers.
    pub fn durations(&self) -> &Durations {
        &self.durations
    }

    fn count(&self, operation: &'static str, outcome: &'static str) {
        let mut ended = self.ended.lock().unwrap_or_else(PoisonError::into_inner);
        *ended.entry((operation, outcome)).or_default() += 1;
    }
}

const fn class(status: u16) -> &'static str {
    match status {
        100..200 => "1xx",
        200..300 => "2xx",
        300..400 => "3xx",
        400..500 => "4xx",
        _ => "5xx",
    }
}
