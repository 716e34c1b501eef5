//! How many wrong credentials an address may try: a token bucket for each, in memory and bounded.
//!
//! Many people may sit behind one address. So an address that has tried too much is not shut out whole: what it was let in
//! with before goes on being looked at, and only what is new to it waits. Nothing else is refused: another address, and
//! requests without credentials, are none of this.

use std::collections::{HashMap, HashSet};
use std::net::{IpAddr, Ipv6Addr};
use std::time::{Duration, Instant};

use parking_lot::{Mutex, RwLock};

use super::secret::Hash;
use crate::problem::{Code, Problem};

/// How many addresses are known at once. Beyond that those that tried longest ago are forgotten.
const ADDRESSES_MAX: usize = 10_000;

/// How many credentials that were right are known at once, in each of two generations.
const ADMITTED_MAX: usize = 10_000;

/// How long one generation collects; what was right is known for as long again.
const GENERATION: Duration = Duration::from_secs(3_600);

/// Counts wrong credentials by address, and knows which were right.
#[derive(Debug)]
pub(crate) struct Failures {
    per_minute: u32,
    buckets: Mutex<HashMap<IpAddr, Bucket>>,
    admitted: RwLock<Admitted>,
}

#[derive(Debug, Clone, Copy)]
struct Bucket {
    left: f64,
    at: Instant,
}

/// Credentials that an address was let in with, by address and hash.
#[derive(Debug)]
struct Admitted {
    recent: HashSet<(IpAddr, Hash)>,
    before: HashSet<(IpAddr, Hash)>,
    since: Instant,
}

impl Failures {
    /// A counter; none for no limit.
    pub(crate) fn new(per_minute: u32, now: Instant) -> Option<Self> {
        (per_minute > 0).then(|| Self {
            per_minute,
            buckets: Mutex::default(),
            admitted: RwLock::new(Admitted {
                recent: HashSet::new(),
                before: HashSet::new(),
                since: now,
            }),
        })
    }

    /// Whether credentials may be looked at at all.
    ///
    /// # Errors
    /// [`Code::TooManyFailedLogins`] with the time until the address may try once more.
    pub(crate) fn check(&self, address: IpAddr, credentials: &Hash, now: Instant) -> Result<(), Problem> {
        let address = network(address);
        let left = match self.buckets.lock().get(&address) {
            None => return Ok(()),
            Some(bucket) => self.filled(*bucket, now),
        };
        if left >= 1.0 || self.admitted.read().has(&(address, *credentials)) {
            return Ok(());
        }
        let wait = ((1.0 - left) / self.per_second()).ceil();
        #[expect(
            clippy::cast_possible_truncation,
            clippy::cast_sign_loss,
            reason = "a minute at most"
        )]
        let wait = wait as u16;
        Err(Problem::new(Code::TooManyFailedLogins)
            .with_detail("this address has sent too many credentials that are not known; use a token that is, or wait")
            .with_retry_after(wait.max(1)))
    }

    /// Credentials that nobody knows.
    pub(crate) fn note_failure(&self, address: IpAddr, credentials: &Hash, now: Instant) {
        let address = network(address);
        self.admitted.write().forget(&(address, *credentials));
        let full = Bucket {
            left: f64::from(self.per_minute),
            at: now,
        };
        let mut buckets = self.buckets.lock();
        if buckets.len() >= ADDRESSES_MAX && !buckets.contains_key(&address) {
            buckets.retain(|_, bucket| self.filled(*bucket, now) < full.left);
            // All of them are trying: who has waited longest is let off.
            if buckets.len() >= ADDRESSES_MAX
                && let Some(oldest) = buckets
                    .iter()
                    .min_by_key(|(_, bucket)| bucket.at)
                    .map(|(known, _)| *known)
            {
                buckets.remove(&oldest);
            }
        }
        let bucket = buckets.entry(address).or_insert(full);
        bucket.left = (self.filled(*bucket, now) - 1.0).max(0.0);
        bucket.at = now;
    }

    /// Credentials that were right.
    pub(crate) fn note_success(&self, address: IpAddr, credentials: &Hash, now: Instant) {
        let pair = (network(address), *credentials);
        if self.admitted.read().is_recent(&pair, now) {
            return;
        }
        self.admitted.write().remember(pair, now);
    }

    fn per_second(&self) -> f64 {
        f64::from(self.per_minute) / 60.0
    }

    fn filled(&self, bucket: Bucket, now: Instant) -> f64 {
        let gained = now.saturating_duration_since(bucket.at).as_secs_f64() * self.per_second();
        (bucket.left + gained).min(f64::from(self.per_minute))
    }
}

