//! What a Deployment is made of: who and what started it, which revision, what was built, what its log gives.

use serde::{Deserialize, Serialize};
use slipway_core::provider::Capabilities;
use slipway_core::{Deployment, LogState};
use time::OffsetDateTime;
use utoipa::ToSchema;

/// What started a deployment.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[schema(as = Trigger)]
pub struct TriggerView {
    /// Normalized. An open list: `push`, `web`, `api`, `hook`, `scm`, `unknown`.
    #[schema(examples("web"))]
    pub kind: String,
    /// The provider's own word.
    #[schema(required = true)]
    pub provider_value: Option<String>,
}

/// Who started a deployment.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[schema(as = Actor)]
pub struct ActorView {
    /// The provider's id of the user.
    #[schema(required = true)]
    pub id: Option<String>,
    /// The user's name.
    #[schema(required = true)]
    pub name: Option<String>,
    /// The user's e-mail address, where the gateway is configured to keep it.
    #[schema(required = true)]
    pub email: Option<String>,
}

/// Which revision is deployed. All null for a deployment without one.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[schema(as = Git)]
pub struct GitView {
    /// Branch, tag or hash as it was asked for.
    #[schema(required = true)]
    pub r#ref: Option<String>,
    /// The commit.
    #[schema(required = true)]
    pub sha: Option<String>,
    /// The branch.
    #[schema(required = true)]
    pub branch: Option<String>,
    /// The commit that ran before.
    #[schema(required = true)]
    pub previous_sha: Option<String>,
    /// The commit's page.
    #[schema(required = true)]
    pub commit_url: Option<String>,
    /// The page that compares the commit with the one before.
    #[schema(required = true)]
    pub compare_url: Option<String>,
    /// The commit's message.
    #[schema(required = true)]
    pub message: Option<String>,
    /// When the commit was made.
    #[schema(required = true)]
    #[serde(with = "time::serde::rfc3339::option")]
    pub committed_at: Option<OffsetDateTime>,
}

/// What was built.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[schema(as = Artifact)]
pub struct ArtifactView {
    /// The image's name.
    #[schema(required = true)]
    pub image: Option<String>,
    /// The image's size in bytes.
    #[schema(required = true)]
    pub image_size_bytes: Option<i64>,
    /// What it was built on.
    #[schema(required = true)]
    pub base_image: Option<String>,
}

/// What can be had of a deployment's log.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[schema(as = Logs)]
pub struct LogsView {
    /// Text is stored, or the provider can be asked for it.
    pub available: bool,
    /// Unfinished and followable.
    pub live: bool,
    /// The final text is stored.
    pub complete: bool,
}

impl LogsView {
    /// From state and capability: nobody is asked, and no open socket is looked at.
    pub(super) fn new(deployment: &Deployment, capabilities: Capabilities) -> Self {
        let live = deployment.provider_deployment_id.is_some()
            && !deployment.tracked.state.is_finished
            && capabilities.follow_logs;
        let can_be_read = deployment.provider_deployment_id.is_some() && capabilities.read_logs;
        Self {
            available: match deployment.log {
                LogState::Complete => true,
                LogState::Missing => live,
                LogState::Open => live || can_be_read,
            },
            live,
            complete: deployment.log == LogState::Complete,
        }
    }
}
