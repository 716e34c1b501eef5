//! An application as the gateway keeps it.

use std::collections::BTreeMap;

use time::OffsetDateTime;

use crate::id::{AccountName, ApplicationId, DeploymentId, ProviderName};
use crate::observation::ApplicationObservation;

/// Names and values that operators give to applications.
pub type Labels = BTreeMap<String, String>;

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
    /// The provider's environment, else the one that a rule gives.
    pub environment: Option<String>,
    /// The provider's owner, else the one that a rule gives.
    pub owner: Option<String>,
    /// What rules give.
    pub labels: Labels,
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
