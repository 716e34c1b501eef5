//! The Deployment resource.

mod parts;

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};
use slipway_core::provider::Capabilities;
use slipway_core::{Deployment, State};
use time::OffsetDateTime;
use utoipa::ToSchema;
use uuid::Uuid;

pub use self::parts::{ActorView, ArtifactView, GitView, LogsView, TriggerView};
use crate::action::{self, BlockedActionView};
use crate::freshness::ListFreshnessView;
use crate::timeline::TimelineEntryView;

/// Where a deployment stands. Closed for all of v1; `phase`, `failure_reason` and `provider_status` say more.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize, ToSchema)]
#[serde(rename_all = "snake_case")]
pub enum Status {
    /// Accepted, waiting for the provider to begin.
    Queued,
    /// The provider is working on it.
    InProgress,
    /// Ended well.
    Succeeded,
    /// Ended badly.
    Failed,
    /// Stopped before its end.
    Canceled,
    /// The provider said something that no mapping covers.
    Unknown,
}

impl From<slipway_core::Status> for Status {
    fn from(status: slipway_core::Status) -> Self {
        match status {
            slipway_core::Status::Queued => Self::Queued,
            slipway_core::Status::InProgress => Self::InProgress,
            slipway_core::Status::Succeeded => Self::Succeeded,
            slipway_core::Status::Failed => Self::Failed,
            slipway_core::Status::Canceled => Self::Canceled,
            slipway_core::Status::Unknown => Self::Unknown,
        }
    }
}

/// One deployment of one application, the same shape for every provider.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[schema(as = Deployment)]
pub struct DeploymentView {
    /// The gateway's id.
    pub id: Uuid,
    /// The application it belongs to.
    pub application_id: Uuid,
    /// The kind of platform. An open list.
    #[schema(examples("scalingo"))]
    pub provider: String,
    /// The configured connection that sees it.
    #[schema(examples("scalingo-main"))]
    pub account: String,
    /// The provider's id; null only until the provider names a deployment that was asked for here.
    #[schema(required = true)]
    pub provider_deployment_id: Option<String>,
    /// Its page at the provider.
    #[schema(required = true)]
    pub provider_url: Option<String>,
    /// The application's environment.
    #[schema(required = true, examples("production"))]
    pub environment: Option<String>,
    /// Where it stands.
    pub status: Status,
    /// What is being done, or was being done when it failed. An open list: `queued`, `build`, `push`, `start`, `hook`.
    #[schema(required = true, examples("build"))]
    pub phase: Option<String>,
    /// Whether it is over: decide by this, not by the set of statuses.
    pub is_finished: bool,
    /// Why it failed, normalized. An open list: `build_failed`, `start_crashed`, `start_timeout`, `hook_failed`, `aborted`,
    /// `gone_upstream`, `unclassified`.
    #[schema(required = true)]
    pub failure_reason: Option<String>,
    /// Why it failed, in the provider's words.
    #[schema(required = true)]
    pub failure_message: Option<String>,
    /// The provider's own status, verbatim.
    #[schema(required = true, examples("building"))]
    pub provider_status: Option<String>,
    /// The provider's kind of deployment. An open list.
    #[schema(required = true)]
    pub kind: Option<String>,
    /// What started it.
    pub trigger: TriggerView,
    /// Who started it.
    #[schema(required = true)]
    pub actor: Option<ActorView>,
    /// Which revision.
    pub git: GitView,
    /// What was built.
    #[schema(required = true)]
    pub artifact: Option<ArtifactView>,
    /// The services that were deployed, where only some were.
    pub services: Vec<String>,
    /// Whether this is what runs now; null where the provider gives no way to tell.
    #[schema(required = true)]
    pub is_live: Option<bool>,
    /// Whether it is the newest of its application.
    pub is_latest: bool,
    /// The deployment that took over when this one stopped being live.
    #[schema(required = true)]
    pub superseded_by_id: Option<Uuid>,
    /// On a deployment made by a rollback: the one gone back to.
    #[schema(required = true)]
    pub rollback_of_id: Option<Uuid>,
    /// When the provider reverted it.
    #[schema(required = true)]
    #[serde(with = "time::serde::rfc3339::option")]
    pub rolled_back_at: Option<OffsetDateTime>,
    /// Who reverted it.
    #[schema(required = true)]
    pub rolled_back_by: Option<String>,
    /// When the provider accepted a cancel of the gateway's.
    #[schema(required = true)]
    #[serde(with = "time::serde::rfc3339::option")]
    pub cancel_requested_at: Option<OffsetDateTime>,
    /// When it was created. Set once and never changed.
    #[serde(with = "time::serde::rfc3339")]
    pub created_at: OffsetDateTime,
    /// When it began to wait.
    #[schema(required = true)]
    #[serde(with = "time::serde::rfc3339::option")]
    pub queued_at: Option<OffsetDateTime>,
    /// When the provider began.
    #[schema(required = true)]
    #[serde(with = "time::serde::rfc3339::option")]
    pub started_at: Option<OffsetDateTime>,
    /// When it ended, as the provider says.
    #[schema(required = true)]
    #[serde(with = "time::serde::rfc3339::option")]
    pub finished_at: Option<OffsetDateTime>,
    /// Milliseconds of waiting.
    #[schema(required = true)]
    pub queued_ms: Option<i64>,
    /// Milliseconds of work.
    #[schema(required = true)]
    pub duration_ms: Option<i64>,
    /// What can be had of its log.
    pub logs: LogsView,
    /// What can be done with it now. An open list.
    pub allowed_actions: Vec<String>,
    /// What cannot, and why.
    pub blocked_actions: Vec<BlockedActionView>,
    /// The application's labels.
    pub labels: BTreeMap<String, String>,
    /// Raised with every change of any field here.
    pub version: i64,
    /// When the gateway first saw it.
    #[serde(with = "time::serde::rfc3339")]
    pub first_seen_at: OffsetDateTime,
    /// When the present state was first seen.
    #[serde(with = "time::serde::rfc3339")]
    pub observed_at: OffsetDateTime,
    /// How the present state was seen. An open list: `webhook`, `stream`, `poll`, `backfill`, `write`.
    #[schema(examples("stream"))]
    pub observed_via: String,
    /// When any field here last changed.
    #[serde(with = "time::serde::rfc3339")]
    pub updated_at: OffsetDateTime,
    /// The provider's last whole answer, its secrets removed: only there when `include` names it, and null without one.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schema(value_type = Option<BTreeMap<String, serde_json::Value>>)]
    pub raw: Option<serde_json::Map<String, serde_json::Value>>,
    /// The states that it was in, oldest first: only there when `include` names it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schema(nullable = false)]
    pub timeline: Option<Vec<TimelineEntryView>>,
}

