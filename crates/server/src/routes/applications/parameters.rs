//! What lists of applications, and the board, can be asked for.

use serde::Deserialize;
use slipway_store::applications::ApplicationFilter;
use utoipa::{IntoParams, ToSchema};

use crate::extract::{Labelled, Limit, values};
use crate::problem::Problem;

/// What can be had with an application.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Deserialize, ToSchema)]
#[serde(rename_all = "snake_case")]
pub(crate) enum ApplicationInclude {
    /// The newest deployment.
    LastDeployment,
    /// The deployment that runs now.
    LiveDeployment,
}

/// What is asked for of one or many applications.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub(crate) struct Included {
    pub(crate) last: bool,
    pub(crate) live: bool,
}

impl Included {
    pub(crate) fn of(include: &[ApplicationInclude]) -> Self {
        Self {
            last: include.contains(&ApplicationInclude::LastDeployment),
            live: include.contains(&ApplicationInclude::LiveDeployment),
        }
    }
}

/// Both have these; each adds what it alone has.
macro_rules! application_parameters {
    ($(#[$doc:meta])* $name:ident { $($(#[$own_doc:meta])* $own:ident: $own_type:ty,)* }) => {
        $(#[$doc])*
        #[derive(Debug, Default, Deserialize, IntoParams)]
        #[serde(deny_unknown_fields, default)]
        #[into_params(parameter_in = Query)]
        pub(crate) struct $name {
            /// Only these names, separated by commas.
            #[serde(deserialize_with = "values")]
            #[param(style = Form, explode = false)]
            name: Vec<String>,
            /// Only these kinds of platform, separated by commas.
            #[serde(deserialize_with = "values")]
            #[param(style = Form, explode = false)]
            provider: Vec<String>,
            /// Only these accounts, separated by commas.
            #[serde(deserialize_with = "values")]
            #[param(style = Form, explode = false)]
            account: Vec<String>,
            /// Only these environments, separated by commas.
            #[serde(deserialize_with = "values")]
            #[param(style = Form, explode = false)]
            environment: Vec<String>,
            /// Only these owners, separated by commas.
            #[serde(deserialize_with = "values")]
            #[param(style = Form, explode = false)]
            owner: Vec<String>,
            /// Only those with these labels: requirements that all hold, separated by commas. `team=web` wants the label with
            /// the value, `tier!=db` anything else, also that there is no such label.
            #[param(inline)]
            label: Option<Labelled>,
            /// `true` for only those that the provider no longer has; without it only those that it has.
            archived: Option<bool>,
            $($(#[$own_doc])* pub(super) $own: $own_type,)*
            /// How many items a page holds.
            #[param(value_type = i32, minimum = 1, maximum = 200, default = 50)]
            pub(crate) limit: Limit,
            /// Where the page begins: the `next_cursor` of the page before, asked for with the same filters and order.
            pub(crate) cursor: Option<String>,
            /// Wait, 5 seconds at most, until the answer shows this position in the event log.
            pub(crate) min_cursor: Option<String>,
        }

        impl $name {
            /// Which applications.
            pub(crate) fn filter(&self) -> ApplicationFilter {
                ApplicationFilter {
                    names: self.name.clone(),
                    providers: self.provider.clone(),
                    accounts: self.account.clone(),
                    environments: self.environment.clone(),
                    owners: self.owner.clone(),
                    labels: self.label.clone().unwrap_or_default().0,
                    archived: self.archived.unwrap_or(false),
                }
            }
        }
    };
}

application_parameters! {
    /// What the list of applications can be asked for.
    ApplicationParameters {
        /// The order: `name` (the default) or `-name`.
        #[param(pattern = "^-?name$")]
        sort: Option<String>,
        /// What to add to each item, separated by commas.
        #[serde(deserialize_with = "values")]
        #[param(style = Form, explode = false, inline)]
        include: Vec<ApplicationInclude>,
    }
}

application_parameters! {
    /// What the board can be asked for.
    BoardParameters {}
}

impl ApplicationParameters {
    /// Whether the names come from Z to A.
    pub(super) fn is_descending(&self) -> Result<bool, Problem> {
        match self.sort.as_deref() {
            None | Some("name") => Ok(false),
            Some("-name") => Ok(true),
            Some(_) => Err(Problem::invalid_parameter("sort", "expected one of `name`, `-name`")),
        }
    }
}
