//! What lists of deployments can be asked for.

use serde::Deserialize;
use slipway_api::Status;
use slipway_store::deployments::{DeploymentFilter, DeploymentSort};
use time::{Duration, OffsetDateTime};
use utoipa::IntoParams;
use uuid::Uuid;

use crate::extract::{Instant, Labelled, Limit, ShaPrefix, Words, values};
use crate::problem::Problem;

/// How far back a search looks without a window of its own.
const SEARCH_WINDOW: Duration = Duration::days(90);

/// Both lists have these; each adds what it alone has.
macro_rules! deployment_parameters {
    ($(#[$doc:meta])* $name:ident { $($(#[$own_doc:meta])* $own:ident: $own_type:ty,)* }) => {
        $(#[$doc])*
        #[derive(Debug, Default, Deserialize, IntoParams)]
        #[serde(deny_unknown_fields, default)]
        #[into_params(parameter_in = Query)]
        pub(crate) struct $name {
            /// Only these statuses, separated by commas.
            #[serde(deserialize_with = "values")]
            #[param(style = Form, explode = false)]
            status: Vec<Status>,
            $($(#[$own_doc])* pub(super) $own: $own_type,)*
            /// Only commits whose hash begins like this, separated by commas: 4 hexadecimal digits or more.
            #[serde(deserialize_with = "values")]
            #[param(style = Form, explode = false, inline)]
            git_sha: Vec<ShaPrefix>,
            /// Only these refs, separated by commas: the ref that was asked for, without one the branch.
            #[serde(deserialize_with = "values")]
            #[param(style = Form, explode = false)]
            git_ref: Vec<String>,
            /// Only those started by these, separated by commas: the name; without one the e-mail address, else the id.
            #[serde(deserialize_with = "values")]
            #[param(style = Form, explode = false)]
            actor: Vec<String>,
            /// Only those started in these ways, separated by commas: `trigger.kind`.
            #[serde(deserialize_with = "values")]
            #[param(style = Form, explode = false)]
            trigger: Vec<String>,
            /// Only these kinds, separated by commas.
            #[serde(deserialize_with = "values")]
            #[param(style = Form, explode = false)]
            kind: Vec<String>,
            /// Only what runs now, or only what is known not to.
            live: Option<bool>,
            /// Only those created at this instant or later.
            #[param(value_type = String, format = DateTime)]
            created_after: Option<Instant>,
            /// Only those created before this instant.
            #[param(value_type = String, format = DateTime)]
            created_before: Option<Instant>,
            /// Only those that ended at this instant or later. Sorts by `-finished_at`.
            #[param(value_type = String, format = DateTime)]
            finished_after: Option<Instant>,
            /// Only those that ended before this instant. Sorts by `-finished_at`.
            #[param(value_type = String, format = DateTime)]
            finished_before: Option<Instant>,
            /// Only those with words that begin like all of these, in the application's name, the ref, the hash, the
            /// message or the actor's name. Looks at the newest 90 days, or those before `created_before`, unless
            /// `created_after` is given.
            #[param(inline)]
            q: Option<Words>,
            /// The order: `-created_at` (newest first; the default, and the only one in which a walk meets every deployment
            /// once), `created_at`, `-finished_at`, `finished_at`. By the end only those come that have one.
            #[param(pattern = "^-?(created|finished)_at$")]
            sort: Option<String>,
            /// How many items a page holds.
            #[param(value_type = i32, minimum = 1, maximum = 200, default = 50)]
            pub(super) limit: Limit,
            /// Where the page begins: the `next_cursor` of the page before, asked for with the same filters and order.
            pub(super) cursor: Option<String>,
            /// Wait, 5 seconds at most, until the answer shows this position in the event log.
            pub(super) min_cursor: Option<String>,
        }

        impl $name {
            /// What the common part asks for.
            pub(super) fn wanted(&self) -> Result<(DeploymentFilter, DeploymentSort), Problem> {
                let instant = |instant: Option<Instant>| instant.map(|Instant(instant)| instant);
                let filter = DeploymentFilter {
                    statuses: status_words(&self.status),
                    git_shas: self.git_sha.iter().map(|ShaPrefix(prefix)| prefix.clone()).collect(),
                    git_refs: self.git_ref.clone(),
                    actors: self.actor.clone(),
                    triggers: self.trigger.clone(),
                    kinds: self.kind.clone(),
                    is_live: self.live,
                    created_after: instant(self.created_after),
                    created_before: instant(self.created_before),
                    finished_after: instant(self.finished_after),
                    finished_before: instant(self.finished_before),
                    words: self.q.clone().unwrap_or_default().0,
                    ..DeploymentFilter::default()
                };
                let sort = sort(self.sort.as_deref(), &filter)?;
                Ok((filter, sort))
            }
        }
    };
}

deployment_parameters! {
    /// What the list of all deployments can be asked for.
    DeploymentParameters {
        /// Only these kinds of platform, separated by commas.
        #[serde(deserialize_with = "values")]
        #[param(style = Form, explode = false)]
        provider: Vec<String>,
        /// Only these accounts, separated by commas.
        #[serde(deserialize_with = "values")]
        #[param(style = Form, explode = false)]
        account: Vec<String>,
        /// Only these applications, separated by commas.
        #[serde(deserialize_with = "values")]
        #[param(style = Form, explode = false)]
        application: Vec<Uuid>,
        /// Only these environments, separated by commas.
        #[serde(deserialize_with = "values")]
        #[param(style = Form, explode = false)]
        environment: Vec<String>,
        /// Only applications with these labels: requirements that all hold, separated by commas. `team=web` wants the label
        /// with the value, `tier!=db` anything else, also that there is no such label.
        #[param(inline)]
        label: Option<Labelled>,
    }
}

deployment_parameters! {
    /// What the list of one application's deployments can be asked for.
    ApplicationDeploymentParameters {}
}

impl DeploymentParameters {
    /// What is asked for.
    pub(super) fn filter(&self) -> Result<(DeploymentFilter, DeploymentSort), Problem> {
        let (filter, sort) = self.wanted()?;
        let filter = DeploymentFilter {
            providers: self.provider.clone(),
            accounts: self.account.clone(),
            applications: self.application.clone(),
            environments: self.environment.clone(),
            labels: self.label.clone().unwrap_or_default().0,
            ..filter
        };
        Ok((filter, sort))
    }
}

impl ApplicationDeploymentParameters {
    /// What is asked for of this application.
    pub(crate) fn filter(&self, application: Uuid) -> Result<(DeploymentFilter, DeploymentSort), Problem> {
        let (filter, sort) = self.wanted()?;
        let filter = DeploymentFilter {
            applications: vec![application],
            ..filter
        };
        Ok((filter, sort))
    }

    /// Page and position.
    pub(crate) fn page(&self) -> (Limit, Option<&str>, Option<&str>) {
        (self.limit, self.cursor.as_deref(), self.min_cursor.as_deref())
    }
}

/// The window of a search that has none: it must not read all of history.
pub(super) fn bound_search(filter: &mut DeploymentFilter, now: OffsetDateTime) {
    if !filter.words.is_empty() && filter.created_after.is_none() {
        filter.created_after = filter.created_before.unwrap_or(now).checked_sub(SEARCH_WINDOW);
    }
}

fn sort(text: Option<&str>, filter: &DeploymentFilter) -> Result<DeploymentSort, Problem> {
    let has_window = filter.finished_after.is_some() || filter.finished_before.is_some();
    match text {
        None if has_window => Ok(DeploymentSort::LastFinishedFirst),
        None => Ok(DeploymentSort::NewestFirst),
        Some("-finished_at") => Ok(DeploymentSort::LastFinishedFirst),
        Some("finished_at") => Ok(DeploymentSort::FirstFinishedFirst),
        Some("-created_at" | "created_at") if has_window => Err(Problem::invalid_parameter(
            "sort",
            "with `finished_after` or `finished_before` only `finished_at` and `-finished_at`",
        )),
        Some("-created_at") => Ok(DeploymentSort::NewestFirst),
        Some("created_at") => Ok(DeploymentSort::OldestFirst),
        Some(_) => Err(Problem::invalid_parameter(
            "sort",
            "expected one of `created_at`, `-created_at`, `finished_at`, `-finished_at`",
        )),
    }
}

/// The spelling that the database knows.
pub(crate) fn status_words(statuses: &[Status]) -> Vec<String> {
    let word = |status: &Status| match status {
        Status::Queued => slipway_core::Status::Queued,
        Status::InProgress => slipway_core::Status::InProgress,
        Status::Succeeded => slipway_core::Status::Succeeded,
        Status::Failed => slipway_core::Status::Failed,
        Status::Canceled => slipway_core::Status::Canceled,
        Status::Unknown => slipway_core::Status::Unknown,
    };
    statuses.iter().map(|status| word(status).as_str().to_owned()).collect()
}