impl DeploymentView {
    /// The public form of `deployment`, whose provider offers `capabilities`.
    pub fn new(deployment: &Deployment, capabilities: Capabilities) -> Self {
        let details = &deployment.tracked.details;
        let State {
            phase,
            is_finished,
            failure_reason,
            failure_message,
            provider_status,
            ..
        } = deployment.tracked.state.clone();
        let status = deployment.tracked.status();
        let (allowed_actions, blocked_actions) = action::of_deployment(deployment, capabilities);
        let actor = &details.actor;
        let artifact = &details.artifact;
        let git = details.git.clone();
        Self {
            id: deployment.id.0,
            application_id: deployment.application_id.0,
            provider: deployment.provider.to_string(),
            account: deployment.account.to_string(),
            provider_deployment_id: deployment.provider_deployment_id.clone(),
            provider_url: details.provider_url.clone(),
            environment: deployment.environment.clone(),
            status: status.into(),
            phase: phase.map(|phase| phase.as_str().to_owned()),
            is_finished,
            failure_reason,
            failure_message,
            provider_status,
            kind: details.kind.clone(),
            trigger: TriggerView {
                kind: details.trigger.kind.clone().unwrap_or_else(|| "unknown".to_owned()),
                provider_value: details.trigger.provider_value.clone(),
            },
            actor: (actor.id.is_some() || actor.name.is_some() || actor.email.is_some()).then(|| ActorView {
                id: actor.id.clone(),
                name: actor.name.clone(),
                email: actor.email.clone(),
            }),
            git: GitView {
                r#ref: git.r#ref,
                sha: git.sha,
                branch: git.branch,
                previous_sha: git.previous_sha,
                commit_url: git.commit_url,
                compare_url: git.compare_url,
                message: git.message,
                committed_at: git.committed_at,
            },
            artifact: (artifact.image.is_some()
                || artifact.image_size_bytes.is_some()
                || artifact.base_image.is_some())
            .then(|| ArtifactView {
                image: artifact.image.clone(),
                image_size_bytes: artifact.image_size_bytes,
                base_image: artifact.base_image.clone(),
            }),
            services: details.services.clone().unwrap_or_default(),
            is_live: deployment.is_live,
            is_latest: deployment.is_latest,
            superseded_by_id: deployment.superseded_by_id.map(|id| id.0),
            rollback_of_id: deployment.rollback_of_id.map(|id| id.0),
            rolled_back_at: details.rolled_back_at,
            rolled_back_by: details.rolled_back_by.clone(),
            cancel_requested_at: deployment.tracked.cancel_requested_at,
            created_at: deployment.created_at,
            queued_at: details.queued_at,
            started_at: details.started_at,
            finished_at: deployment.tracked.finished_at,
            queued_ms: deployment.queued_ms(),
            duration_ms: deployment.duration_ms(),
            logs: LogsView::new(deployment, capabilities),
            allowed_actions,
            blocked_actions,
            labels: deployment.labels.clone(),
            version: deployment.version,
            first_seen_at: deployment.first_seen_at,
            observed_at: deployment.observed_at,
            observed_via: deployment.observed_via.as_str().to_owned(),
            updated_at: deployment.updated_at,
            raw: None,
            timeline: None,
        }
    }
}

/// A page of deployments.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct DeploymentList {
    /// Newest first, or in the order of `sort`.
    pub items: Vec<DeploymentView>,
    /// Where the next page begins; null at the end, which is the only sign of it.
    #[schema(required = true)]
    pub next_cursor: Option<String>,
    /// The position in the event log that this list shows: go on from here with the stream and nothing is missed.
    pub event_cursor: String,
    /// How far this list can be trusted.
    pub freshness: ListFreshnessView,
}
