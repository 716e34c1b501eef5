//! The Application resource.

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};
use slipway_core::Application;
use slipway_core::provider::{self, Capabilities};
use time::OffsetDateTime;
use utoipa::ToSchema;
use uuid::Uuid;

use crate::action::{self, BlockedActionView};
use crate::deployment::DeploymentView;
use crate::freshness::{FreshnessView, ListFreshnessView};

/// Whether something can be done. A string of an open list in the document, so that clients survive a new word.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Support {
    /// The provider does it.
    Supported,
    /// It cannot be done.
    Unsupported,
    /// The gateway does it with other calls of the provider.
    Emulated,
    /// A word that a later gateway has. Never sent by this one.
    #[serde(other)]
    Other,
}

impl From<bool> for Support {
    fn from(supported: bool) -> Self {
        if supported { Self::Supported } else { Self::Unsupported }
    }
}

impl From<provider::Support> for Support {
    fn from(support: provider::Support) -> Self {
        match support {
            provider::Support::Supported => Self::Supported,
            provider::Support::Unsupported => Self::Unsupported,
            provider::Support::Emulated => Self::Emulated,
        }
    }
}

/// What can be done with an application.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[schema(as = ApplicationCapabilities)]
pub struct ApplicationCapabilitiesView {
    /// Start a deployment. An open list: `supported`, `unsupported`, `emulated`.
    #[schema(value_type = String, examples("supported"))]
    pub trigger: Support,
    /// Deploy once more what a deployment deployed. An open list: `supported`, `unsupported`, `emulated`.
    #[schema(value_type = String, examples("supported"))]
    pub redeploy: Support,
    /// Stop a running deployment. An open list: `supported`, `unsupported`, `emulated`.
    #[schema(value_type = String, examples("supported"))]
    pub cancel: Support,
    /// Go back to an earlier deployment. An open list: `supported`, `unsupported`, `emulated`.
    #[schema(value_type = String, examples("supported"))]
    pub rollback: Support,
    /// Read logs. An open list: `supported`, `unsupported`, `emulated`.
    #[schema(value_type = String, examples("supported"))]
    pub logs: Support,
    /// Follow logs live. An open list: `supported`, `unsupported`, `emulated`.
    #[schema(value_type = String, examples("supported"))]
    pub log_stream: Support,
    /// Follow the status live at the provider. An open list: `supported`, `unsupported`, `emulated`.
    #[schema(value_type = String, examples("supported"))]
    pub status_stream: Support,
}

/// One application of one account.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[schema(as = Application)]
pub struct ApplicationView {
    /// The gateway's id.
    pub id: Uuid,
    /// The kind of platform. An open list.
    #[schema(examples("cloud66"))]
    pub provider: String,
    /// The configured connection that sees it.
    pub account: String,
    /// The provider's id.
    pub provider_application_id: String,
    /// The provider's name for it.
    pub name: String,
    /// The environment: the provider's, else the one that a rule of the gateway's configuration gives.
    #[schema(required = true)]
    pub environment: Option<String>,
    /// The region.
    #[schema(required = true)]
    pub region: Option<String>,
    /// Where it answers.
    #[schema(required = true)]
    pub url: Option<String>,
    /// Its page at the provider.
    #[schema(required = true)]
    pub provider_url: Option<String>,
    /// The repository it is deployed from.
    #[schema(required = true)]
    pub git_repository: Option<String>,
    /// The branch it is deployed from.
    #[schema(required = true)]
    pub git_branch: Option<String>,
    /// The provider's own status of the application, verbatim.
    #[schema(required = true)]
    pub provider_status: Option<String>,
    /// The provider's own word for its health, verbatim.
    #[schema(required = true)]
    pub health: Option<String>,
    /// Who owns it: at the provider, else by a rule of the gateway's configuration.
    #[schema(required = true)]
    pub owner: Option<String>,
    /// What rules of the gateway's configuration say of it.
    pub labels: BTreeMap<String, String>,
    /// The newest deployment.
    #[schema(required = true)]
    pub last_deployment_id: Option<Uuid>,
    /// The deployment that runs now.
    #[schema(required = true)]
    pub live_deployment_id: Option<Uuid>,
    /// What can be done.
    pub capabilities: ApplicationCapabilitiesView,
    /// What can be done now. An open list.
    pub allowed_actions: Vec<String>,
    /// What cannot, and why.
    pub blocked_actions: Vec<BlockedActionView>,
    /// How far this can be trusted. Moves with every read of the provider and is not part of `version`.
    pub freshness: FreshnessView,
    /// When it was created at the provider.
    #[schema(required = true)]
    #[serde(with = "time::serde::rfc3339::option")]
    pub created_at: Option<OffsetDateTime>,
    /// When the gateway first saw it.
    #[serde(with = "time::serde::rfc3339")]
    pub first_seen_at: OffsetDateTime,
    /// When any field here but `freshness` last changed.
    #[serde(with = "time::serde::rfc3339")]
    pub updated_at: OffsetDateTime,
    /// Since when the provider no longer has it.
    #[schema(required = true)]
    #[serde(with = "time::serde::rfc3339::option")]
    pub archived_at: Option<OffsetDateTime>,
    /// Raised with every change of any field here but `freshness` and what `include` names.
    pub version: i64,
    /// The newest deployment: only there when `include` names it, and null without one.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub last_deployment: Option<DeploymentView>,
    /// The deployment that runs now: only there when `include` names it, and null without one.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub live_deployment: Option<DeploymentView>,
}

impl ApplicationView {
    /// The public form of `application`, whose provider offers `capabilities`.
    pub fn new(application: &Application, capabilities: Capabilities, freshness: FreshnessView) -> Self {
        let observed = application.observed.clone();
        let (allowed_actions, blocked_actions) = action::of_application(application, capabilities);
        Self {
            id: application.id.0,
            provider: application.provider.to_string(),
            account: application.account.to_string(),
            provider_application_id: observed.provider_application_id,
            name: observed.name,
            environment: application.environment.clone(),
            region: observed.region,
            url: observed.url,
            provider_url: observed.provider_url,
            git_repository: observed.git_repository,
            git_branch: observed.git_branch,
            provider_status: observed.provider_status,
            health: observed.health,
            owner: application.owner.clone(),
            labels: application.labels.clone(),
            last_deployment_id: application.last_deployment_id.map(|id| id.0),
            live_deployment_id: application.live_deployment_id.map(|id| id.0),
            capabilities: ApplicationCapabilitiesView {
                trigger: capabilities.trigger.into(),
                redeploy: capabilities.redeploy.into(),
                cancel: capabilities.cancel.into(),
                rollback: capabilities.rollback.into(),
                logs: (capabilities.read_logs || capabilities.follow_logs).into(),
                log_stream: capabilities.follow_logs.into(),
                status_stream: capabilities.follow_status.into(),
            },
            allowed_actions,
            blocked_actions,
            freshness,
            created_at: observed.created_at,
            first_seen_at: application.first_seen_at,
            updated_at: application.updated_at,
            archived_at: application.archived_at,
            version: application.version,
            last_deployment: None,
            live_deployment: None,
        }
    }
}

/// A page of applications.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct ApplicationList {
    /// By name.
    pub items: Vec<ApplicationView>,
    /// Where the next page begins; null at the end, which is the only sign of it.
    #[schema(required = true)]
    pub next_cursor: Option<String>,
    /// The position in the event log that this list shows.
    pub event_cursor: String,
    /// How far this list can be trusted.
    pub freshness: ListFreshnessView,
}
