//! What insights can be asked for.

use serde::{Deserialize, Deserializer, de::Error};
use slipway_store::insights::{InsightScope, Metric, Unit, Window};
use time::Date;
use time::macros::format_description;
use utoipa::IntoParams;
use uuid::Uuid;

use crate::extract::{Labelled, Limit, values};
use crate::position;
use crate::problem::Problem;
use crate::state::AppState;

/// A day of a calendar.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Day(pub(crate) Date);

impl<'de> Deserialize<'de> for Day {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        let text = String::deserialize(deserializer)?;
        let day = Date::parse(&text, format_description!("[year]-[month]-[day]")).ok();
        day.filter(|day| (1970..9999).contains(&day.year()))
            .map(Self)
            .ok_or_else(|| D::Error::custom("expected a day such as 2026-01-31"))
    }
}

/// A time zone by its name in the IANA database. PostgreSQL also knows abbreviations and rules of its own with the opposite
/// sign, which nobody means; a name is `UTC`, or has an area before a slash.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct TimeZone(pub(crate) String);

impl Default for TimeZone {
    fn default() -> Self {
        Self("UTC".to_owned())
    }
}

impl<'de> Deserialize<'de> for TimeZone {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        let text = String::deserialize(deserializer)?;
        let is_word = |word: &str| {
            word.bytes().any(|byte| byte.is_ascii_alphabetic())
                && word
                    .bytes()
                    .all(|byte| byte.is_ascii_alphabetic() || matches!(byte, b'_' | b'-'))
        };
        let is_name = text == "UTC" || (text.len() <= 64 && text.contains('/') && text.split('/').all(is_word));
        if is_name {
            Ok(Self(text))
        } else {
            Err(D::Error::custom("expected `UTC` or a name such as `Europe/Berlin`"))
        }
    }
}

/// How long an interval is.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "snake_case")]
pub(crate) enum InsightInterval {
    /// A day.
    #[default]
    Day,
    /// From Monday to Sunday.
    Week,
    /// A calendar month.
    Month,
}

impl From<InsightInterval> for Unit {
    fn from(interval: InsightInterval) -> Self {
        match interval {
            InsightInterval::Day => Self::Day,
            InsightInterval::Week => Self::Week,
            InsightInterval::Month => Self::Month,
        }
    }
}

/// Which number is explained.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "snake_case")]
pub(crate) enum InsightMetric {
    /// How many deployments succeed in a day.
    #[default]
    Frequency,
    /// Which share of those that succeed or fail, fails.
    FailureRate,
    /// How long those take that succeed.
    Duration,
    /// How long it takes from a commit to the end of the deployment that brings it.
    LeadTime,
    /// How long an application stays broken.
    Recovery,
}

impl From<InsightMetric> for Metric {
    fn from(metric: InsightMetric) -> Self {
        match metric {
            InsightMetric::Frequency => Self::Frequency,
            InsightMetric::FailureRate => Self::FailureRate,
            InsightMetric::Duration => Self::Duration,
            InsightMetric::LeadTime => Self::LeadTime,
            InsightMetric::Recovery => Self::Recovery,
        }
    }
}

/// Which days and which applications are asked about.
#[derive(Debug, Clone, PartialEq)]
pub(crate) struct Asked {
    pub(crate) time_zone: String,
    pub(crate) from: Option<Date>,
    pub(crate) to: Option<Date>,
    pub(crate) providers: Vec<String>,
    pub(crate) accounts: Vec<String>,
    pub(crate) applications: Vec<Uuid>,
    pub(crate) environments: Vec<String>,
    pub(crate) labels: slipway_store::labels::LabelSelector,
}

impl Asked {
    /// Of the deployments of this window.
    pub(crate) fn scope(&self, window: Window) -> InsightScope {
        InsightScope {
            window,
            providers: self.providers.clone(),
            accounts: self.accounts.clone(),
            applications: self.applications.clone(),
            environments: self.environments.clone(),
            labels: self.labels.clone(),
        }
    }
}

/// Both operations have these; each adds what it alone has.
macro_rules! insight_parameters {
    ($(#[$doc:meta])* $name:ident { $($(#[$own_doc:meta])* $own:ident: $own_type:ty,)* }) => {
        $(#[$doc])*
        #[derive(Debug, Default, Deserialize, IntoParams)]
        #[serde(deny_unknown_fields, default)]
        #[into_params(parameter_in = Query)]
        pub(crate) struct $name {
            /// The first day, in `time_zone`. By default the thirtieth that ends with `to`.
            #[param(value_type = String, format = Date)]
            from: Option<Day>,
            /// The last day, which is part of it; today by default. At most 366 days.
            #[param(value_type = String, format = Date)]
            to: Option<Day>,
            /// Whose days: a name of the IANA database.
            #[param(value_type = String, default = "UTC", pattern = "^(UTC|[A-Za-z_-]+(/[A-Za-z_-]+)+)$", max_length = 64)]
            time_zone: TimeZone,
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
            /// Only applications of these environments, separated by commas.
            #[serde(deserialize_with = "values")]
            #[param(style = Form, explode = false)]
            environment: Vec<String>,
            /// Only applications with these labels: requirements that all hold, separated by commas. `team=web` wants the label
            /// with the value, `tier!=db` anything else, also that there is no such label.
            #[param(inline)]
            label: Option<Labelled>,
            /// Wait, 5 seconds at most, until the answer shows this position in the event log.
            min_cursor: Option<String>,
        }

        impl $name {
            /// What both ask for, once this replica has seen `min_cursor`.
            pub(super) async fn asked(&self, state: &AppState) -> Result<Asked, Problem> {
                position::wait_for(state, self.min_cursor.as_deref()).await?;
                Ok(Asked {
                    time_zone: self.time_zone.0.clone(),
                    from: self.from.map(|Day(day)| day),
                    to: self.to.map(|Day(day)| day),
                    providers: self.provider.clone(),
                    accounts: self.account.clone(),
                    applications: self.application.clone(),
                    environments: self.environment.clone(),
                    labels: self.label.clone().unwrap_or_default().0,
                })
            }
        }
    };
}

insight_parameters! {
    /// What the numbers can be asked for.
    InsightParameters {
        /// How long an interval is: `day`, `week` (from Monday) or `month`. The first and the last one are cut to the days asked for.
        #[param(value_type = String, default = "day", pattern = "^(day|week|month)$")]
        interval: InsightInterval,
        /// How many applications are named at most.
        #[param(value_type = i32, minimum = 1, maximum = 200, default = 50)]
        limit: Limit,
    }
}

insight_parameters! {
    /// What an explanation can be asked for.
    ExplainParameters {
        /// Which number: `frequency`, `failure_rate`, `duration`, `lead_time` or `recovery`.
        #[param(
            value_type = String,
            default = "frequency",
            pattern = "^(frequency|failure_rate|duration|lead_time|recovery)$"
        )]
        metric: InsightMetric,
        /// Only the deployments that count, or only those that do not.
        counted: Option<bool>,
        /// How many items a page holds.
        #[param(value_type = i32, minimum = 1, maximum = 200, default = 50)]
        limit: Limit,
        /// Where the page begins: the `next_cursor` of the page before, asked for with the same parameters.
        cursor: Option<String>,
    }
}
