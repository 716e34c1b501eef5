//! A fixed window of requests, in the time of the world.

use parking_lot::Mutex;
use time::OffsetDateTime;

/// Counts requests of the one account in windows that begin at full multiples of their length.
#[derive(Debug, Default)]
pub(crate) struct RateLimit(Mutex<(i64, u32)>);

impl RateLimit {
    /// Count one request. Returns how many remain in the window, or None when there were none left.
    pub(crate) fn take(&self, now: OffsetDateTime, window_s: i64, limit: u32) -> Option<u32> {
        let mut window = self.0.lock();
        let current = now.unix_timestamp().div_euclid(window_s);
        if window.0 != current {
            *window = (current, 0);
        }
        if window.1 >= limit {
            return None;
        }
        window.1 += 1;
        Some(limit - window.1)
    }
}
