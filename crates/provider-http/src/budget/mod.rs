//! How often the account's provider may be asked: a slice of its ledger at a time, counted here.
//!
//! The rules are `slipway_core::budget`'s. By default the ledger is this client's own; one that is shared with other processes
//! is asked once for several requests, and told at once when the circuit breaker is concerned.

mod ask;
mod permit;
mod state;

use std::sync::{Arc, Mutex, MutexGuard, OnceLock, PoisonError, Weak};
use std::time::Duration;

use slipway_core::Clock;
use slipway_core::budget::{
    CircuitEvent, Priority, RateLimit, SharedLedger, Throttle, Told, Wait, WaitCause, current_priority, fingerprint,
};
use slipway_core::provider::RateBudget;
use time::OffsetDateTime;

pub(crate) use permit::{Permit, held_back};

use ask::AFTER_AWAY;
use state::State;

/// Whoever is last in a queue comes back after that.
const LONGEST_QUEUE: Duration = Duration::from_secs(3_600);

/// The requests of one account. Shared by all calls of a client.
#[derive(Debug)]
pub(crate) struct Budget {
    limit: Option<RateLimit>,
    clock: Arc<dyn Clock>,
    state: Mutex<State>,
    shared: OnceLock<Arc<dyn SharedLedger>>,
    /// Held while the shared ledger is asked: those who come meanwhile may find what they need afterwards.
    asking: Arc<tokio::sync::Mutex<()>>,
    this: Weak<Self>,
}

/// What a client can do without asking a ledger.
enum Local<'a> {
    Taken(Permit<'a>),
    Refused(Wait),
    MustAsk,
}

impl Budget {
    pub(crate) fn new(limit: Option<RateLimit>, clock: Arc<dyn Clock>) -> Arc<Self> {
        Arc::new_cyclic(|this| Self {
            limit,
            clock,
            state: Mutex::default(),
            shared: OnceLock::new(),
            asking: Arc::default(),
            this: this.clone(),
        })
    }

    /// From now on the limit is shared. Only the first ledger counts.
    pub(crate) fn share(&self, ledger: Arc<dyn SharedLedger>) {
        // One that is set already stays: two would count apart.
        if self.shared.set(ledger).is_err() {
            return;
        }
        let mut state = self.lock();
        state.slice = None;
        state.refused = None;
    }

