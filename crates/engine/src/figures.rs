//! What the background work of this process came to, counted.

use std::collections::BTreeMap;
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Mutex, PoisonError};

/// Counts for whoever watches the process. They only grow, and begin again with it.
#[derive(Debug, Default)]
pub struct Figures {
    /// By account and outcome. Accounts are those of the configuration, outcomes words of this program.
    reads: Mutex<BTreeMap<(String, &'static str), u64>>,
    lease_takeovers: AtomicU64,
    leases_lost: AtomicU64,
    deployments_created: AtomicU64,
    deployments_changed: AtomicU64,
    not_remapped: AtomicU64,
}

impl Figures {
    /// How often the reads of each account ended in each way: `succeeded`, `postponed`, `not_stored`, `lease_lost`, or the kind
    /// of the provider's error.
    pub fn reads(&self) -> Vec<(String, &'static str, u64)> {
        let reads = self.reads.lock().unwrap_or_else(PoisonError::into_inner);
        let told = reads
            .iter()
            .map(|((account, outcome), count)| (account.clone(), *outcome, *count));
        told.collect()
    }

    /// How many targets were taken over whose lease another process had let expire.
    pub fn lease_takeovers(&self) -> u64 {
        self.lease_takeovers.load(Ordering::Relaxed)
    }

    /// How many leases this process found to be another's while it worked.
    pub fn leases_lost(&self) -> u64 {
        self.leases_lost.load(Ordering::Relaxed)
    }

    /// How many deployments were brought in for the first time, and how often one changed.
    pub fn deployments(&self) -> (u64, u64) {
        let read = |count: &AtomicU64| count.load(Ordering::Relaxed);
        (read(&self.deployments_created), read(&self.deployments_changed))
    }

    /// How many deployments a changed mapping concerned that could not be read again, because their payload is gone.
    pub fn not_remapped(&self) -> u64 {
        self.not_remapped.load(Ordering::Relaxed)
    }

    pub(crate) fn note_not_remapped(&self, count: u64) {
        self.not_remapped.fetch_add(count, Ordering::Relaxed);
    }

    pub(crate) fn note_read(&self, account: &str, outcome: &'static str) {
        let mut reads = self.reads.lock().unwrap_or_else(PoisonError::into_inner);
        *reads.entry((account.to_owned(), outcome)).or_default() += 1;
    }

    pub(crate) fn note_lease_takeover(&self) {
        self.lease_takeovers.fetch_add(1, Ordering::Relaxed);
    }

    pub(crate) fn note_lease_lost(&self) {
        self.leases_lost.fetch_add(1, Ordering::Relaxed);
    }

    pub(crate) fn note_deployments(&self, created: usize, changed: usize) {
        let add = |count: &AtomicU64, more: usize| count.fetch_add(u64::try_from(more).unwrap_or(0), Ordering::Relaxed);
        add(&self.deployments_created, created);
        add(&self.deployments_changed, changed);
    }
}
