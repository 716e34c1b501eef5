//! Why a write was not made, for callers.

use serde::{Deserialize, Serialize};
use slipway_core::provider::{Capabilities, ErrorKind, ProviderError};

/// A refusal, kept with the intent where the provider gave it.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Refusal {
    /// The public code.
    pub code: String,
    /// What went wrong and what to do, in a sentence without secrets.
    pub detail: String,
    /// When the same request may succeed, in seconds.
    pub retry_after_s: Option<u64>,
}

impl Refusal {
    pub(super) fn new(code: &str, detail: impl Into<String>) -> Self {
        Self {
            code: code.to_owned(),
            detail: detail.into(),
            retry_after_s: None,
        }
    }

    /// The provider cannot do it; tells what it can.
    pub(super) fn unsupported(action: &str, provider: &str, capabilities: Capabilities) -> Self {
        let possible = [
            ("trigger", capabilities.trigger),
            ("redeploy", capabilities.redeploy),
            ("cancel", capabilities.cancel),
            ("rollback", capabilities.rollback),
        ];
        let possible: Vec<_> = possible
            .iter()
            .filter(|(_, support)| support.is_available())
            .map(|(action, _)| *action)
            .collect();
        let instead = if possible.is_empty() {
            "nothing can be written there".to_owned()
        } else {
            format!("possible instead: {}", possible.join(", "))
        };
        Self::new(
            "capability_not_supported",
            format!("{provider} has no {action}; {instead}"),
        )
    }

    /// What a provider's error is for the caller.
    pub(super) fn of(error: &ProviderError, account: &str, capabilities: Capabilities, action: &str) -> Self {
        let message = &error.message;
        let mut refusal = match error.kind {
            ErrorKind::Unsupported => Self::unsupported(action, error.provider, capabilities),
            ErrorKind::Unauthenticated | ErrorKind::PermissionDenied => Self::new(
                "provider_denied",
                format!(
                    "{} does not let the account `{account}` do this: its operator finds more in /accounts",
                    error.provider
                ),
            ),
            ErrorKind::NotFound => Self::new("provider_not_found", format!("{}: {message}", error.provider)),
            ErrorKind::InvalidRequest => Self::new("provider_rejected", format!("{}: {message}", error.provider)),
            ErrorKind::Conflict => Self::new(
                error.reason.unwrap_or("provider_conflict"),
                format!("{}: {message}", error.provider),
            ),
            ErrorKind::RateLimited => Self::new(
                "provider_rate_limited",
                format!(
                    "{} takes no more requests for now; nothing was sent twice",
                    error.provider
                ),
            ),
            ErrorKind::Unavailable | ErrorKind::Protocol => Self::new(
                "provider_unavailable",
                format!(
                    "{} cannot be reached or is in trouble; nothing was done",
                    error.provider
                ),
            ),
        };
        refusal.retry_after_s = error.retry_after.map(|wait| wait.as_secs().max(1));
        refusal
    }

    /// Whether the same request may succeed later, so that its key is not kept.
    pub(super) fn is_passing(&self) -> bool {
        matches!(self.code.as_str(), "provider_rate_limited" | "provider_unavailable")
    }
}
