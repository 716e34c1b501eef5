//! Asking the ledger: this client's own, or the one that is shared.

use std::sync::Arc;
use std::time::Duration;

use slipway_core::budget::{LedgerAway, Priority, Wait, Wanted};
use tokio::sync::OwnedMutexGuard;

use super::Budget;
use super::state::{Refused, apply, take_report};

/// A shared ledger that does not answer within this time is away.
const LEDGER_LIMIT: Duration = Duration::from_secs(3);
/// For so long at most a refusal is repeated without asking the ledger again: somebody may have given something back.
const LONGEST_REFUSAL: Duration = Duration::from_secs(2);
const LARGEST_SLICE: u32 = 30;
/// Who holds slices of a ledger that nobody else uses.
const MYSELF: &str = "";

/// For so long a ledger that is away is not asked again.
pub(super) const AFTER_AWAY: Duration = Duration::from_secs(1);

impl Budget {
    pub(super) fn holder(&self) -> &str {
        self.shared.get().map_or(MYSELF, |shared| shared.holder())
    }

    pub(super) fn exchange_own(&self, priority: Option<Priority>) -> Option<Wait> {
        let mut state = self.lock();
        let now = self.clock.now();
        let (report, kept) = take_report(&mut state, now, priority.is_none());
        let wanted = priority.map(|priority| Wanted { priority, at_most: 1 });
        let reply = state.own.exchange(now, MYSELF, self.limit, &report, wanted);
        apply(&mut state, now, kept, &reply);
        reply.granted.and_then(Result::err)
    }

    /// Asks the shared ledger. Goes on when the caller is dropped: what was reported must not get lost.
    pub(super) async fn ask(&self, turn: OwnedMutexGuard<()>, priority: Option<Priority>) {
        let Some(this) = self.this.upgrade() else { return };
        let asked = tokio::spawn(async move {
            let _turn = turn;
            this.exchange(priority).await;
        });
        // It fails only by a panic or at the end of the process.
        drop(asked.await);
    }

    async fn exchange(&self, priority: Option<Priority>) {
        let Some(shared) = self.shared.get() else { return };
        let began = self.clock.now();
        let (report, kept) = take_report(&mut self.lock(), began, priority.is_none());
        let wanted = priority.map(|priority| Wanted {
            priority,
            at_most: self
                .limit
                .map_or(1, |limit| (limit.requests / 20).clamp(1, LARGEST_SLICE)),
        });
        let asked = tokio::time::timeout(LEDGER_LIMIT, shared.exchange(self.limit, &report, wanted)).await;
        let answer = asked.unwrap_or_else(|_| Err(LedgerAway("no answer in time".to_owned())));
        let mut state = self.lock();
        match answer {
            Ok(reply) => {
                apply(&mut state, began, kept, &reply);
                if let (Some(priority), Some(Err(wait))) = (priority, reply.granted) {
                    let until = reply.now + wait.at_least.min(LONGEST_REFUSAL);
                    state.refused = Some(Refused { priority, wait, until });
                }
                let holder = shared.holder().to_owned();
                // What happened meanwhile, the ledger hears of the next time.
                for (at, event) in state.events.clone() {
                    state.circuit.note(at, &holder, event);
                }
                if let Some(slice) = state.slice.filter(|_| priority.is_some()) {
                    self.settle_later(slice.grant.valid_for);
                }
            }
            Err(error) => {
                tracing::debug!(error = %error, "a slice of the rate budget was not had");
                // It may have taken note or not: told twice is on the safe side.
                state.made += report.made;
                state.made_at = state.made_at.or(Some(began));
                if state.told.is_none() && report.told.is_some() {
                    (state.told, state.told_at) = (report.told, Some(began - report.told_ago));
                }
                let asked_at = began + state.offset;
                let unheard = report.events.into_iter().map(|(ago, event)| (asked_at - ago, event));
                state.events.splice(0..0, unheard);
                state.away_until = Some(self.clock.now() + state.offset + AFTER_AWAY);
            }
        }
    }

    /// What is not used when a slice ends is given back then, and what was used is told.
    fn settle_later(&self, valid_for: Duration) {
        let this = self.this.clone();
        tokio::spawn(async move {
            tokio::time::sleep(valid_for).await;
            let Some(this) = this.upgrade() else { return };
            let _turn = Arc::clone(&this.asking).lock_owned().await;
            let is_over = {
                let state = this.lock();
                let now = this.clock.now() + state.offset;
                state.slice.is_some_and(|slice| now >= slice.until)
            };
            if is_over {
                this.exchange(None).await;
            }
        });
    }
}
