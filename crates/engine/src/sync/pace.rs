//! How long to wait until the next read.

use std::time::Duration;

use rand::RngExt;
use slipway_core::provider::RateBudget;
use time::OffsetDateTime;

const LONGEST_BACK_OFF: Duration = Duration::from_secs(60);
/// What a window lasts where the provider does not say.
const ASSUMED_WINDOW: Duration = Duration::from_secs(3_600);
/// The share of what is left that one kind of read may use up.
const SHARE: f64 = 0.4;

/// Around `interval`, so that targets which began together drift apart.
pub(super) fn jittered(interval: Duration) -> Duration {
    interval.mul_f64(rand::rng().random_range(0.9..1.1))
}

/// After the `failures`th failure in a row: twice as long each time, a minute at most, unless the provider asked for more.
pub(super) fn back_off(interval: Duration, failures: i32, retry_after: Option<Duration>) -> Duration {
    let exponent = u32::try_from(failures).unwrap_or(0).min(6);
    let pause = (interval.min(LONGEST_BACK_OFF) * 2_u32.pow(exponent)).min(LONGEST_BACK_OFF);
    jittered(pause.max(retry_after.unwrap_or_default()))
}

/// At least `interval`, and so slow that `calls` each time fit into a share of what is left of the provider's window.
pub(super) fn within_budget(
    interval: Duration,
    calls: usize,
    budget: Option<RateBudget>,
    now: OffsetDateTime,
) -> Duration {
    let Some(budget) = budget else { return interval };
    let window = budget
        .resets_at
        .and_then(|at| Duration::try_from(at - now).ok())
        .unwrap_or(ASSUMED_WINDOW);
    let spendable = f64::from(budget.remaining.max(1)) * SHARE;
    let calls = u32::try_from(calls.max(1)).map_or(f64::MAX, f64::from);
    interval.max(Duration::try_from_secs_f64(window.as_secs_f64() * calls / spendable).unwrap_or(LONGEST_BACK_OFF))
}

/// While a deployment runs: often at first, then less and less.
pub(super) fn while_running(interval: Duration, age: time::Duration) -> Duration {
    let factor = match age.whole_minutes() {
        ..5 => 1,
        5..30 => 4,
        _ => 15,
    };
    interval * factor
}

/// The same length in the signed type that times are told in.
pub(super) fn signed(duration: Duration) -> time::Duration {
    time::Duration::try_from(duration).unwrap_or(time::Duration::MAX)
}

#[cfg(test)]
mod tests {
    use super::*;
    use time::macros::datetime;

    #[test]
    fn a_failing_target_waits_twice_as_long_each_time_and_a_minute_at_most() {
        let around = |seconds: u64, pause: Duration| {
            assert!(
                pause >= Duration::from_secs(seconds).mul_f64(0.9)
                    && pause <= Duration::from_secs(seconds).mul_f64(1.1)
            );
        };
        let interval = Duration::from_secs(5);
        around(5, back_off(interval, 0, None));
        around(20, back_off(interval, 2, None));
        around(60, back_off(interval, 30, None));
        around(300, back_off(interval, 0, Some(Duration::from_secs(300))));
    }

    #[test]
    fn reads_slow_down_as_the_budget_runs_out() {
        let now = datetime!(2026-01-01 0:00 UTC);
        let budget = |remaining| {
            Some(RateBudget {
                limit: 60,
                remaining,
                resets_at: Some(now + time::Duration::MINUTE),
            })
        };
        let interval = Duration::from_secs(5);
        assert_eq!(within_budget(interval, 1, budget(60), now), interval);
        assert_eq!(within_budget(interval, 1, budget(10), now), Duration::from_secs(15));
        assert_eq!(within_budget(interval, 1, None, now), interval);
    }
}
