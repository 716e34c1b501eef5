//! What comes out, over all, for each interval, each application and each environment.

use std::collections::HashMap;

use sqlx::postgres::PgRow;
use sqlx::{PgConnection, Postgres, QueryBuilder, Row};
use time::OffsetDateTime;
use uuid::Uuid;

use super::metric::{Metric, NEIGHBOURS};
use super::scope::InsightScope;
use crate::{Result, Visibility};

/// What numbers are about.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub enum Group {
    /// All deployments.
    Total,
    /// Those of one interval, by its place in the row of intervals.
    Interval(usize),
    /// Those of one application.
    Application(Uuid),
    /// Those of one environment.
    Environment(Option<String>),
}

/// How milliseconds are spread over the deployments that have some.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct Spread {
    /// How many deployments.
    pub counted: i64,
    /// The middle: half of them are at or below it. Between two of them it is interpolated.
    pub median_ms: Option<i64>,
    /// 95 of 100 are at or below it.
    pub p95_ms: Option<i64>,
}

/// What is counted of some deployments.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct Numbers {
    /// All.
    pub deployments: i64,
    /// Ended well.
    pub succeeded: i64,
    /// Ended badly.
    pub failed: i64,
    /// Stopped by somebody.
    pub canceled: i64,
    /// Ended, and nobody knows how.
    pub unknown: i64,
    /// Not ended.
    pub unfinished: i64,
    /// [`Metric::Duration`].
    pub duration: Spread,
    /// [`Metric::LeadTime`].
    pub lead_time: Spread,
    /// [`Metric::Recovery`].
    pub recovery: Spread,
}

const SELECT_GROUP: &str = "SELECT grouping(place) = 0 AS by_interval, grouping(application_id) = 0 AS by_application,
       grouping(environment) = 0 AS by_environment, place, application_id, environment,";
const BY_GROUP: &str = " GROUP BY GROUPING SETS ((), (place), (application_id), (environment))";

/// The numbers of every group that has deployments; of [`Group::Total`] always. `starts` are the first instants of the
/// intervals, in order; the scope's window begins with the first. Call it in a snapshot: it is more than one statement.
pub async fn count(
    conn: &mut PgConnection,
    scope: &InsightScope,
    visibility: &Visibility,
    starts: &[OffsetDateTime],
) -> Result<HashMap<Group, Numbers>> {
    let mut groups = HashMap::new();
    let mut query = QueryBuilder::new(SELECT_GROUP);
    query
        .push("count(*) AS deployments, ")
        .push("count(*) FILTER (WHERE status = 'succeeded') AS succeeded, ")
        .push("count(*) FILTER (WHERE status = 'failed') AS failed, ")
        .push("count(*) FILTER (WHERE status = 'canceled') AS canceled, ")
        .push("count(*) FILTER (WHERE status = 'unknown' AND is_finished) AS unknown, ")
        .push("count(*) FILTER (WHERE NOT is_finished) AS unfinished, ");
    push_spread(&mut query, "duration");
    query.push(", ");
    push_spread(&mut query, "lead_time");
    query.push(" FROM (SELECT one.status, one.is_finished, ");
    for metric in [Metric::Duration, Metric::LeadTime] {
        query.push(format_args!(
            "CASE WHEN {} IS NULL THEN {} END AS {}, ",
            metric.reason(),
            metric.value(),
            metric.as_str()
        ));
    }
    push_rows(&mut query, scope, visibility, starts, "");
    query.push(") AS looked_at").push(BY_GROUP);
    // Planned with the window at hand: how wide it is decides what is read.
    for row in query.build().persistent(false).fetch_all(&mut *conn).await? {
        let numbers = Numbers {
            deployments: row.try_get("deployments")?,
            succeeded: row.try_get("succeeded")?,
            failed: row.try_get("failed")?,
            canceled: row.try_get("canceled")?,
            unknown: row.try_get("unknown")?,
            unfinished: row.try_get("unfinished")?,
            duration: spread(&row, "duration")?,
            lead_time: spread(&row, "lead_time")?,
            recovery: Spread::default(),
        };
        groups.insert(group(&row)?, numbers);
    }

    // Apart, because failed ones are few, and for each others are looked up.
    let mut query = QueryBuilder::new(SELECT_GROUP);
    push_spread(&mut query, "recovery");
    let (reason, value) = (Metric::Recovery.reason(), Metric::Recovery.value());
    query.push(format_args!(
        " FROM (SELECT CASE WHEN {reason} IS NULL THEN {value} END AS recovery, "
    ));
    push_rows(&mut query, scope, visibility, starts, NEIGHBOURS);
    query.push(" AND one.status = 'failed') AS looked_at").push(BY_GROUP);
    for row in query.build().persistent(false).fetch_all(conn).await? {
        groups.entry(group(&row)?).or_default().recovery = spread(&row, "recovery")?;
    }
    Ok(groups)
}

/// The rest of a selection of rows with the groups that each belongs to.
fn push_rows(
    query: &mut QueryBuilder<Postgres>,
    scope: &InsightScope,
    visibility: &Visibility,
    starts: &[OffsetDateTime],
    joins: &str,
) {
    query
        .push("width_bucket(one.created_at, ")
        .push_bind(starts.to_vec())
        .push(") AS place, one.application_id, application.environment")
        .push(" FROM deployments AS one JOIN applications AS application ON application.id = one.application_id")
        .push(joins)
        .push(" WHERE true");
    scope.push(query, visibility);
}

fn push_spread(query: &mut QueryBuilder<Postgres>, name: &str) {
    query.push(format_args!(
        "count({name}) AS {name}_counted,
         percentile_cont(ARRAY[0.5, 0.95]::float8[]) WITHIN GROUP (ORDER BY {name}) AS {name}_spread"
    ));
}

fn spread(row: &PgRow, name: &str) -> Result<Spread> {
    let values: Option<Vec<Option<f64>>> = row.try_get(format!("{name}_spread").as_str())?;
    let mut values = values.unwrap_or_default().into_iter();
    Ok(Spread {
        counted: row.try_get(format!("{name}_counted").as_str())?,
        median_ms: values.next().flatten().map(whole),
        p95_ms: values.next().flatten().map(whole),
    })
}

#[expect(
    clippy::cast_possible_truncation,
    reason = "a percentile lies between values that are whole milliseconds in 64 bits"
)]
fn whole(ms: f64) -> i64 {
    ms.round() as i64
}

fn group(row: &PgRow) -> Result<Group> {
    if row.try_get("by_interval")? {
        // The first interval has the place 1: nothing is created before the window.
        let place: i32 = row.try_get("place")?;
        return Ok(Group::Interval(
            usize::try_from(place).unwrap_or_default().saturating_sub(1),
        ));
    }
    if row.try_get("by_application")? {
        return Ok(Group::Application(row.try_get("application_id")?));
    }
    if row.try_get("by_environment")? {
        return Ok(Group::Environment(row.try_get("environment")?));
    }
    Ok(Group::Total)
}
