//! Faults that the provider servers show on demand.

use std::time::Duration;

use axum::http::StatusCode;
use parking_lot::Mutex;
use serde::{Deserialize, Serialize};
use tokio::sync::broadcast;

use crate::dice::Dice;
use crate::world::Provider;

/// What goes wrong.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum FaultKind {
    /// Answers after `latency_ms`.
    Latency,
    /// Answers with `status` and the provider's error body.
    Status,
    /// Answers as over the rate limit.
    Throttled,
    /// 200 with a body that is not JSON.
    Garbage,
    /// The first half of the right body, then the connection breaks.
    Truncated,
    /// Never answers.
    Hang,
    /// 200 with `bytes` of JSON (10 MB unless told).
    HugeBody,
    /// Does what was asked, then breaks the connection without an answer.
    DropAfter,
    /// Does what was asked, and answers after `latency_ms`.
    LatencyAfter,
    /// Does what was asked, and answers with `status` and the provider's error body.
    StatusAfter,
    /// A redirect to `location`.
    Redirect,
    /// Answers whose links to sockets lead to `location`.
    ForeignLinks,
    /// Statuses that nobody has heard of, in answers and in frames.
    UnknownStatus,
    /// Null in every field that is not an id.
    NullFields,
    /// Sockets break without a close frame. Without `count`: those open now. With it: the next ones, after three frames.
    DropSocket,
    /// Sockets stay open and say nothing more, not even a ping.
    SilentSocket,
    /// The handshake of a socket gets 503.
    RefuseSocket,
    /// All exchanged tokens of Scalingo are invalid from now on. Happens once, is not kept.
    ExpireTokens,
}

impl FaultKind {
    fn concerns_sockets(self) -> bool {
        matches!(self, Self::DropSocket | Self::SilentSocket | Self::RefuseSocket)
    }
}

/// A fault as it is asked for.
#[derive(Debug, Clone, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Fault {
    /// Whose server.
    pub provider: Provider,
    /// What goes wrong.
    pub kind: FaultKind,
    /// Only where the path (with query) contains this.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub path_contains: Option<String>,
    /// Only for this method.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub method: Option<String>,
    /// How many requests; without it until cleared.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub count: Option<u64>,
    /// Share of the requests, 0 to 1; without it all.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub probability: Option<f64>,
    /// For `latency` and `latency_after`, in milliseconds.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub latency_ms: Option<u64>,
    /// For `status` and `status_after`.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub status: Option<u16>,
    /// For `redirect` and `foreign_links`.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub location: Option<String>,
    /// For `huge_body`.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub bytes: Option<usize>,
}

impl Fault {
    /// A fault of all requests to `provider` until cleared.
    #[must_use]
    pub fn new(provider: Provider, kind: FaultKind) -> Self {
        Self {
            provider,
            kind,
            path_contains: None,
            method: None,
            count: None,
            probability: None,
            latency_ms: None,
            status: None,
            location: None,
            bytes: None,
        }
    }

    /// The pause of a fault that is one.
    pub(crate) fn latency(&self) -> Duration {
        Duration::from_millis(self.latency_ms.unwrap_or(1_000))
    }

    /// The status of a fault that answers with one; 500 unless told.
    pub(crate) fn status_code(&self) -> StatusCode {
        let told = self.status.and_then(|code| StatusCode::from_u16(code).ok());
        told.unwrap_or(StatusCode::INTERNAL_SERVER_ERROR)
    }
}

/// A fault in force.
#[derive(Debug, Clone, Serialize)]
pub struct ActiveFault {
    /// For clearing it.
    pub id: u64,
    /// How many requests it has hit.
    pub hits: u64,
    /// What was asked for.
    #[serde(flatten)]
    pub fault: Fault,
}

#[derive(Debug)]
struct Inner {
    next_id: u64,
    active: Vec<ActiveFault>,
    dice: Dice,
}

/// The faults in force.
#[derive(Debug)]
pub struct Faults {
    inner: Mutex<Inner>,
    /// Tells open sockets to break; the text is what their path must contain.
    drops: broadcast::Sender<String>,
}

impl Faults {
    pub(crate) fn new(seed: u64) -> Self {
        let inner = Inner {
            next_id: 1,
            active: Vec::new(),
            dice: Dice::new(seed, "faults", 0),
        };
        Self {
            inner: Mutex::new(inner),
            drops: broadcast::Sender::new(64),
        }
    }

    /// Put a fault in force; returns its id. `expire_tokens` is done by [`crate::World::set_fault`].
    pub(crate) fn add(&self, fault: Fault) -> u64 {
        if fault.kind == FaultKind::DropSocket && fault.count.is_none() {
            // Without an open socket nobody listens, and there is nothing to break.
            let _ = self.drops.send(fault.path_contains.unwrap_or_default());
            return 0;
        }
        let mut inner = self.inner.lock();
        let id = inner.next_id;
        inner.next_id += 1;
        inner.active.push(ActiveFault { id, hits: 0, fault });
        id
    }

    /// The faults in force; those whose count is used up are gone.
    #[must_use]
    pub fn list(&self) -> Vec<ActiveFault> {
        self.inner.lock().active.clone()
    }

    /// End all faults.
    pub fn clear(&self) {
        self.inner.lock().active.clear();
    }

    /// End one fault. False when it is not in force.
    pub fn remove(&self, id: u64) -> bool {
        let mut inner = self.inner.lock();
        let before = inner.active.len();
        inner.active.retain(|fault| fault.id != id);
        inner.active.len() != before
    }

    /// The fault that hits this request, counted as hit.
    pub(crate) fn for_request(&self, provider: Provider, method: &str, path: &str) -> Option<Fault> {
        self.take(|fault| {
            !fault.kind.concerns_sockets()
                && fault.provider == provider
                && fault
                    .method
                    .as_ref()
                    .is_none_or(|wanted| wanted.eq_ignore_ascii_case(method))
                && fault.path_contains.as_ref().is_none_or(|part| path.contains(part))
        })
    }

    /// True when a fault of this kind hits the socket at `path`.
    pub(crate) fn hits_socket(&self, kind: FaultKind, path: &str) -> bool {
        let matches = |fault: &Fault| {
            fault.provider == Provider::Scalingo
                && fault.kind == kind
                && fault.path_contains.as_ref().is_none_or(|part| path.contains(part))
        };
        self.take(matches).is_some()
    }

    pub(crate) fn drops(&self) -> broadcast::Receiver<String> {
        self.drops.subscribe()
    }

    fn take(&self, matches: impl Fn(&Fault) -> bool) -> Option<Fault> {
        let mut inner = self.inner.lock();
        let Inner { active, dice, .. } = &mut *inner;
        let position = active.iter().position(|active| {
            matches(&active.fault)
                && active
                    .fault
                    .probability
                    .is_none_or(|share| (dice.between(0, 999_999) as f64) < share * 1e6)
        })?;
        let active_fault = &mut active[position];
        active_fault.hits += 1;
        let fault = active_fault.fault.clone();
        if let Some(count) = &mut active_fault.fault.count {
            *count = count.saturating_sub(1);
            if *count == 0 {
                active.remove(position);
            }
        }
        Some(fault)
    }
}
