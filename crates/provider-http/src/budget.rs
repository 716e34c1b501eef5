//! The account's rate limit: our own count, corrected by what the provider says.

use std::collections::VecDeque;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use slipway_core::Clock;
use slipway_core::provider::RateBudget;
use time::OffsetDateTime;

/// A provider's documented limit.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
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
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum WindowKind {
    /// At full multiples of its length, such as full hours.
    Aligned,
    /// Nobody says: never more than the limit in any window, wherever it begins.
    Sliding,
}

/// A provider's refusal to serve us for a time.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Throttle {
    /// For how long no request is made; then one may ask whether it is over.
    pub retry_after: Duration,
    /// When the provider's next window begins, if that is known.
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

/// The first instant after `now` that is a full multiple of `window`.
pub(crate) fn next_aligned(now: OffsetDateTime, window: Duration) -> OffsetDateTime {
    let window = i64::try_from(window.as_secs()).unwrap_or(i64::MAX).max(1);
    let seconds = now.unix_timestamp();
    now.replace_nanosecond(0).unwrap_or(now) + Duration::from_secs((window - seconds.rem_euclid(window)).unsigned_abs())
}

#[derive(Debug, Default)]
struct State {
    /// When requests were made in the present window.
    made: VecDeque<OffsetDateTime>,
    in_flight: u32,
    /// What the provider's headers last said, until the window ends.
    reported: Option<Reported>,
    /// The limit of the headers, where it differs from the documented one.
    reported_limit: Option<u32>,
    closed: Option<Closed>,
}

#[derive(Debug, Clone, Copy)]
struct Reported {
    remaining: u32,
    until: OffsetDateTime,
}

#[derive(Debug, Clone, Copy)]
struct Closed {
    until: OffsetDateTime,
    resets_at: Option<OffsetDateTime>,
    /// A first request is on its way to see whether it is over.
    is_probing: bool,
}

/// Counts the requests of one account. Shared by all calls of a client.
#[derive(Debug)]
pub(crate) struct Budget {
    limit: Option<RateLimit>,
    clock: Arc<dyn Clock>,
    state: Mutex<State>,
}

/// A request that may be made now. Dropped when its answer is there or given up.
#[derive(Debug)]
pub(crate) struct Permit<'a> {
    budget: &'a Budget,
    is_probe: bool,
}

impl Drop for Permit<'_> {
    fn drop(&mut self) {
        let mut state = self.budget.lock();
        state.in_flight = state.in_flight.saturating_sub(1);
        if let (true, Some(closed)) = (self.is_probe, state.closed.as_mut()) {
            closed.is_probing = false;
        }
    }
}

impl Budget {
    pub(crate) fn new(limit: Option<RateLimit>, clock: Arc<dyn Clock>) -> Self {
        Self {
            limit,
            clock,
            state: Mutex::default(),
        }
    }

