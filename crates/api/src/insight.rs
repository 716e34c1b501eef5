//! Numbers over many deployments, and why they are what they are.

use serde::{Deserialize, Serialize};
use time::OffsetDateTime;
use utoipa::ToSchema;
use uuid::Uuid;

use crate::deployment::Status;
use crate::freshness::ListFreshnessView;

/// How often deployments succeed. Days without any count as days.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, ToSchema)]
#[schema(as = FrequencyInsight)]
pub struct FrequencyInsightView {
    /// Deployments that succeeded for each day that has begun; null where none has.
    #[schema(required = true)]
    pub per_day: Option<f64>,
    /// How many days have begun, days without deployments included.
    pub days: i64,
    /// How many deployments count: those that succeeded.
    pub counted: i64,
    /// How many do not; `/insights/explain?metric=frequency` tells which and why.
    pub left_out: i64,
}

/// Which share fails.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, ToSchema)]
#[schema(as = RateInsight)]
pub struct RateInsightView {
    /// From 0 to 1: those that failed, of those that succeeded or failed. Null where nothing did.
    #[schema(required = true)]
    pub value: Option<f64>,
    /// How many deployments count: those that succeeded or failed.
    pub counted: i64,
    /// How many do not; `/insights/explain?metric=failure_rate` tells which and why.
    pub left_out: i64,
    /// Why there is no value; null where there is one. An open list: `nothing_ended`.
    #[schema(required = true)]
    pub reason: Option<String>,
}

/// How long something takes.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[schema(as = DurationInsight)]
pub struct DurationInsightView {
    /// Half of those that count took as many milliseconds or less; between two of them it is interpolated. Null where nothing
    /// counts, never 0 for something that is not known.
    #[schema(required = true)]
    pub median_ms: Option<i64>,
    /// 95 of 100 took as many milliseconds or less.
    #[schema(required = true)]
    pub p95_ms: Option<i64>,
    /// How many deployments count.
    pub counted: i64,
    /// How many do not; `/insights/explain` tells which and why.
    pub left_out: i64,
    /// Why there is no value; null where there is one. An open list: `nothing_succeeded`, `nothing_failed`, `times_unknown`.
    #[schema(required = true)]
    pub reason: Option<String>,
}

/// What is counted of some deployments, and what comes out.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, ToSchema)]
#[schema(as = Insight)]
pub struct InsightView {
    /// All that were created.
    pub deployments: i64,
    /// Ended well.
    pub succeeded: i64,
    /// Ended badly.
    pub failed: i64,
    /// Stopped before their end.
    pub canceled: i64,
    /// Ended, and nobody knows how.
    pub unknown: i64,
    /// Not ended yet.
    pub unfinished: i64,
    /// How often they succeed.
    pub frequency: FrequencyInsightView,
    /// Which share fails.
    pub failure_rate: RateInsightView,
    /// How long those take that succeed, from start to end.
    pub duration: DurationInsightView,
    /// How long it takes from a commit to the end of the deployment that brings it, where the provider tells when the commit
    /// was made.
    pub lead_time: DurationInsightView,
    /// How long an application stays broken: from the end of the first of its deployments in a row that failed to the end of
    /// the next one that succeeded.
    pub recovery: DurationInsightView,
}

/// The numbers of a day, a week or a month.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, ToSchema)]
#[schema(as = IntervalInsight)]
pub struct IntervalInsightView {
    /// The first day, in the time zone asked for.
    #[schema(format = Date, examples("2026-03-28"))]
    pub first_day: String,
    /// The last day, which is part of it.
    #[schema(format = Date, examples("2026-03-28"))]
    pub last_day: String,
    /// The first instant: `created_after` of the list that shows what is counted here.
    #[serde(with = "time::serde::rfc3339")]
    pub starts_at: OffsetDateTime,
    /// The first instant after it: `created_before` of that list.
    #[serde(with = "time::serde::rfc3339")]
    pub ends_at: OffsetDateTime,
    /// False while the interval goes on, or has not begun.
    pub is_over: bool,
    /// Its numbers, all zero or null where nothing was deployed.
    pub insight: InsightView,
}

/// The numbers of an application.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, ToSchema)]
#[schema(as = ApplicationInsight)]
pub struct ApplicationInsightView {
    /// The application.
    pub application_id: Uuid,
    /// Its name.
    pub name: String,
    /// Its environment.
    #[schema(required = true)]
    pub environment: Option<String>,
    /// Its provider. An open list.
    pub provider: String,
    /// Its account.
    pub account: String,
    /// Its numbers.
    pub insight: InsightView,
}

/// The numbers of an environment.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, ToSchema)]
#[schema(as = EnvironmentInsight)]
pub struct EnvironmentInsightView {
    /// The environment; null for that of applications without one.
    #[schema(required = true)]
    pub environment: Option<String>,
    /// Its numbers.
    pub insight: InsightView,
}

