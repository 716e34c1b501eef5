//! What a deployment went through.

use serde::{Deserialize, Serialize};
use time::OffsetDateTime;
use utoipa::ToSchema;

use crate::deployment::Status;

/// One state that a deployment was in.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[schema(as = TimelineEntry)]
pub struct TimelineEntryView {
    /// The deployment's version from which on it held.
    pub version: i64,
    /// Where it stood.
    pub status: Status,
    /// Where it stood before.
    #[schema(required = true)]
    pub previous_status: Option<Status>,
    /// What was being done. An open list.
    #[schema(required = true)]
    pub phase: Option<String>,
    /// The provider's own word.
    #[schema(required = true)]
    pub provider_status: Option<String>,
    /// Why it failed. An open list.
    #[schema(required = true)]
    pub failure_reason: Option<String>,
    /// When the provider says that it began.
    #[schema(required = true)]
    #[serde(with = "time::serde::rfc3339::option")]
    pub time: Option<OffsetDateTime>,
    /// When the gateway saw it.
    #[serde(with = "time::serde::rfc3339")]
    pub recorded_at: OffsetDateTime,
    /// Milliseconds until the next entry was seen; null for the last one.
    #[schema(required = true)]
    pub lasted_ms: Option<i64>,
    /// How it was seen. An open list.
    pub observed_via: String,
    /// Whether it replaced what was stored before as a correction.
    pub is_correction: bool,
}

/// The states of a deployment, oldest first.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct TimelineList {
    /// Oldest first.
    pub items: Vec<TimelineEntryView>,
    /// Always null: the list is complete.
    #[schema(required = true)]
    pub next_cursor: Option<String>,
    /// The position in the event log that this list shows.
    pub event_cursor: String,
}