    /// Takes one request out of the budget, or says how long to wait. A read leaves the reserve to the writes.
    pub(crate) fn take(&self, is_write: bool) -> Result<Permit<'_>, Duration> {
        let now = self.clock.now();
        let mut state = self.lock();
        let mut is_probe = false;
        if let Some(closed) = state.closed.as_mut() {
            if now < closed.until {
                return Err(between(now, closed.until));
            }
            if closed.is_probing {
                return Err(Duration::from_secs(1));
            }
            closed.is_probing = true;
            is_probe = true;
        }
        if let Some(limit) = self.limit {
            self.prune(&mut state, limit, now);
            let kept = if is_write { 0 } else { limit.write_reserve };
            if !is_probe && self.left(&state, limit) <= kept {
                return Err(between(now, self.next_window(&state, limit, now)));
            }
            state.made.push_back(now);
            if let Some(reported) = state.reported.as_mut() {
                reported.remaining = reported.remaining.saturating_sub(1);
            }
        }
        state.in_flight += 1;
        Ok(Permit { budget: self, is_probe })
    }

    /// Notes what an answer's headers say. Called while its permit is still held.
    pub(crate) fn report(&self, limit: Option<u32>, remaining: Option<u32>) {
        let now = self.clock.now();
        let mut state = self.lock();
        if let Some(requests) = limit.filter(|requests| *requests > 0) {
            state.reported_limit = Some(requests);
        }
        if let (Some(remaining), Some(limit)) = (remaining, self.limit) {
            // The others that are on their way may not be counted in it yet.
            let others = state.in_flight.saturating_sub(1);
            let until = match limit.kind {
                WindowKind::Aligned => next_aligned(now, limit.window),
                WindowKind::Sliding => now + limit.window,
            };
            state.reported = Some(Reported {
                remaining: remaining.saturating_sub(others),
                until,
            });
        }
    }

    /// The provider throttled us: closed for a while.
    pub(crate) fn close(&self, throttle: Throttle) {
        let until = self.clock.now() + throttle.retry_after;
        self.lock().closed = Some(Closed {
            until,
            resets_at: throttle.resets_at,
            is_probing: false,
        });
    }

    /// The provider served us. Only the request that was sent to find out reopens a closed budget: answers to requests
    /// that were on their way before it closed say nothing.
    pub(crate) fn served(&self, permit: &Permit<'_>) {
        if permit.is_probe {
            self.lock().closed = None;
        }
    }

    pub(crate) fn snapshot(&self) -> Option<RateBudget> {
        let limit = self.limit?;
        let now = self.clock.now();
        let mut state = self.lock();
        self.prune(&mut state, limit, now);
        let requests = state.reported_limit.unwrap_or(limit.requests);
        if let Some(closed) = state.closed.filter(|closed| now < closed.until) {
            let resets_at = closed.resets_at.unwrap_or(closed.until);
            return Some(RateBudget {
                limit: requests,
                remaining: 0,
                resets_at: Some(resets_at),
            });
        }
        let remaining = self.left(&state, limit);
        let resets_at = (remaining < requests).then(|| self.next_window(&state, limit, now));
        Some(RateBudget {
            limit: requests,
            remaining,
            resets_at,
        })
    }

    fn prune(&self, state: &mut State, limit: RateLimit, now: OffsetDateTime) {
        let begin = match limit.kind {
            WindowKind::Aligned => next_aligned(now, limit.window) - limit.window,
            WindowKind::Sliding => now - limit.window,
        };
        while state.made.front().is_some_and(|at| match limit.kind {
            WindowKind::Aligned => *at < begin,
            WindowKind::Sliding => *at <= begin,
        }) {
            state.made.pop_front();
        }
        if state.reported.is_some_and(|reported| reported.until <= now) {
            state.reported = None;
        }
    }

    fn left(&self, state: &State, limit: RateLimit) -> u32 {
        let requests = state.reported_limit.unwrap_or(limit.requests);
        match state.reported {
            Some(reported) => reported.remaining.min(requests),
            None => requests.saturating_sub(u32::try_from(state.made.len()).unwrap_or(u32::MAX)),
        }
    }

    fn next_window(&self, state: &State, limit: RateLimit, now: OffsetDateTime) -> OffsetDateTime {
        match (state.reported, limit.kind, state.made.front()) {
            (Some(reported), _, _) => reported.until,
            (None, WindowKind::Sliding, Some(oldest)) => *oldest + limit.window,
            (None, _, _) => next_aligned(now, limit.window),
        }
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

#[cfg(test)]
mod tests {
    use super::*;
    use slipway_core::ManualClock;
    use time::macros::datetime;

    fn budget(requests: u32, seconds: u64, kind: WindowKind) -> (Budget, ManualClock) {
        let clock = ManualClock::new(datetime!(2026-11-22 10:59:30 UTC));
        let limit = RateLimit {
            requests,
            window: Duration::from_secs(seconds),
            kind,
            write_reserve: 0,
        };
        (Budget::new(Some(limit), Arc::new(clock.clone())), clock)
    }

    #[test]
    fn a_sliding_window_never_holds_more_than_the_limit() {
        let (budget, clock) = budget(3, 60, WindowKind::Sliding);
        for _ in 0..3 {
            drop(budget.take(false).unwrap());
            clock.advance(time::Duration::seconds(10));
        }
        assert_eq!(budget.take(false).unwrap_err(), Duration::from_secs(30));
        assert_eq!(budget.snapshot().unwrap().remaining, 0);
        clock.advance(time::Duration::seconds(30));
        drop(budget.take(false).unwrap());
        assert_eq!(budget.take(false).unwrap_err(), Duration::from_secs(10));
    }

    #[test]
    fn headers_correct_the_count_until_the_hour_is_over() {
        let (budget, clock) = budget(3000, 3600, WindowKind::Aligned);
        let permit = budget.take(false).unwrap();
        budget.report(Some(3600), Some(1));
        drop(permit);
        assert_eq!(
            budget.snapshot().unwrap(),
            RateBudget {
                limit: 3600,
                remaining: 1,
                resets_at: Some(datetime!(2026-11-22 11:00 UTC))
            }
        );
        drop(budget.take(false).unwrap());
        assert_eq!(budget.take(false).unwrap_err(), Duration::from_secs(30));
        clock.advance(time::Duration::seconds(30));
        assert_eq!(budget.snapshot().unwrap().remaining, 3600);
        drop(budget.take(false).unwrap());
    }

    #[test]
    fn requests_on_their_way_are_counted_against_what_a_header_says() {
        let (budget, _) = budget(3000, 3600, WindowKind::Aligned);
        let first = budget.take(false).unwrap();
        let _second = budget.take(false).unwrap();
        budget.report(None, Some(5));
        drop(first);
        assert_eq!(budget.snapshot().unwrap().remaining, 4);
    }

    #[test]
    fn after_a_throttled_answer_one_request_finds_out_whether_it_is_over() {
        let (budget, clock) = budget(3000, 3600, WindowKind::Aligned);
        let early = budget.take(false).unwrap();
        let permit = budget.take(false).unwrap();
        budget.close(Throttle {
            retry_after: Duration::from_secs(300),
            resets_at: None,
        });
        drop(permit);
        budget.served(&early);
        assert!(budget.take(false).is_err(), "an answer from before says nothing");
        clock.advance(time::Duration::seconds(300));
        let probe = budget.take(false).unwrap();
        assert!(budget.take(false).is_err(), "one at a time");
        drop(probe);
        let probe = budget
            .take(false)
            .expect("a probe that was given up lets the next one through");
        budget.served(&probe);
        drop(probe);
        let _one = budget.take(false).unwrap();
        let _two = budget.take(false).unwrap();
    }

    #[test]
    fn reads_leave_the_reserve_to_the_writes() {
        let clock = ManualClock::new(datetime!(2026-11-22 10:59:30 UTC));
        let limit = RateLimit {
            requests: 4,
            window: Duration::from_secs(60),
            kind: WindowKind::Sliding,
            write_reserve: 2,
        };
        let budget = Budget::new(Some(limit), Arc::new(clock.clone()));
        for _ in 0..2 {
            drop(budget.take(false).unwrap());
        }
        assert_eq!(budget.take(false).unwrap_err(), Duration::from_secs(60));
        for _ in 0..2 {
            drop(budget.take(true).unwrap());
        }
        assert!(budget.take(true).is_err(), "the limit holds for writes, too");
        clock.advance(time::Duration::seconds(60));
        drop(budget.take(false).unwrap());
    }
}
