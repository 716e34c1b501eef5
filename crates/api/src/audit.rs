//! The audit log.

use serde::{Deserialize, Serialize};
use time::OffsetDateTime;
use utoipa::ToSchema;
use uuid::Uuid;

/// Something that was done.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, ToSchema)]
#[schema(as = AuditEntry)]
pub struct AuditEntryView {
    /// The gateway's id of the entry.
    pub id: Uuid,
    /// When it was done.
    #[serde(with = "time::serde::rfc3339")]
    pub at: OffsetDateTime,
    /// Who did it, for programs: does not change when a name does. `anonymous` for who did not prove who they are.
    #[schema(examples("token:019ab5c2-7b6e-7d3f-8a34-0d7f1c9f3f10"))]
    pub principal_id: String,
    /// Who did it, for people.
    #[schema(examples("grafana"))]
    pub principal: String,
    /// What was done. An open list: `token.create`, `token.revoke`, `session.create`, `session.end`, `stream_ticket.create`.
    #[schema(examples("token.create"))]
    pub action: String,
    /// The id of what it was done to.
    #[schema(required = true)]
    pub target: Option<String>,
    /// What came of it. An open list: `succeeded`, `refused`.
    #[schema(examples("succeeded"))]
    pub outcome: String,
    /// The request, as `X-Request-Id` named it; null for the command line.
    #[schema(required = true)]
    pub request_id: Option<String>,
    /// Where the request came from.
    #[schema(required = true)]
    pub client_address: Option<String>,
    /// What else is worth knowing. Never a secret. Of a refusal its `code`, and `repeated` where the entry stands for as many
    /// more of the same.
    #[schema(value_type = std::collections::HashMap<String, serde_json::Value>)]
    pub detail: serde_json::Value,
}

/// What was done.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, ToSchema)]
pub struct AuditEntryList {
    /// Newest first.
    pub items: Vec<AuditEntryView>,
    /// Where the next page begins; null on the last.
    #[schema(required = true)]
    pub next_cursor: Option<String>,
    /// The position in the event log at the time of the first page.
    pub event_cursor: String,
}
