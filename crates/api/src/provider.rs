//! The Provider resource: a kind of platform, what it can do, and how its words are read.

use serde::{Deserialize, Serialize};
use slipway_core::provider::{AddedMapping, Capabilities, LiveRule, ProviderInfo, StatusMapping};
use time::OffsetDateTime;
use utoipa::ToSchema;

use crate::deployment::Status;
use crate::freshness::ListFreshnessView;

/// What can be done with a kind of platform.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[schema(as = ProviderCapabilities)]
pub struct ProviderCapabilitiesView {
    /// Start a deployment.
    pub trigger: bool,
    /// Start a deployment of a revision that the caller names.
    pub trigger_with_revision: bool,
    /// Deploy once more what a deployment deployed.
    pub redeploy: bool,
    /// Stop a running deployment.
    pub cancel: bool,
    /// Go back to an earlier deployment.
    pub rollback: bool,
    /// Read logs.
    pub read_logs: bool,
    /// Follow logs live.
    pub follow_logs: bool,
    /// Follow the status live.
    pub follow_status: bool,
    /// Tell cheaply which applications moved.
    pub change_feed: bool,
    /// Call the gateway when something changes.
    pub webhooks: bool,
    /// Sign those calls.
    pub webhooks_signed: bool,
    /// The largest page of deployments that the provider serves; null where it has no limit.
    #[schema(required = true)]
    pub page_size_max: Option<i32>,
    /// How far back the provider's list goes, in milliseconds; null where that is unbounded or unknown.
    #[schema(required = true)]
    pub history_max_age_ms: Option<i64>,
    /// How it is known which deployment runs now. An open list: `reported`, `last_succeeded`.
    #[schema(examples("reported"))]
    pub live_rule: String,
}

impl From<Capabilities> for ProviderCapabilitiesView {
    fn from(capabilities: Capabilities) -> Self {
        Self {
            trigger: capabilities.trigger.is_available(),
            trigger_with_revision: capabilities.trigger_with_revision,
            redeploy: capabilities.redeploy.is_available(),
            cancel: capabilities.cancel.is_available(),
            rollback: capabilities.rollback.is_available(),
            read_logs: capabilities.read_logs,
            follow_logs: capabilities.follow_logs,
            follow_status: capabilities.follow_status,
            change_feed: capabilities.change_feed,
            webhooks: capabilities.webhooks,
            webhooks_signed: capabilities.webhooks_signed,
            page_size_max: capabilities.page_size_max.and_then(|size| i32::try_from(size).ok()),
            history_max_age_ms: capabilities
                .history_max_age
                .and_then(|age| i64::try_from(age.as_millis()).ok()),
            live_rule: match capabilities.live_rule {
                LiveRule::Reported => "reported",
                LiveRule::LastSucceeded => "last_succeeded",
            }
            .to_owned(),
        }
    }
}

/// How one native status is read.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[schema(as = StatusMapping)]
pub struct StatusMappingView {
    /// The provider's word, or the rule in words.
    pub provider_status: String,
    /// What it becomes.
    pub status: Status,
    /// The phase that goes with it.
    #[schema(required = true)]
    pub phase: Option<String>,
    /// The reason that goes with a failure.
    #[schema(required = true)]
    pub failure_reason: Option<String>,
}

impl From<&StatusMapping> for StatusMappingView {
    fn from(mapping: &StatusMapping) -> Self {
        Self {
            provider_status: mapping.provider_status.to_owned(),
            status: mapping.status.into(),
            phase: mapping.phase.as_ref().map(|phase| phase.as_str().to_owned()),
            failure_reason: mapping.failure_reason.map(ToOwned::to_owned),
        }
    }
}

impl From<&AddedMapping> for StatusMappingView {
    fn from(mapping: &AddedMapping) -> Self {
        Self {
            provider_status: mapping.provider_status.clone(),
            status: mapping.status.into(),
            phase: mapping.phase.as_ref().map(|phase| phase.as_str().to_owned()),
            failure_reason: mapping.failure_reason.clone(),
        }
    }
}

/// A native status that was seen and that no mapping covers.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[schema(as = UnmappedStatus)]
pub struct UnmappedStatusView {
    /// The provider's word.
    pub provider_status: String,
    /// How many observations carried it.
    pub count: i64,
    /// When it was last seen.
    #[serde(with = "time::serde::rfc3339")]
    pub last_seen_at: OffsetDateTime,
}

/// A kind of platform.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[schema(as = Provider)]
pub struct ProviderView {
    /// The name in ids and filters.
    #[schema(examples("scalingo"))]
    pub name: String,
    /// The name for people.
    #[schema(examples("Scalingo"))]
    pub display_name: String,
    /// Where the provider documents its deployments.
    pub documentation_url: String,
    /// What can be done.
    pub capabilities: ProviderCapabilitiesView,
    /// How each documented native status is read, and what the configuration adds.
    pub status_mappings: Vec<StatusMappingView>,
    /// Native statuses seen that no mapping covers.
    pub unmapped_statuses: Vec<UnmappedStatusView>,
}

impl ProviderView {
    /// The public form of a kind of platform.
    pub fn new(
        info: &ProviderInfo,
        capabilities: Capabilities,
        added: &[AddedMapping],
        unmapped_statuses: Vec<UnmappedStatusView>,
    ) -> Self {
        Self {
            name: info.name.to_owned(),
            display_name: info.display_name.to_owned(),
            documentation_url: info.documentation_url.to_owned(),
            capabilities: capabilities.into(),
            status_mappings: info
                .status_mappings
                .iter()
                .map(StatusMappingView::from)
                .chain(added.iter().map(StatusMappingView::from))
                .collect(),
            unmapped_statuses,
        }
    }
}

/// All kinds of platform in use.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct ProviderList {
    /// By name.
    pub items: Vec<ProviderView>,
    /// Always null: the list is complete.
    #[schema(required = true)]
    pub next_cursor: Option<String>,
    /// The position in the event log that this list shows.
    pub event_cursor: String,
    /// How far this list can be trusted.
    pub freshness: ListFreshnessView,
}
