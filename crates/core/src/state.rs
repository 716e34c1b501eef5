//! Status, phase and the order in which states outrank each other.
//!
//! Providers do not say when a row last changed, so the order of observations comes from what they say, not from when
//! they arrive: rank, then phase, then authority. See `transition` for what is done with it.

use std::borrow::Cow;
use std::fmt;

use serde::{Deserialize, Serialize};

/// The closed set of statuses for all of v1.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Status {
    /// Accepted, waiting for the provider to begin.
    Queued,
    /// The provider is working on it; `phase` says on what.
    InProgress,
    /// Ended well.
    Succeeded,
    /// Ended badly.
    Failed,
    /// Stopped before its end by somebody.
    Canceled,
    /// The provider said something that no mapping covers, or nothing.
    Unknown,
}

impl Status {
    /// Every status, in the order of a deployment's life.
    pub const ALL: [Self; 6] = [
        Self::Queued,
        Self::InProgress,
        Self::Succeeded,
        Self::Failed,
        Self::Canceled,
        Self::Unknown,
    ];

    /// The public spelling.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Queued => "queued",
            Self::InProgress => "in_progress",
            Self::Succeeded => "succeeded",
            Self::Failed => "failed",
            Self::Canceled => "canceled",
            Self::Unknown => "unknown",
        }
    }

    /// The status with this public spelling.
    pub fn parse(text: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|status| status.as_str() == text)
    }

    /// Whether this is one of the three ends.
    pub const fn is_end(self) -> bool {
        matches!(self, Self::Succeeded | Self::Failed | Self::Canceled)
    }
}

impl fmt::Display for Status {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.as_str())
    }
}

/// What the provider is doing while a deployment is in progress, or was doing when it failed. An open list.
#[derive(Debug, Clone, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(transparent)]
pub struct Phase(Cow<'static, str>);

impl Phase {
    /// Waiting.
    pub const QUEUED: Self = Self(Cow::Borrowed("queued"));
    /// Making the artefact.
    pub const BUILD: Self = Self(Cow::Borrowed("build"));
    /// Moving the artefact to where it runs.
    pub const PUSH: Self = Self(Cow::Borrowed("push"));
    /// Starting the new version.
    pub const START: Self = Self(Cow::Borrowed("start"));
    /// Running what follows a start.
    pub const HOOK: Self = Self(Cow::Borrowed("hook"));

    /// A phase by name, for providers with steps of their own.
    pub fn other(name: impl Into<String>) -> Self {
        Self(Cow::Owned(name.into()))
    }

    /// The public spelling.
    pub fn as_str(&self) -> &str {
        &self.0
    }

    /// Known phases in order of a deployment's life; a name of a provider's own comes before them, by spelling, so that
    /// the order stays total.
    fn position(&self) -> (u8, &str) {
        let known = [Self::QUEUED, Self::BUILD, Self::PUSH, Self::START, Self::HOOK];
        match known.iter().position(|phase| phase == self) {
            Some(position) => (2 + u8::try_from(position).unwrap_or(u8::MAX - 2), ""),
            None => (1, &self.0),
        }
    }
}

/// Who said it. Between two ends that differ, REST outweighs a stream.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Authority {
    /// A frame of the provider's live stream.
    Stream,
    /// An answer of the provider's REST API.
    Rest,
}

/// Open list of reasons that the gateway itself gives; providers' mappings add their own.
pub mod reason {
    /// The provider answers 404 for a deployment that had not ended.
    pub const GONE_UPSTREAM: &str = "gone_upstream";
    /// A call of ours had no answer, and nobody knows what came of it.
    pub const OUTCOME_UNKNOWN: &str = "outcome_unknown";
    /// A call of ours was never made.
    pub const NEVER_SENT: &str = "never_sent";
    /// The provider reports a failure that no mapping names.
    pub const UNCLASSIFIED: &str = "unclassified";
}

/// One state of a deployment as a provider tells it, mapped. It is replaced whole, nulls included.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct State {
    /// The mapped status, before the cancel rule (see [`State::effective_status`]).
    pub status: Status,
    /// What it is doing, or was doing when it failed.
    pub phase: Option<Phase>,
    /// Whether more can follow. True for the ends, and for `unknown` when the provider gives a finish time.
    pub is_finished: bool,
    /// The provider's own word, verbatim.
    pub provider_status: Option<String>,
    /// Why it failed, normalized. An open list.
    pub failure_reason: Option<String>,
    /// Why it failed, in the provider's words.
    pub failure_message: Option<String>,
    /// Who said it.
    pub authority: Authority,
}

impl State {
    /// A state of which only the status is known.
    pub fn new(status: Status, authority: Authority) -> Self {
        Self {
            status,
            phase: None,
            is_finished: status.is_end(),
            provider_status: None,
            failure_reason: None,
            failure_message: None,
            authority,
        }
    }

    /// The state of an unfinished deployment that the provider no longer knows.
    pub fn gone() -> Self {
        Self {
            is_finished: true,
            failure_reason: Some(reason::GONE_UPSTREAM.to_owned()),
            ..Self::new(Status::Unknown, Authority::Rest)
        }
    }

    /// Whether this is the state that [`State::gone`] makes.
    pub fn is_gone(&self) -> bool {
        self.status == Status::Unknown
            && self.is_finished
            && self.failure_reason.as_deref() == Some(reason::GONE_UPSTREAM)
    }

    /// unknown < queued < in progress < unknown but finished < the ends.
    pub fn rank(&self) -> u8 {
        match self.status {
            Status::Unknown if !self.is_finished => 0,
            Status::Queued => 1,
            Status::InProgress => 2,
            Status::Unknown => 3,
            Status::Succeeded | Status::Failed | Status::Canceled => 4,
        }
    }

    /// What the order compares: within `in_progress` the phase decides, between ends the authority.
    pub(crate) fn precedence(&self) -> (u8, (u8, &str), Option<Authority>) {
        let phase = match (&self.phase, self.status) {
            (Some(phase), Status::InProgress) => phase.position(),
            _ => (0, ""),
        };
        (self.rank(), phase, self.status.is_end().then_some(self.authority))
    }

    /// The status that everybody sees. Once a cancel was accepted, a failure or an unclear end reads `canceled`; a success
    /// and a deployment that is gone stay what they are.
    pub fn effective_status(&self, cancel_requested: bool) -> Status {
        match self.status {
            Status::Failed if cancel_requested => Status::Canceled,
            Status::Unknown if cancel_requested && self.is_finished && !self.is_gone() => Status::Canceled,
            status => status,
        }
    }
}
