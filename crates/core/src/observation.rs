//! What an adapter says it saw, before the gateway decides what to make of it.

use serde::{Deserialize, Serialize};
use time::OffsetDateTime;

use crate::deployment::DeploymentDetails;
use crate::state::State;

/// How an observation reached us.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Via {
    /// A provider's webhook made us look.
    Webhook,
    /// A frame of the provider's live stream.
    Stream,
    /// A read that we chose to make.
    Poll,
    /// A read further back in history.
    Backfill,
    /// The answer to a write of ours.
    Write,
}

impl Via {
    /// The public spelling.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Webhook => "webhook",
            Self::Stream => "stream",
            Self::Poll => "poll",
            Self::Backfill => "backfill",
            Self::Write => "write",
        }
    }

    /// The way with this public spelling.
    pub fn parse(text: &str) -> Option<Self> {
        [Self::Webhook, Self::Stream, Self::Poll, Self::Backfill, Self::Write]
            .into_iter()
            .find(|via| via.as_str() == text)
    }
}

/// An application as a provider tells it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ApplicationObservation {
    /// The provider's id; with the account it is the natural key.
    pub provider_application_id: String,
    /// The provider's name for it.
    pub name: String,
    /// The environment, where the provider knows one.
    pub environment: Option<String>,
    /// The region, where the provider knows one.
    pub region: Option<String>,
    /// Where the application answers.
    pub url: Option<String>,
    /// Its page at the provider.
    pub provider_url: Option<String>,
    /// The repository it is deployed from.
    pub git_repository: Option<String>,
    /// The branch it is deployed from.
    pub git_branch: Option<String>,
    /// The provider's own word for the application's state, verbatim.
    pub provider_status: Option<String>,
    /// The provider's own word for its health, verbatim.
    pub health: Option<String>,
    /// Who owns it at the provider.
    pub owner: Option<String>,
    /// When it was made at the provider.
    pub created_at: Option<OffsetDateTime>,
    /// An opaque mark that differs when deployments may have changed since; never public.
    pub activity: Option<String>,
    /// Whether the provider hints that a deployment is running; never public.
    pub is_busy: bool,
}

/// A deployment as a provider tells it.
#[derive(Debug, Clone, PartialEq)]
pub struct DeploymentObservation {
    /// The provider's id; with the application it is the natural key.
    pub provider_deployment_id: String,
    /// The mapped state.
    pub state: State,
    /// When the provider says it ended. A stream never tells.
    pub finished_at: Option<OffsetDateTime>,
    /// Everything else that was said; null means "not said".
    pub details: DeploymentDetails,
    /// The payload with its secret fields removed, where it was a whole one.
    pub raw: Option<serde_json::Value>,
    /// The provider's status word, when no mapping covers it: counted, so that somebody can add one.
    pub unmapped_status: Option<String>,
}

/// When and how a batch of observations was asked for.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Asked {
    /// How it reached us.
    pub via: Via,
    /// Start of the request, or arrival of the frame.
    pub at: OffsetDateTime,
    /// Whether this is the read by id that settles a contradiction: it then replaces the state whatever its rank.
    pub is_correction: bool,
}
