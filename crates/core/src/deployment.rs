//! A deployment as the gateway keeps it.

use serde::{Deserialize, Serialize};
use time::OffsetDateTime;

use crate::application::Labels;
use crate::id::{AccountName, ApplicationId, DeploymentId, ProviderName};
use crate::log::LogState;
use crate::observation::Via;
use crate::transition::Tracked;

/// Takes over every value that `newer` gives; what it does not give stays. Tells whether anything changed.
pub trait Merge {
    /// See the trait.
    fn merge(&mut self, newer: &Self) -> bool;
    /// The other way round: only what is missing here is filled in.
    fn fill(&mut self, older: &Self) -> bool;
}

impl<T: Clone + PartialEq> Merge for Option<T> {
    fn merge(&mut self, newer: &Self) -> bool {
        let changes = newer.is_some() && newer != self;
        if changes {
            self.clone_from(newer);
        }
        changes
    }

    fn fill(&mut self, older: &Self) -> bool {
        self.is_none() && self.merge(older)
    }
}

macro_rules! details {
    ($(#[$doc:meta])* $name:ident { $($(#[$field_doc:meta])* $field:ident: $type:ty,)* }) => {
        $(#[$doc])*
        #[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
        #[serde(default)]
        pub struct $name { $($(#[$field_doc])* pub $field: $type,)* }

        impl Merge for $name {
            fn merge(&mut self, newer: &Self) -> bool {
                let mut changed = false;
                $(changed |= self.$field.merge(&newer.$field);)*
                changed
            }

            fn fill(&mut self, older: &Self) -> bool {
                let mut changed = false;
                $(changed |= self.$field.fill(&older.$field);)*
                changed
            }
        }
    };
}

details! {
    /// What started a deployment.
    Trigger {
        /// Normalized: `push`, `api`, `web`, `hook`, … An open list.
        kind: Option<String>,
        /// The provider's own word.
        provider_value: Option<String>,
    }
}

details! {
    /// Who started a deployment.
    Actor {
        /// The provider's id of the user.
        id: Option<String>,
        /// The user's name at the provider.
        name: Option<String>,
        /// The user's e-mail address.
        email: Option<String>,
    }
}

details! {
    /// Which revision is deployed.
    Git {
        /// Branch, tag or hash as it was asked for.
        r#ref: Option<String>,
        /// The commit.
        sha: Option<String>,
        /// The branch.
        branch: Option<String>,
        /// The commit that ran before.
        previous_sha: Option<String>,
        /// The commit's page.
        commit_url: Option<String>,
        /// The page that compares it with the previous one.
        compare_url: Option<String>,
        /// The commit's message.
        message: Option<String>,
        /// When the commit was made.
        #[serde(with = "time::serde::rfc3339::option")]
        committed_at: Option<OffsetDateTime>,
    }
}

details! {
    /// What was built.
    Artifact {
        /// The image's name.
        image: Option<String>,
        /// The image's size in bytes.
        image_size_bytes: Option<i64>,
        /// What it was built on.
        base_image: Option<String>,
    }
}

details! {
    /// Everything an observation tells apart from the state. In all of it a null never overwrites a value.
    DeploymentDetails {
        /// The deployment's page at the provider.
        provider_url: Option<String>,
        /// The provider's kind of deployment, such as `build`. An open list.
        kind: Option<String>,
        /// What started it.
        trigger: Trigger,
        /// Who started it.
        actor: Actor,
        /// Which revision.
        git: Git,
        /// What was built.
        artifact: Artifact,
        /// The services that were deployed, where only some were.
        services: Option<Vec<String>>,
        /// Whether the provider says that this one runs now.
        is_live: Option<bool>,
        /// When it was reverted.
        #[serde(with = "time::serde::rfc3339::option")]
        rolled_back_at: Option<OffsetDateTime>,
        /// Who reverted it.
        rolled_back_by: Option<String>,
        /// When the provider created it.
        #[serde(with = "time::serde::rfc3339::option")]
        created_at: Option<OffsetDateTime>,
        /// When it began to wait.
        #[serde(with = "time::serde::rfc3339::option")]
        queued_at: Option<OffsetDateTime>,
        /// When the provider began.
        #[serde(with = "time::serde::rfc3339::option")]
        started_at: Option<OffsetDateTime>,
        /// How long it ran, in milliseconds, where the provider gives that instead of a start.
        duration_ms: Option<i64>,
    }
}

/// A deployment as the gateway keeps it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Deployment {
    /// The gateway's id.
    pub id: DeploymentId,
    /// The application it belongs to.
    pub application_id: ApplicationId,
    /// The kind of platform.
    pub provider: ProviderName,
    /// The connection that sees it.
    pub account: AccountName,
    /// The provider's id; null only for one that we asked for and that the provider has not named yet.
    pub provider_deployment_id: Option<String>,
    /// The application's environment when this row was last written.
    pub environment: Option<String>,
    /// The application's labels when this row was last written.
    pub labels: Labels,
    /// The application's name when this row was last written; found by searches, not public.
    pub application_name: String,
    /// State and details, as `transition` keeps them.
    pub tracked: Tracked,
    /// Whether this is what runs now; null where nobody can tell.
    pub is_live: Option<bool>,
    /// Whether it is the newest of its application.
    pub is_latest: bool,
    /// The deployment that took over when this one stopped being live.
    pub superseded_by_id: Option<DeploymentId>,
    /// On a deployment that a rollback made: the one gone back to.
    pub rollback_of_id: Option<DeploymentId>,
    /// How far its log is stored.
    pub log: LogState,
    /// Set once, at first insert; the key that walks rely on.
    pub created_at: OffsetDateTime,
    /// Raised once for each transaction that changes a public field.
    pub version: i64,
    /// When the gateway first saw it.
    pub first_seen_at: OffsetDateTime,
    /// When the present state was first seen.
    pub observed_at: OffsetDateTime,
    /// How the present state was seen.
    pub observed_via: Via,
    /// When a public field last changed.
    pub updated_at: OffsetDateTime,
}

impl Deployment {
    /// Milliseconds between the start of waiting and the start of work; null while either is unknown.
    pub fn queued_ms(&self) -> Option<i64> {
        milliseconds_between(self.tracked.details.queued_at?, self.tracked.details.started_at?)
    }

    /// Milliseconds of work; null while it runs or when the provider does not tell.
    pub fn duration_ms(&self) -> Option<i64> {
        let details = &self.tracked.details;
        match (details.started_at, self.tracked.finished_at) {
            (Some(started_at), Some(finished_at)) => milliseconds_between(started_at, finished_at),
            _ if self.tracked.state.is_finished => details.duration_ms,
            _ => None,
        }
    }
}

fn milliseconds_between(from: OffsetDateTime, to: OffsetDateTime) -> Option<i64> {
    i64::try_from((to - from).whole_milliseconds())
        .ok()
        .filter(|ms| *ms >= 0)
}