/// Which days numbers are about.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[schema(as = InsightPeriod)]
pub struct InsightPeriodView {
    /// The time zone whose days these are.
    #[schema(examples("Europe/Berlin"))]
    pub time_zone: String,
    /// The first day.
    #[schema(format = Date, examples("2026-03-01"))]
    pub first_day: String,
    /// The last day, which is part of it.
    #[schema(format = Date, examples("2026-03-31"))]
    pub last_day: String,
    /// The first instant.
    #[serde(with = "time::serde::rfc3339")]
    pub starts_at: OffsetDateTime,
    /// The first instant after it.
    #[serde(with = "time::serde::rfc3339")]
    pub ends_at: OffsetDateTime,
    /// Where days were asked for that reach further back than history is whole: since when it is. These days are left out, not
    /// counted as 0; the period begins with the first whole day after it.
    #[schema(required = true)]
    #[serde(default, with = "time::serde::rfc3339::option")]
    pub history_complete_since: Option<OffsetDateTime>,
}

/// Numbers over all deployments that were created in some days.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, ToSchema)]
#[schema(as = DeploymentInsights)]
pub struct DeploymentInsightsView {
    /// Which days.
    pub period: InsightPeriodView,
    /// Over everything that was asked for.
    pub total: InsightView,
    /// By day, week or month, oldest first, without a gap.
    pub intervals: Vec<IntervalInsightView>,
    /// By environment, most deployments first; those without deployments are left out.
    pub environments: Vec<EnvironmentInsightView>,
    /// By application, most deployments first, as many as were asked for; those without deployments are left out.
    pub applications: Vec<ApplicationInsightView>,
    /// How many applications with deployments are not in `applications`.
    pub applications_left_out: i64,
    /// The position in the event log that these numbers show.
    pub event_cursor: String,
    /// How far they can be trusted.
    pub freshness: ListFreshnessView,
}

/// How many deployments one reason leaves out.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[schema(as = LeftOut)]
pub struct LeftOutView {
    /// Why. An open list: `failed`, `canceled`, `outcome_unknown`, `unfinished`, `duration_unknown`, `lead_time_unknown`,
    /// `rollback`, `not_failed`, `already_failing`, `not_recovered`, `finish_time_unknown`.
    #[schema(examples("outcome_unknown"))]
    pub reason: String,
    /// The same in a sentence.
    pub explanation: String,
    /// How many.
    pub deployments: i64,
}

/// A deployment that a number looked at.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[schema(as = ExplainedDeployment)]
pub struct ExplainedDeploymentView {
    /// The deployment.
    pub deployment_id: Uuid,
    /// Its application.
    pub application_id: Uuid,
    /// The application's name.
    pub application_name: String,
    /// The application's environment.
    #[schema(required = true)]
    pub environment: Option<String>,
    /// Where it stands.
    pub status: Status,
    /// When it was created, which decides on its day.
    #[serde(with = "time::serde::rfc3339")]
    pub created_at: OffsetDateTime,
    /// When it ended.
    #[schema(required = true)]
    #[serde(with = "time::serde::rfc3339::option")]
    pub finished_at: Option<OffsetDateTime>,
    /// Whether the number counts it.
    pub is_counted: bool,
    /// Why not, by the words of `left_out`; null where it counts.
    #[schema(required = true)]
    pub reason: Option<String>,
    /// The milliseconds that it gives, where the number is about those and counts it.
    #[schema(required = true)]
    pub value_ms: Option<i64>,
}

/// Why a number is what it is: every deployment that it looked at, and what became of it.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, ToSchema)]
#[schema(as = InsightExplanation)]
pub struct InsightExplanationView {
    /// Which number. An open list: `frequency`, `failure_rate`, `duration`, `lead_time`, `recovery`.
    pub metric: String,
    /// How it is computed, in a few sentences.
    pub definition: String,
    /// Which days.
    pub period: InsightPeriodView,
    /// The numbers of all that was looked at, the one explained among them.
    pub total: InsightView,
    /// How many deployments it looked at.
    pub looked_at: i64,
    /// How many it counts.
    pub counted: i64,
    /// How many each reason leaves out, most first. Together with `counted` they are `looked_at`.
    pub left_out: Vec<LeftOutView>,
    /// A page of these deployments, newest first.
    pub items: Vec<ExplainedDeploymentView>,
    /// Where the next page begins; null at the end, which is the only sign of it.
    #[schema(required = true)]
    pub next_cursor: Option<String>,
    /// The position in the event log that this answer shows.
    pub event_cursor: String,
    /// How far it can be trusted.
    pub freshness: ListFreshnessView,
}
