//! An application as the gateway keeps it.

use time::OffsetDateTime;

use crate::id::{AccountName, ApplicationId, DeploymentId, ProviderName};
use crate::observation::ApplicationObservation;

/// An application as the gateway keeps it: what the provider says, and what we know beside it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Application {
    /// The gateway's id.
    pub id: ApplicationId,
    /// The kind of platform.
    pub provider: ProviderName,
    /// The connection that sees it.
    pub account: AccountName,
    /// What the provider last said of it.
    pub observed: ApplicationObservation,
    /// The newest deployment.
    pub last_deployment_id: Option<DeploymentId>,
    /// The deployment that runs now.
    pub live_deployment_id: Option<DeploymentId>,
    /// When the gateway first saw it.
    pub first_seen_at: OffsetDateTime,
    /// When a public field last changed.
    pub updated_at: OffsetDateTime,
    /// Since when the provider no longer has it.
    pub archived_at: Option<OffsetDateTime>,
    /// Raised once for each transaction that changes a public field.
    pub version: i64,
}
