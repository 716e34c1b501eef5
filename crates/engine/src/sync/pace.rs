//! How long to wait until the next read.

use std::time::Duration;

use rand::RngExt;
use slipway_core::budget::Priority;
use slipway_core::provider::RateBudget;

const LONGEST_BACK_OFF: Duration = Duration::from_secs(60);
const LONGEST_WHILE_RUNNING: Duration = Duration::from_secs(60);
const LONGEST_IDLE: Duration = Duration::from_secs(86_400);
/// So many idle applications of an account are looked at within the configured interval.
const LOOKS_AT_ONCE: i64 = 3;
/// The share of what is left that one kind of read may use up.
const SHARE: f64 = 0.4;
/// The list of applications tells of all of them at once: nearly all that its priority may use. Others leave it less of that,
/// and what it leaves to them they have beside it.
const LIST_SHARE: f64 = 0.95;

/// Around `interval`, so that targets which began together drift apart.
pub(super) fn jittered(interval: Duration) -> Duration {
    interval.mul_f64(rand::rng().random_range(0.9..1.1))
}

/// `wait` or up to a quarter more, so that those who wait for the same do not come back together.
pub(super) fn not_before(wait: Duration) -> Duration {
    wait.mul_f64(rand::rng().random_range(1.0..1.25))
}

/// After the `failures`th failure in a row: twice as long each time, a minute at most, unless the provider asked for more.
pub(super) fn back_off(interval: Duration, failures: i32, retry_after: Option<Duration>) -> Duration {
    let exponent = u32::try_from(failures).unwrap_or(0).min(6);
    let pause = (interval.min(LONGEST_BACK_OFF) * 2_u32.pow(exponent)).min(LONGEST_BACK_OFF);
    jittered(pause.max(retry_after.unwrap_or_default()))
}

/// At least `interval`, and so slow that `calls` each time fit into a share of what is left of the provider's window.
pub(super) fn within_budget(interval: Duration, calls: usize, budget: Option<RateBudget>) -> Duration {
    let spendable = |budget: RateBudget| f64::from(budget.remaining.max(1)) * SHARE;
    budget.map_or(interval, |budget| lasting(interval, calls, spendable(budget), budget))
}

/// The same for an account's list, which has `calls` pages. It is read so evenly that it does not meet what it leaves to
/// others: then it would stand still until the provider's next window, but for the share that is always its own. That window
/// is not waited for longer than it takes to come.
pub(super) fn list_within_budget(interval: Duration, calls: usize, budget: Option<RateBudget>) -> Duration {
    let Some(budget) = budget else { return interval };
    let spendable = f64::from(budget.spendable(Priority::Feed).max(1)) * LIST_SHARE;
    let own_share = budget.longest_wait(Priority::Feed).map_or(Duration::MAX, |each| {
        each.saturating_mul(u32::try_from(calls).unwrap_or(u32::MAX))
    });
    let lasting = lasting(interval, calls, spendable, budget);
    interval.max(lasting.min(own_share).min(budget.must_last))
}

fn lasting(interval: Duration, calls: usize, spendable: f64, budget: RateBudget) -> Duration {
    let calls = u32::try_from(calls.max(1)).map_or(f64::MAX, f64::from);
    let at_least = budget.must_last.as_secs_f64() * calls / spendable;
    interval.max(Duration::try_from_secs_f64(at_least).unwrap_or(LONGEST_BACK_OFF))
}

/// While a deployment runs: often at first, then less and less. A third of its age costs few reads of what takes long, and its
/// end is told not much later than it came; the account's list may tell it earlier.
pub(super) fn while_running(interval: Duration, age: time::Duration) -> Duration {
    let third = Duration::try_from(age / 3).unwrap_or_default();
    third.clamp(interval, interval.max(LONGEST_WHILE_RUNNING))
}

/// Between two looks at an application where nothing happens, of so many of its account: the account's list tells what moves,
/// and a look now and then finds what that left out. Once a day is enough, and an account's looks are not more with a thousand
/// applications than with three.
pub(super) fn while_idle(interval: Duration, applications: i64) -> Duration {
    let others = u32::try_from(applications / LOOKS_AT_ONCE).unwrap_or(u32::MAX).max(1);
    interval.saturating_mul(others).min(interval.max(LONGEST_IDLE))
}

/// The same length in the signed type that times are told in.
pub(super) fn signed(duration: Duration) -> time::Duration {
    time::Duration::try_from(duration).unwrap_or(time::Duration::MAX)
}

#[cfg(test)]
mod tests {
    use super::*;
    use slipway_core::budget::{RateLimit, WindowKind};
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
    fn what_runs_is_read_less_and_less_and_what_idles_the_less_the_more_there_is() {
        let (seconds, every) = (Duration::from_secs, Duration::from_secs(3));
        for (age, expected) in [(-5, 3), (0, 3), (8, 3), (30, 10), (100, 33), (600, 60), (86_400, 60)] {
            let interval = while_running(every, time::Duration::seconds(age));
            assert_eq!(interval.as_secs(), expected, "at an age of {age} s");
        }
        assert_eq!(
            while_running(seconds(90), time::Duration::HOUR),
            seconds(90),
            "as it is set"
        );
        let minutes = |count: u64| seconds(60 * count);
        for (applications, expected) in [(0, 5), (5, 5), (30, 50), (1_000, 24 * 60), (100_000, 24 * 60)] {
            assert_eq!(
                while_idle(minutes(5), applications),
                minutes(expected).min(minutes(5) * 333),
                "{applications}"
            );
        }
    }

    #[test]
    fn reads_slow_down_as_the_budget_runs_out() {
        let budget = |remaining| {
            Some(RateBudget {
                limit: 60,
                remaining,
                // The first of those that are used is there again in a moment, and the others are not.
                resets_at: Some(datetime!(2026-01-01 0:00 UTC)),
                must_last: Duration::from_secs(60),
                rule: RateLimit {
                    requests: 60,
                    window: Duration::from_secs(60),
                    kind: WindowKind::Sliding,
                    write_reserve: 6,
                },
            })
        };
        let interval = Duration::from_secs(5);
        assert_eq!(within_budget(interval, 1, budget(60)), interval);
        assert_eq!(within_budget(interval, 1, budget(10)), Duration::from_secs(15));
        assert_eq!(within_budget(interval, 1, None), interval);
    }

    #[test]
    fn a_list_lasts_for_the_window_and_has_its_own_share_at_the_end() {
        let hour = Duration::from_secs(3_600);
        let every = |remaining, must_last| {
            let budget = RateBudget {
                limit: 3_600,
                remaining,
                resets_at: None,
                must_last,
                rule: RateLimit {
                    requests: 3_600,
                    window: hour,
                    kind: WindowKind::Aligned,
                    write_reserve: 60,
                },
            };
            list_within_budget(Duration::from_secs(30), 34, Some(budget)).as_secs()
        };
        assert_eq!(every(3_600, hour), 40);
        assert_eq!(every(3_600, hour / 2), 30, "never more often than it is set");
        // Of what is left in the end 414 are others'.
        assert_eq!(every(414, hour / 12), every(0, hour / 12));
        assert_eq!(every(0, hour), 34 * 3_600 * 100 / (3_540 * 15));
        assert_eq!(every(420, Duration::from_secs(50)), 50, "then there is a new one");
    }
}