impl Admitted {
    fn has(&self, pair: &(IpAddr, Hash)) -> bool {
        self.recent.contains(pair) || self.before.contains(pair)
    }

    fn is_recent(&self, pair: &(IpAddr, Hash), now: Instant) -> bool {
        self.recent.contains(pair) && now.saturating_duration_since(self.since) < GENERATION
    }

    fn remember(&mut self, pair: (IpAddr, Hash), now: Instant) {
        if self.recent.len() >= ADMITTED_MAX || now.saturating_duration_since(self.since) >= GENERATION {
            self.before = std::mem::take(&mut self.recent);
            self.since = now;
        }
        self.recent.insert(pair);
    }

    fn forget(&mut self, pair: &(IpAddr, Hash)) {
        self.recent.remove(pair);
        self.before.remove(pair);
    }
}

/// What counts as one address: in IPv6 a network of 64 bits, which is what one customer is given at least.
fn network(address: IpAddr) -> IpAddr {
    match address.to_canonical() {
        IpAddr::V4(address) => address.into(),
        IpAddr::V6(address) => Ipv6Addr::from_bits(address.to_bits() >> 64 << 64).into(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const RIGHT: Hash = [1; 32];
    const WRONG: Hash = [2; 32];

    fn address(text: &str) -> IpAddr {
        text.parse().unwrap()
    }

    #[test]
    fn an_address_that_tries_too_much_waits_and_its_known_tokens_do_not() {
        let start = Instant::now();
        let failures = Failures::new(3, start).unwrap();
        let (one, other) = (address("192.0.2.1"), address("192.0.2.2"));
        failures.note_success(one, &RIGHT, start);
        for _ in 0..3 {
            assert!(failures.check(one, &WRONG, start).is_ok());
            failures.note_failure(one, &WRONG, start);
        }
        let refused = failures.check(one, &WRONG, start).unwrap_err();
        assert_eq!(refused.code(), Code::TooManyFailedLogins);
        assert!(failures.check(one, &RIGHT, start).is_ok(), "known here");
        assert!(failures.check(other, &WRONG, start).is_ok(), "another address");
        assert!(
            failures.check(one, &[3; 32], start).is_err(),
            "right or not: not known here"
        );
        let later = start + Duration::from_secs(20);
        assert!(failures.check(one, &WRONG, later).is_ok(), "one more after a while");
        failures.note_failure(one, &WRONG, later);
        assert!(failures.check(one, &WRONG, later).is_err());
        // A token that was taken back is not known any more.
        failures.note_failure(one, &RIGHT, later);
        assert!(failures.check(one, &RIGHT, later).is_err());
        assert!(Failures::new(0, start).is_none());
    }

    #[test]
    fn what_was_right_is_known_for_an_hour_at_least_and_two_at_most() {
        let start = Instant::now();
        let failures = Failures::new(1, start).unwrap();
        let one = address("192.0.2.1");
        let known = |at| {
            failures.note_failure(one, &WRONG, at);
            failures.check(one, &RIGHT, at).is_ok()
        };
        failures.note_success(one, &RIGHT, start);
        assert!(known(start + GENERATION));
        failures.note_success(one, &WRONG, start + GENERATION);
        assert!(known(start + GENERATION));
        failures.note_success(one, &[3; 32], start + 2 * GENERATION);
        assert!(!known(start + 2 * GENERATION));
    }

    #[test]
    fn memory_is_bounded_and_a_network_counts_as_one() {
        let start = Instant::now();
        let failures = Failures::new(1, start).unwrap();
        for number in 0..=u32::try_from(ADDRESSES_MAX).unwrap() {
            let at = start + Duration::from_micros(u64::from(number));
            failures.note_failure(IpAddr::V4(number.into()), &WRONG, at);
            failures.note_success(IpAddr::V4(number.into()), &RIGHT, at);
        }
        assert_eq!(failures.buckets.lock().len(), ADDRESSES_MAX);
        assert!(failures.admitted.read().recent.len() <= ADMITTED_MAX);
        let failures = Failures::new(1, start).unwrap();
        failures.note_failure(address("2001:db8::1"), &WRONG, start);
        assert!(failures.check(address("2001:db8::ffff:1"), &WRONG, start).is_err());
        assert!(failures.check(address("2001:db8:0:1::1"), &WRONG, start).is_ok());
        failures.note_failure(address("::ffff:192.0.2.1"), &WRONG, start);
        assert!(failures.check(address("192.0.2.1"), &WRONG, start).is_err());
    }
}
