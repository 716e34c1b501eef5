//! How calls end, and what the audit log keeps of it.

use serde_json::json;
use slipway_core::DeploymentId;
use slipway_core::id::new_id;
use slipway_core::provider::{Accepted, ErrorKind, ProviderError, SharedProvider};
use slipway_core::state::reason;
use slipway_store::audit::AuditRow;
use slipway_store::intents::Intent;
use time::OffsetDateTime;

use super::Refusal;

/// How a call ended.
#[derive(Debug, Clone)]
pub(super) enum Outcome {
    /// The provider took it.
    Accepted(Box<Accepted>),
    /// It did not; with the fault of the account, where that is why.
    Refused(Refusal, Option<&'static str>),
    /// Nobody knows.
    Unknown,
    /// It was never made.
    NeverSent,
}

impl Outcome {
    pub(super) fn refused(error: &ProviderError, intent: &Intent, provider: Option<&SharedProvider>) -> Self {
        let capabilities = provider.map(|provider| provider.capabilities()).unwrap_or_default();
        let refusal = Refusal::of(error, &intent.new.account, capabilities, intent.new.request.action());
        let is_fault = matches!(error.kind, ErrorKind::Unauthenticated | ErrorKind::PermissionDenied);
        Self::Refused(refusal, is_fault.then(|| error.kind.as_str()))
    }

    pub(super) const fn as_str(&self) -> &'static str {
        match self {
            Self::Accepted(_) => "accepted",
            Self::Refused(..) => "refused",
            Self::Unknown => "unknown",
            Self::NeverSent => "never_sent",
        }
    }
}

/// What the audit log keeps of it.
pub(super) fn entry(intent: &Intent, outcome: &Outcome, id: Option<DeploymentId>, at: OffsetDateTime) -> AuditRow {
    let new = &intent.new;
    let code = match outcome {
        Outcome::Refused(refusal, _) => Some(refusal.code.as_str()),
        Outcome::NeverSent => Some(reason::NEVER_SENT),
        Outcome::Accepted(_) | Outcome::Unknown => None,
    };
    AuditRow {
        id: new_id(at),
        at,
        principal_id: new.principal_id.clone(),
        principal: new.principal.clone(),
        action: format!("deployment.{}", new.request.action()),
        target: Some(id.map_or_else(|| new.application_id.to_string(), |id| id.to_string())),
        outcome: match outcome {
            Outcome::Accepted(_) => "succeeded",
            Outcome::Unknown => "unknown",
            Outcome::Refused(..) | Outcome::NeverSent => "refused",
        }
        .to_owned(),
        request_id: new.request_id.clone(),
        client_address: new.client_address.clone(),
        detail: json!({
            "application_id": new.application_id,
            "of_deployment_id": new.target,
            "overrides_freeze": new.overrides_freeze,
            "code": code,
        }),
    }
}
