//! What a caller may ask a provider to do, and what it answers.

use serde::{Deserialize, Serialize};
use serde_json::Value;
use time::OffsetDateTime;

use crate::observation::DeploymentObservation;

/// A call that changes something at a provider.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(tag = "action", rename_all = "snake_case")]
pub enum Write {
    /// Start a deployment. Needs `trigger`, and `trigger_with_revision` where a revision is named.
    Trigger(TriggerRequest),
    /// Deploy once more what a deployment deployed. Needs `redeploy`.
    Redeploy(Revision),
    /// Take the application back to what a deployment deployed. Needs `rollback`.
    Rollback(Revision),
    /// Stop a running deployment. Needs `cancel`.
    Cancel {
        /// The provider's id of it.
        provider_deployment_id: String,
    },
}

impl Write {
    /// The public name of the action.
    pub const fn action(&self) -> &'static str {
        match self {
            Self::Trigger(_) => "trigger",
            Self::Redeploy(_) => "redeploy",
            Self::Rollback(_) => "rollback",
            Self::Cancel { .. } => "cancel",
        }
    }
}

/// What to deploy. A field that the provider does not know is refused as [`super::ErrorKind::InvalidRequest`], naming it,
/// before anything is sent.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct TriggerRequest {
    /// A branch, tag or commit.
    pub git_ref: Option<String>,
    /// Where the provider fetches an archive of the source.
    pub source_url: Option<String>,
    /// Only these services.
    pub services: Vec<String>,
    /// The provider's named set of options.
    pub deployment_profile: Option<String>,
}

/// What an earlier deployment deployed.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Revision {
    /// The branch, tag or commit that was asked for.
    pub git_ref: Option<String>,
    /// The commit that it was.
    pub git_sha: Option<String>,
    /// Where its source came from, where our own call named it.
    pub source_url: Option<String>,
    /// The services that it was limited to.
    pub services: Vec<String>,
}

/// The provider took the call.
#[derive(Debug, Clone, Default, PartialEq)]
pub struct Accepted {
    /// The new deployment, where the answer names it. Without it, the deployment is found later by reading.
    pub deployment: Option<DeploymentObservation>,
    /// The provider says that it waits behind another.
    pub is_queued: bool,
}

/// A provider's proof that a call with a reference of ours arrived. It does not say which deployment the call made.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Arrival {
    /// When the provider began to work on it, where it says.
    pub started_at: Option<OffsetDateTime>,
    /// Whether the provider is done with it.
    pub is_finished: bool,
    /// Whether it went well, once it is done.
    pub succeeded: Option<bool>,
}

/// What a write would send, without credentials: shown to callers, sent to nobody.
#[derive(Debug, Clone, PartialEq)]
pub struct PlannedCall {
    /// The HTTP method.
    pub method: &'static str,
    /// The whole URL.
    pub url: String,
    /// The JSON body, secret fields masked.
    pub body: Option<Value>,
    /// What the caller should know before doing it, such as "the provider does not say which deployment this makes".
    pub warnings: Vec<String>,
}

/// A write of ours of which it is not known which deployment it made.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct UnansweredCall<'a> {
    /// When the call was begun, in the database's time.
    pub calling_at: OffsetDateTime,
    /// The highest provider id of a deployment of the application that was known then, where ids have an order.
    pub highest_known_id: Option<&'a str>,
    /// The revision that was asked for.
    pub git_ref: Option<&'a str>,
}
