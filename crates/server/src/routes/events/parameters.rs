//! What the event log can be asked for, as a stream and as JSON.

use std::sync::Arc;

use serde::Deserialize;
use slipway_api::{Cursor, Status};
use slipway_feed::Filter;
use slipway_store::Visibility;
use utoipa::IntoParams;
use uuid::Uuid;

use super::list::Wait;
use crate::extract::{Limit, values};
use crate::position;
use crate::problem::Problem;
use crate::routes::deployments::parameters::status_words;

/// Both have these; each adds what it alone has.
macro_rules! event_parameters {
    ($(#[$doc:meta])* $name:ident { $($(#[$own_doc:meta])* $own:ident: $own_type:ty,)* }) => {
        $(#[$doc])*
        #[derive(Debug, Default, Deserialize, IntoParams)]
        #[serde(deny_unknown_fields, default)]
        #[into_params(parameter_in = Query)]
        pub(crate) struct $name {
            $($(#[$own_doc])* pub(super) $own: $own_type,)*
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
            /// Only these deployments, separated by commas.
            #[serde(deserialize_with = "values")]
            #[param(style = Form, explode = false)]
            deployment: Vec<Uuid>,
            /// Only these environments, separated by commas.
            #[serde(deserialize_with = "values")]
            #[param(style = Form, explode = false)]
            environment: Vec<String>,
            /// Only these types, separated by commas.
            #[serde(deserialize_with = "values")]
            #[param(style = Form, explode = false)]
            r#type: Vec<String>,
            /// Only these statuses, before or after the change, separated by commas.
            #[serde(deserialize_with = "values")]
            #[param(style = Form, explode = false)]
            status: Vec<Status>,
        }

        impl $name {
            /// The position to begin after, if one is named.
            pub(super) fn after(&self) -> Result<Option<Cursor>, Problem> {
                self.after.as_deref().map(|text| position::parse("after", text)).transpose()
            }

            /// Which events, of those that a caller sees.
            pub(super) fn filter(self, visibility: &Arc<Visibility>) -> Filter {
                Filter {
                    providers: self.provider,
                    accounts: self.account,
                    applications: self.application,
                    deployments: self.deployment,
                    environments: self.environment,
                    types: self.r#type,
                    statuses: status_words(&self.status),
                    visibility: Arc::clone(visibility),
                }
            }
        }
    };
}

event_parameters! {
    /// What the event log can be asked for.
    EventParameters {
        /// Events after this position: an event's id, a list's `event_cursor`, or the `next_cursor` of the answer before.
        /// Without it, events from now on.
        after: Option<String>,
        /// How many events an answer holds.
        #[param(value_type = i32, minimum = 1, maximum = 200, default = 50)]
        limit: Limit,
        /// How many seconds to wait for an event when there is none yet.
        #[param(value_type = i32, minimum = 0, maximum = 25, default = 0)]
        wait: Wait,
    }
}

event_parameters! {
    /// What the stream can be asked for.
    StreamParameters {
        /// Begin after this position: an event's id or a list's `event_cursor`. The header `Last-Event-ID` wins over it.
        /// Without either, from now on.
        after: Option<String>,
        /// Begin with the deployments that matter now: the newest of each application and all that have not ended, as
        /// `snapshot.deployment`, then `snapshot.end` with the position; then go on live. Not together with `after`;
        /// `Last-Event-ID` wins over it, so that a reconnect resumes.
        #[param(default = false)]
        snapshot: Option<bool>,
        /// A ticket, where the request cannot carry a token: see `createStreamTicket`.
        ticket: Option<String>,
    }
}
