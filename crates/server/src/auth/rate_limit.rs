//! How many requests a principal may make: one token bucket each, in memory.

use std::collections::HashMap;
use std::sync::Arc;
use std::time::Instant;

use parking_lot::Mutex;

const WINDOW_SECONDS: u32 = 60;

/// Buckets that have been full for a while are forgotten when there are so many.
const CAPACITY: usize = 10_000;

/// The buckets. Each holds what may be asked in a minute, and fills evenly.
#[derive(Debug)]
pub(crate) struct RateLimiter {
    per_window: u32,
    buckets: Mutex<HashMap<Arc<str>, Bucket>>,
}

#[derive(Debug, Clone, Copy)]
struct Bucket {
    left: f64,
    at: Instant,
}

/// What is left after a request.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Allowance {
    pub(crate) is_allowed: bool,
    pub(crate) limit: u32,
    pub(crate) remaining: u32,
    /// Seconds until the bucket is full again, or, for a refused request, until the next may come.
    pub(crate) wait_seconds: u32,
}

impl RateLimiter {
    /// A limiter; none for no limit.
    pub(crate) fn new(per_minute: u32) -> Option<Self> {
        (per_minute > 0).then(|| Self {
            per_window: per_minute,
            buckets: Mutex::default(),
        })
    }

    /// Counts a request.
    pub(crate) fn take(&self, principal: &Arc<str>, now: Instant) -> Allowance {
        let full = f64::from(self.per_window);
        let per_second = full / f64::from(WINDOW_SECONDS);
        let filled = |bucket: &Bucket| {
            let gained = now.saturating_duration_since(bucket.at).as_secs_f64() * per_second;
            (bucket.left + gained).min(full)
        };
        let mut buckets = self.buckets.lock();
        if buckets.len() >= CAPACITY && !buckets.contains_key(principal) {
            buckets.retain(|_, bucket| filled(bucket) < full);
        }
        let bucket = buckets
            .entry(Arc::clone(principal))
            .or_insert(Bucket { left: full, at: now });
        bucket.left = filled(bucket);
        bucket.at = now;
        let is_allowed = bucket.left >= 1.0;
        if is_allowed {
            bucket.left -= 1.0;
        }
        let missing = if is_allowed {
            full - bucket.left
        } else {
            1.0 - bucket.left
        };
        Allowance {
            is_allowed,
            limit: self.per_window,
            remaining: whole(bucket.left.floor()),
            wait_seconds: whole((missing / per_second).ceil()),
        }
    }
}

impl Allowance {
    /// The value of `RateLimit-Policy`.
    pub(crate) fn policy(self) -> String {
        format!("\"default\";q={};w={WINDOW_SECONDS}", self.limit)
    }

    /// The value of `RateLimit`.
    pub(crate) fn state(self) -> String {
        format!("\"default\";r={};t={}", self.remaining, self.wait_seconds)
    }
}

#[expect(
    clippy::cast_possible_truncation,
    clippy::cast_sign_loss,
    reason = "never negative, and at most the limit"
)]
fn whole(value: f64) -> u32 {
    value as u32
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use super::*;

    #[test]
    fn a_bucket_empties_and_fills_for_each_principal_apart() {
        let limiter = RateLimiter::new(60).unwrap();
        let (one, other): (Arc<str>, Arc<str>) = ("one".into(), "other".into());
        let start = Instant::now();
        for left in (0..60).rev() {
            let allowance = limiter.take(&one, start);
            assert!(allowance.is_allowed);
            assert_eq!(allowance.remaining, left);
        }
        let refused = limiter.take(&one, start);
        assert!(!refused.is_allowed);
        assert_eq!((refused.remaining, refused.wait_seconds), (0, 1));
        assert!(limiter.take(&other, start).is_allowed);
        assert!(limiter.take(&one, start + Duration::from_secs(1)).is_allowed);
        assert!(!limiter.take(&one, start + Duration::from_secs(1)).is_allowed);
        let later = limiter.take(&one, start + Duration::from_secs(3_600));
        assert_eq!(later.remaining, 59, "never more than a minute's worth");
        assert_eq!(later.policy(), "\"default\";q=60;w=60");
        assert!(RateLimiter::new(0).is_none());
    }
}
