//! How long something took, counted in buckets.

use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Duration;

/// The upper ends of the buckets, in microseconds. What took longer is in the last one, which has no end.
const ENDS_US: [u64; 14] = [
    1_000, 2_500, 5_000, 10_000, 25_000, 50_000, 100_000, 250_000, 500_000, 1_000_000, 2_500_000, 5_000_000,
    10_000_000, 30_000_000,
];

/// Counts durations. Shared by whoever measures; nothing waits.
#[derive(Debug, Default)]
pub struct Durations {
    buckets: [AtomicU64; ENDS_US.len() + 1],
    sum_us: AtomicU64,
}

/// What was counted so far.
#[derive(Debug, Clone, PartialEq)]
pub struct DurationCounts {
    /// The upper end of each bucket, in seconds, and how many took no longer than that.
    pub up_to: Vec<(f64, u64)>,
    /// How many there were.
    pub count: u64,
    /// How long they took together, in seconds.
    pub sum_seconds: f64,
}

impl Durations {
    /// Counts one.
    pub fn note(&self, took: Duration) {
        let us = u64::try_from(took.as_micros()).unwrap_or(u64::MAX);
        let place = ENDS_US.partition_point(|end| *end < us);
        if let Some(bucket) = self.buckets.get(place) {
            bucket.fetch_add(1, Ordering::Relaxed);
        }
        self.sum_us.fetch_add(us, Ordering::Relaxed);
    }

    /// What was counted so far.
    pub fn counts(&self) -> DurationCounts {
        let mut count = 0;
        let mut up_to = Vec::with_capacity(ENDS_US.len());
        for (place, bucket) in self.buckets.iter().enumerate() {
            count += bucket.load(Ordering::Relaxed);
            if let Some(end) = ENDS_US.get(place) {
                up_to.push((Duration::from_micros(*end).as_secs_f64(), count));
            }
        }
        DurationCounts {
            up_to,
            count,
            sum_seconds: Duration::from_micros(self.sum_us.load(Ordering::Relaxed)).as_secs_f64(),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn each_bucket_holds_what_took_no_longer_than_its_end() {
        let durations = Durations::default();
        for ms in [1, 2, 30_000, 30_001] {
            durations.note(Duration::from_millis(ms));
        }
        let counts = durations.counts();
        let at = |end: f64| {
            counts
                .up_to
                .iter()
                .find(|(known, _)| *known == end)
                .map(|(_, count)| *count)
        };
        assert_eq!(
            (at(0.001), at(0.0025), at(10.0), at(30.0)),
            (Some(1), Some(2), Some(2), Some(3))
        );
        assert_eq!((counts.count, counts.sum_seconds), (4, 60.004));
    }
}
