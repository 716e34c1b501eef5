//! Why a call to a provider failed, for programs.

use std::error::Error;
use std::fmt;
use std::time::Duration;

/// What kind of failure it was, the same words for every provider.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum ErrorKind {
    /// The credentials were not accepted.
    Unauthenticated,
    /// The credentials are good and do not allow this.
    PermissionDenied,
    /// The provider says that it is not there.
    NotFound,
    /// The provider refused what was asked.
    InvalidRequest,
    /// It cannot be done in the present state.
    Conflict,
    /// Too many requests; `retry_after` says until when, if known.
    RateLimited,
    /// This provider, or this adapter, cannot do it.
    Unsupported,
    /// No answer, or the provider says that it is in trouble.
    Unavailable,
    /// An answer that was not understood.
    Protocol,
}

impl ErrorKind {
    /// The spelling in freshness reasons, logs and metrics.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Unauthenticated => "unauthenticated",
            Self::PermissionDenied => "permission_denied",
            Self::NotFound => "not_found",
            Self::InvalidRequest => "invalid_request",
            Self::Conflict => "conflict",
            Self::RateLimited => "rate_limited",
            Self::Unsupported => "unsupported",
            Self::Unavailable => "unavailable",
            Self::Protocol => "protocol",
        }
    }

    /// Whether the same call may succeed later without anybody changing anything. Decided here and nowhere else.
    pub const fn is_transient(self) -> bool {
        matches!(self, Self::RateLimited | Self::Unavailable | Self::Protocol)
    }
}

/// A failed call. Its text holds no credential and no payload: adapters see to that.
#[derive(Debug)]
pub struct ProviderError {
    /// For programs.
    pub kind: ErrorKind,
    /// The provider's name.
    pub provider: &'static str,
    /// The adapter's method.
    pub operation: &'static str,
    /// How long the provider asks us to wait.
    pub retry_after: Option<Duration>,
    /// What went wrong, in one short sentence without secrets.
    pub message: String,
    /// A stable code where the kind alone does not tell a caller what to do, such as `source_unknown`.
    pub reason: Option<&'static str>,
    /// Of a write: whether the provider may have carried it out all the same, because no answer came or none that was
    /// understood. Never set on a refusal, nor on a failure before the request left.
    pub may_have_been_applied: bool,
    /// What caused it, for logs.
    pub source: Option<Box<dyn Error + Send + Sync>>,
}

impl ProviderError {
    /// An error of this kind.
    pub fn new(kind: ErrorKind, provider: &'static str, operation: &'static str, message: impl Into<String>) -> Self {
        Self {
            kind,
            provider,
            operation,
            retry_after: None,
            message: message.into(),
            reason: None,
            may_have_been_applied: false,
            source: None,
        }
    }

    /// A call that this provider cannot serve. No request was made.
    pub fn unsupported(provider: &'static str, operation: &'static str) -> Self {
        Self::new(
            ErrorKind::Unsupported,
            provider,
            operation,
            "this provider cannot do that",
        )
    }

    /// The same with what caused it.
    #[must_use]
    pub fn with_source(mut self, source: impl Into<Box<dyn Error + Send + Sync>>) -> Self {
        self.source = Some(source.into());
        self
    }

    /// The same with a stable code.
    #[must_use]
    pub fn with_reason(mut self, reason: &'static str) -> Self {
        self.reason = Some(reason);
        self
    }

    /// The same, of a write that may have been carried out.
    #[must_use]
    pub fn possibly_applied(mut self) -> Self {
        self.may_have_been_applied = true;
        self
    }

    /// The same with how long to wait.
    #[must_use]
    pub fn with_retry_after(mut self, retry_after: Option<Duration>) -> Self {
        self.retry_after = retry_after;
        self
    }
}

impl fmt::Display for ProviderError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(
            f,
            "{} {}: {}: {}",
            self.provider,
            self.operation,
            self.kind.as_str(),
            self.message
        )
    }
}

impl Error for ProviderError {
    fn source(&self) -> Option<&(dyn Error + 'static)> {
        self.source.as_deref().map(|source| source as _)
    }
}
