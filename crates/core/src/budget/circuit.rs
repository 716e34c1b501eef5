//! The circuit breaker of an account: when different things fail one after the other nobody asks the provider any more, until
//! one probe finds that it is back.
//!
//! What fails is told apart: an application that always fails is that application's trouble, however often it is asked.

use std::time::Duration;

use serde::{Deserialize, Serialize};
use time::OffsetDateTime;

use super::{Throttle, between};

/// So many failures without a success in between open it. Those of one application count as one.
const FAILURES_UNTIL_OPEN: usize = 5;
const FIRST_PAUSE: Duration = Duration::from_secs(5);
const LONGEST_PAUSE: Duration = Duration::from_secs(30);
/// Longer than a request takes: a probe whose process died is not waited for any longer.
const PROBE_LIMIT: Duration = Duration::from_secs(30);

/// Closed, or open with what is known of why.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default)]
pub struct Circuit {
    /// Failures of what concerns the whole account, such as its list.
    failures: u32,
    /// The applications that failed, by their fingerprints.
    failing: Vec<u64>,
    open: Option<Open>,
}

/// Tells an application from the others of its account, the same in every process: FNV-1a of its name in the request.
pub fn fingerprint(application: &str) -> u64 {
    application.bytes().fold(0xcbf2_9ce4_8422_2325, |hash, byte| {
        (hash ^ u64::from(byte)).wrapping_mul(0x0100_0000_01b3)
    })
}

/// Why nobody asks, and until when.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Open {
    /// `rate_limited` or `unavailable`.
    pub reason: String,
    /// Since when.
    #[serde(with = "time::serde::rfc3339")]
    pub since: OffsetDateTime,
    /// When one may find out whether it is over.
    #[serde(with = "time::serde::rfc3339")]
    pub until: OffsetDateTime,
    /// When the provider's next window begins, where it told that.
    #[serde(with = "time::serde::rfc3339::option")]
    pub resets_at: Option<OffsetDateTime>,
    pause: Duration,
    probe: Option<Probe>,
}

impl Open {
    /// Whether somebody is finding out right now.
    pub fn is_probing(&self, now: OffsetDateTime) -> bool {
        self.probe.as_ref().is_some_and(|probe| now < probe.until)
    }
}

#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
struct Probe {
    holder: String,
    #[serde(with = "time::serde::rfc3339")]
    until: OffsetDateTime,
}

/// How a request ended, as far as it matters here.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub enum CircuitEvent {
    /// The provider answered like one that works.
    Served {
        /// It was the probe.
        is_probe: bool,
    },
    /// No answer, or one that says that the provider is in trouble.
    Failed {
        /// It was the probe.
        is_probe: bool,
        /// The [`fingerprint`] of the application that was asked about; none when it concerned the whole account.
        application: Option<u64>,
    },
    /// The provider throttles us.
    Throttled(Throttle),
    /// The probe was given up before it had an answer.
    ProbeGivenUp,
}

/// Whether a request may be made.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Admission {
    Free,
    /// This one, to find out.
    Probe,
    Wait(Duration),
}

impl Circuit {
    /// Why nobody asks; none while it is closed.
    pub fn open(&self) -> Option<&Open> {
        self.open.as_ref()
    }

    /// Decides about a request of `holder`. Who is told to probe is the only one until its event comes.
    pub(crate) fn admit(&mut self, now: OffsetDateTime, holder: &str) -> Admission {
        let Some(open) = &mut self.open else {
            return Admission::Free;
        };
        if now < open.until {
            return Admission::Wait(between(now, open.until));
        }
        if open.is_probing(now) {
            return Admission::Wait(Duration::from_secs(1));
        }
        open.probe = Some(Probe {
            holder: holder.to_owned(),
            until: now + PROBE_LIMIT,
        });
        Admission::Probe
    }

    /// Takes note of how a request of `holder` ended.
    pub fn note(&mut self, now: OffsetDateTime, holder: &str, event: CircuitEvent) {
        let is_by_prober = self
            .open
            .as_ref()
            .and_then(|open| open.probe.as_ref())
            .is_some_and(|probe| probe.holder == holder);
        match event {
            CircuitEvent::Throttled(throttle) => self.throttle(now, throttle),
            CircuitEvent::Served { is_probe: true } if is_by_prober => *self = Self::default(),
            CircuitEvent::Failed { is_probe: true, .. } if is_by_prober => self.reopen(now),
            CircuitEvent::ProbeGivenUp if is_by_prober => {
                if let Some(open) = &mut self.open {
                    open.probe = None;
                }
            }
            // Answers to requests that were on their way before it opened say nothing.
            _ if self.open.is_some() => {}
            CircuitEvent::Served { .. } => *self = Self::default(),
            CircuitEvent::Failed { application, .. } => {
                match application {
                    None => self.failures += 1,
                    Some(one) if self.failing.contains(&one) => {}
                    Some(one) => self.failing.push(one),
                }
                if self.failures as usize + self.failing.len() >= FAILURES_UNTIL_OPEN {
                    self.open = Some(Open {
                        reason: "unavailable".to_owned(),
                        since: now,
                        until: now + FIRST_PAUSE,
                        resets_at: None,
                        pause: FIRST_PAUSE,
                        probe: None,
                    });
                }
            }
            CircuitEvent::ProbeGivenUp => {}
        }
    }

    fn throttle(&mut self, now: OffsetDateTime, throttle: Throttle) {
        let (since, pause) = self
            .open
            .as_ref()
            .map_or((now, FIRST_PAUSE), |open| (open.since, open.pause));
        self.open = Some(Open {
            reason: "rate_limited".to_owned(),
            since,
            until: now + throttle.retry_after,
            resets_at: throttle.resets_at,
            pause,
            probe: None,
        });
    }

    fn reopen(&mut self, now: OffsetDateTime) {
        if let Some(open) = &mut self.open {
            open.pause = (open.pause * 2).min(LONGEST_PAUSE);
            "unavailable".clone_into(&mut open.reason);
            open.until = now + open.pause;
            open.resets_at = None;
            open.probe = None;
        }
    }
}