    /// Takes one request out of the budget, or says how long to wait. Reads have the priority of who makes them.
    pub(crate) async fn take(&self, is_write: bool) -> Result<Permit<'_>, Wait> {
        let priority = if is_write { Priority::Write } else { current_priority() };
        let taken = self.take_for(priority).await;
        taken.map_err(|wait| self.queue(priority, wait))
    }

    async fn take_for(&self, priority: Priority) -> Result<Permit<'_>, Wait> {
        if let Some(answer) = self.take_known(priority) {
            return answer;
        }
        if self.shared.get().is_some() {
            let turn = Arc::clone(&self.asking).lock_owned().await;
            if let Some(answer) = self.take_known(priority) {
                return answer;
            }
            self.ask(turn, Some(priority)).await;
        } else if let Some(wait) = self.exchange_own(Some(priority)) {
            return Err(wait);
        }
        match self.take_local(priority) {
            Local::Taken(permit) => Ok(permit),
            Local::Refused(wait) => Err(wait),
            // What was granted was taken by somebody else.
            Local::MustAsk => Err(Wait {
                at_least: Duration::from_millis(100),
                cause: WaitCause::Spent,
            }),
        }
    }

    /// Those that nobody waits for come back one after the other, at the pace of the limit: they would all be refused again if
    /// they came together, and thousands that are refused every minute cost more than those that are served.
    fn queue(&self, priority: Priority, wait: Wait) -> Wait {
        let (Some(limit), WaitCause::Spent) = (self.limit, wait.cause) else {
            return wait;
        };
        if priority < Priority::Incremental {
            return wait;
        }
        let mut state = self.lock();
        let now = self.clock.now();
        let first = now + wait.at_least;
        let after_last = state
            .queued_until
            .get(&priority)
            .map(|last| *last + limit.window / limit.requests.max(1));
        let at = after_last.map_or(first, |at| at.clamp(first, first + LONGEST_QUEUE));
        state.queued_until.insert(priority, at);
        Wait {
            at_least: between(now, at),
            ..wait
        }
    }

    fn take_known(&self, priority: Priority) -> Option<Result<Permit<'_>, Wait>> {
        match self.take_local(priority) {
            Local::Taken(permit) => Some(Ok(permit)),
            Local::Refused(wait) => Some(Err(wait)),
            Local::MustAsk => None,
        }
    }

    fn take_local(&self, priority: Priority) -> Local<'_> {
        let mut state = self.lock();
        let now = self.clock.now() + state.offset;
        if let Some(open) = state.circuit.open().filter(|open| now < open.until) {
            let cause = if open.reason == "rate_limited" {
                WaitCause::Throttled
            } else {
                WaitCause::Unavailable
            };
            let at_least = between(now, open.until);
            return Local::Refused(Wait { at_least, cause });
        }
        let is_open = state.circuit.open().is_some();
        let limit = self.limit;
        let requests = state.shown.map_or(0, |shown| shown.limit);
        if let Some(slice) = state.slice.as_mut().filter(|slice| slice.left > 0 && now < slice.until) {
            let leaves_enough = || limit.is_none_or(|limit| slice.grant.spare >= priority.floor(&limit, requests));
            let may_use = priority <= slice.grant.priority || leaves_enough();
            if slice.grant.is_probe == is_open && may_use {
                slice.left -= 1;
                let is_probe = slice.grant.is_probe;
                state.in_flight += 1;
                if let Some(remaining) = state.told.as_mut().and_then(|told| told.remaining.as_mut()) {
                    *remaining = remaining.saturating_sub(1);
                }
                return Local::Taken(self.permit(is_probe));
            }
        }
        if let Some(refused) = state
            .refused
            .filter(|refused| now < refused.until && priority >= refused.priority)
        {
            return Local::Refused(refused.wait);
        }
        if state.away_until.is_some_and(|until| now < until) {
            let reserve = limit.map_or(u32::MAX, |limit| limit.write_reserve);
            if priority == Priority::Write && !is_open && state.unasked_writes < reserve {
                state.unasked_writes += 1;
                state.in_flight += 1;
                return Local::Taken(self.permit(false));
            }
            return Local::Refused(Wait {
                at_least: AFTER_AWAY,
                cause: WaitCause::LedgerAway,
            });
        }
        Local::MustAsk
    }

    fn permit(&self, is_probe: bool) -> Permit<'_> {
        Permit {
            budget: self,
            is_probe,
            is_told: false,
        }
    }

    /// Notes what an answer's headers say. Called while its permit is still held.
    pub(crate) fn report(&self, limit: Option<u32>, remaining: Option<u32>) {
        if limit.is_none() && remaining.is_none() {
            return;
        }
        let mut state = self.lock();
        // The others that are on their way may not be counted in it yet.
        let others = state.in_flight.saturating_sub(1);
        let remaining = remaining.map(|remaining| remaining.saturating_sub(others));
        let is_news = limit.is_some() && limit != state.shown.map(|shown| shown.limit);
        if let Some(slice) = state.slice.as_mut() {
            // A slice of another limit is not worth anything: the ledger has to hear of this first.
            let left = if is_news { 0 } else { remaining.unwrap_or(u32::MAX) };
            slice.left = slice.left.min(left);
        }
        state.told = Some(Told { limit, remaining });
        state.told_at = Some(self.clock.now());
    }

    /// The provider throttled us: closed for a while, for everybody.
    pub(crate) async fn close(&self, permit: &mut Permit<'_>, throttle: Throttle) {
        self.tell(permit, CircuitEvent::Throttled(throttle)).await;
    }

    /// The provider served us.
    pub(crate) async fn served(&self, permit: &mut Permit<'_>) {
        let is_probe = permit.is_probe;
        self.tell(permit, CircuitEvent::Served { is_probe }).await;
    }

    /// It did not, or said that it is in trouble, asked about this application, or about the whole account.
    pub(crate) async fn failed(&self, permit: &mut Permit<'_>, application: Option<&str>) {
        let failed = CircuitEvent::Failed {
            is_probe: permit.is_probe,
            application: application.map(fingerprint),
        };
        self.tell(permit, failed).await;
    }

    async fn tell(&self, permit: &mut Permit<'_>, event: CircuitEvent) {
        permit.is_told = true;
        {
            let mut state = self.lock();
            if matches!(event, CircuitEvent::Served { is_probe: false }) {
                // That it goes on being served is told with the next slice.
                if state.events.last().is_some_and(|(_, last)| *last == event) {
                    return;
                }
                self.note(&mut state, event);
                return;
            }
            self.note(&mut state, event);
        }
        if self.shared.get().is_some() {
            let turn = Arc::clone(&self.asking).lock_owned().await;
            self.ask(turn, None).await;
        }
    }

    fn note(&self, state: &mut State, event: CircuitEvent) {
        let now = self.clock.now() + state.offset;
        let event = match event {
            CircuitEvent::Throttled(throttle) => CircuitEvent::Throttled(Throttle {
                resets_at: throttle.resets_at.map(|at| at + state.offset),
                ..throttle
            }),
            other => other,
        };
        let holder = self.holder();
        state.circuit.note(now, holder, event);
        if state.circuit.open().is_some() {
            state.slice = None;
        }
        if !matches!(event, CircuitEvent::Served { is_probe: false }) {
            state.refused = None;
        }
        state.events.push((now, event));
    }

    pub(crate) fn snapshot(&self) -> Option<RateBudget> {
        if self.shared.get().is_none() {
            self.exchange_own(None);
        }
        let state = self.lock();
        let now = self.clock.now() + state.offset;
        let mut shown = state.shown?;
        let unused = state
            .slice
            .filter(|slice| now < slice.until)
            .map_or(0, |slice| slice.left);
        shown.remaining = (shown.remaining + unused).min(shown.limit);
        if let Some(open) = state
            .circuit
            .open()
            .filter(|open| now < open.until && open.reason == "rate_limited")
        {
            shown.remaining = 0;
            shown.resets_at = Some(open.resets_at.unwrap_or(open.until));
        }
        shown.resets_at = shown.resets_at.map(|at| at - state.offset);
        Some(shown)
    }

    fn lock(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

fn between(from: OffsetDateTime, to: OffsetDateTime) -> Duration {
    Duration::try_from(to - from)
        .unwrap_or_default()
        .max(Duration::from_millis(100))
}
