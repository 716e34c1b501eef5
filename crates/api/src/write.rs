//! What callers send to change something at a provider, and what a dry run tells.

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};
use time::OffsetDateTime;
use utoipa::ToSchema;
use uuid::Uuid;

/// A deployment to be made. What is left out is as the provider's own settings say.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[schema(as = NewDeployment)]
#[serde(deny_unknown_fields)]
pub struct NewDeploymentView {
    /// A branch, tag or commit; at most 255 characters, without spaces.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schema(examples("main"))]
    pub git_ref: Option<String>,
    /// Where the provider fetches an archive of the source, by http or https; at most 2,000 characters. Not for every provider.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub source_url: Option<String>,
    /// Only these services, at most 100; not for every provider.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub services: Option<Vec<String>>,
    /// The name of the provider's set of options; not for every provider.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub deployment_profile: Option<String>,
}

/// A change that takes nothing: `{}`.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[schema(as = NoDetails)]
#[serde(deny_unknown_fields)]
pub struct NoDetailsView {}

/// A write to be tried dry.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[schema(as = NewPreview)]
#[serde(deny_unknown_fields)]
pub struct NewPreviewView {
    /// `trigger`, `redeploy`, `cancel` or `rollback`.
    #[schema(examples("trigger"))]
    pub action: String,
    /// The application, for a trigger.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub application_id: Option<Uuid>,
    /// The deployment, for everything else.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub deployment_id: Option<Uuid>,
    /// As for a trigger.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schema(examples("main"))]
    pub git_ref: Option<String>,
    /// As for a trigger.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub source_url: Option<String>,
    /// As for a trigger.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub services: Option<Vec<String>>,
    /// As for a trigger.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub deployment_profile: Option<String>,
}

/// What a write would send. Nothing was sent, and nothing is kept.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, ToSchema)]
#[schema(as = Preview)]
pub struct PreviewView {
    /// The kind of platform. An open list.
    #[schema(examples("cloud66"))]
    pub provider: String,
    /// The HTTP method.
    #[schema(examples("POST"))]
    pub method: String,
    /// The whole URL.
    pub url: String,
    /// The JSON body, its secrets masked; null where there is none.
    #[schema(required = true, value_type = Option<BTreeMap<String, serde_json::Value>>)]
    pub body: Option<serde_json::Value>,
    /// What to know before doing it.
    pub warnings: Vec<String>,
}

/// A window in which nothing is deployed, in force or to come.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[schema(as = Freeze)]
pub struct FreezeView {
    /// What it is called.
    #[schema(examples("year-end"))]
    pub name: String,
    /// Why.
    #[schema(required = true)]
    pub reason: Option<String>,
    /// Whether it is in force.
    pub in_force: bool,
    /// Whether it comes back every week.
    pub is_weekly: bool,
    /// The first instant of this window.
    #[serde(with = "time::serde::rfc3339")]
    pub starts_at: OffsetDateTime,
    /// The first instant after it.
    #[serde(with = "time::serde::rfc3339")]
    pub ends_at: OffsetDateTime,
    /// Kinds of platform that it is for; empty for all.
    pub providers: Vec<String>,
    /// Accounts that it is for; empty for all.
    pub accounts: Vec<String>,
    /// Names of applications that it is for, `*` for any text; empty for all.
    pub names: Vec<String>,
    /// Environments that it is for; empty for all.
    pub environments: Vec<String>,
    /// Labels that an application must have.
    pub labels: BTreeMap<String, String>,
}

/// The windows in which nothing is deployed.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct FreezeList {
    /// By their begin.
    pub items: Vec<FreezeView>,
    /// Always null: the list is complete.
    #[schema(required = true)]
    pub next_cursor: Option<String>,
    /// The position in the event log at this time.
    pub event_cursor: String,
}
