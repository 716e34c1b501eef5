//! When a read is repeated.

use std::time::Duration;

use rand::RngExt;

/// How often a read is repeated at most.
pub(crate) const MAX_REPETITIONS: u32 = 2;

/// Statuses after which the same read may well succeed a moment later.
pub(crate) fn is_worth_repeating(status: u16) -> bool {
    matches!(status, 502..=504)
}

/// The pause before repetition number `repetition` (from 1): about 0.2 s, then 0.6 s, each shortened at random by up to a
/// half, so that many callers do not come back together.
pub(crate) fn pause(repetition: u32) -> Duration {
    let full = Duration::from_millis(if repetition <= 1 { 200 } else { 600 });
    full.mul_f64(rand::rng().random_range(0.5..=1.0))
}
