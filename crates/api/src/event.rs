//! Events: one flat shape for the stream and for its JSON twin.

use serde::{Deserialize, Serialize};
use time::OffsetDateTime;
use utoipa::ToSchema;
use uuid::Uuid;

use crate::deployment::{DeploymentView, Status};
use crate::freshness::AccountFreshnessView;

/// Something that happened, or a control frame of the stream.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[schema(as = Event)]
pub struct EventView {
    /// Its position in the log; null on control frames only.
    #[schema(required = true)]
    pub id: Option<String>,
    /// An open list: `deployment.created`, `.queued`, `.started`, `.phase_changed`, `.finished`, `.went_live`,
    /// `.superseded`, `.rolled_back`, `.corrected`, `.updated`; `application.discovered`, `.updated`, `.archived`,
    /// `.history_changed`; `account.freshness_changed`; and the control frames `heartbeat`, `reset`, `auth_expired`,
    /// `snapshot.deployment`, `snapshot.end`.
    #[schema(examples("deployment.finished"))]
    pub r#type: String,
    /// When the provider says that it happened.
    #[schema(required = true)]
    #[serde(with = "time::serde::rfc3339::option")]
    pub time: Option<OffsetDateTime>,
    /// When the gateway wrote it down.
    #[serde(with = "time::serde::rfc3339")]
    pub recorded_at: OffsetDateTime,
    /// On control frames: the position to resume from.
    #[schema(required = true)]
    pub cursor: Option<String>,
    /// On heartbeats: one entry per account.
    pub freshness: Vec<AccountFreshnessView>,
    /// The application it is about.
    #[schema(required = true)]
    pub application_id: Option<Uuid>,
    /// The deployment it is about.
    #[schema(required = true)]
    pub deployment_id: Option<Uuid>,
    /// The kind of platform. An open list.
    #[schema(required = true)]
    pub provider: Option<String>,
    /// The account.
    #[schema(required = true)]
    pub account: Option<String>,
    /// The status after the change.
    #[schema(required = true)]
    pub status: Option<Status>,
    /// The status before, where it changed.
    #[schema(required = true)]
    pub previous_status: Option<Status>,
    /// The whole deployment after the change.
    #[schema(required = true)]
    pub deployment: Option<DeploymentView>,
    /// How it was seen. An open list.
    #[schema(required = true)]
    pub observed_via: Option<String>,
    /// Why, where there is more to say. An open list.
    #[schema(required = true)]
    pub reason: Option<String>,
    /// The trace in which it was written.
    #[schema(required = true)]
    pub trace_id: Option<String>,
}

/// A page of the event log.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct EventList {
    /// In the order of the log.
    pub items: Vec<EventView>,
    /// The position up to which the log was read for this answer: ask again with it. Never null.
    pub next_cursor: String,
}
