//! Days, weeks and months of a time zone, as instants.

use sqlx::PgConnection;
use time::{Date, OffsetDateTime};

use crate::Result;

/// PostgreSQL's code for a parameter that has no meaning: here a time zone that it does not know.
const INVALID_PARAMETER: &str = "22023";

/// How long an interval is.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub enum Unit {
    /// From midnight to midnight: 23 or 25 hours where clocks change.
    #[default]
    Day,
    /// From Monday to Sunday.
    Week,
    /// A calendar month.
    Month,
}

impl Unit {
    /// The public spelling, which is PostgreSQL's.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Day => "day",
            Self::Week => "week",
            Self::Month => "month",
        }
    }
}

/// Some days of a calendar in a row.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Interval {
    /// The first day.
    pub first_day: Date,
    /// The day after the last one.
    pub next_day: Date,
    /// The first instant of the first day.
    pub starts_at: OffsetDateTime,
    /// The first instant after it.
    pub ends_at: OffsetDateTime,
}

/// Which day it is in a time zone; none where the time zone is not known.
pub async fn find_today(conn: &mut PgConnection, time_zone: &str, now: OffsetDateTime) -> Result<Option<Date>> {
    let today = sqlx::query_scalar!(
        r#"SELECT ($1::timestamptz AT TIME ZONE $2)::date AS "today!""#,
        now,
        time_zone
    )
    .fetch_one(conn)
    .await;
    known(today)
}

/// The intervals that have days from `first_day` to `last_day`, the first and the last one cut to these; none where the time
/// zone is not known. A midnight that clocks leave out is the instant at which they go on; of one that comes twice the
/// first counts.
pub async fn list_intervals(
    conn: &mut PgConnection,
    time_zone: &str,
    unit: Unit,
    first_day: Date,
    last_day: Date,
) -> Result<Option<Vec<Interval>>> {
    let intervals = sqlx::query_as!(
        Interval,
        r#"
        SELECT day.first AS "first_day!", day.next AS "next_day!",
               starts.at - CASE WHEN (starts.at - interval '1 hour') AT TIME ZONE $1 >= day.first
                                THEN interval '1 hour' ELSE interval '0' END AS "starts_at!",
               ends.at - CASE WHEN (ends.at - interval '1 hour') AT TIME ZONE $1 >= day.next
                              THEN interval '1 hour' ELSE interval '0' END AS "ends_at!"
        FROM generate_series(date_trunc($2, $3::date::timestamp), $4::date::timestamp, ('1 ' || $2)::interval) AS step
             CROSS JOIN LATERAL (SELECT greatest(step::date, $3::date) AS first,
                                        least((step + ('1 ' || $2)::interval)::date, $4::date + 1) AS next) AS day
             CROSS JOIN LATERAL (SELECT day.first::timestamp AT TIME ZONE $1 AS at) AS starts
             CROSS JOIN LATERAL (SELECT day.next::timestamp AT TIME ZONE $1 AS at) AS ends
        ORDER BY step
        "#,
        time_zone,
        unit.as_str(),
        first_day,
        last_day
    )
    .fetch_all(conn)
    .await;
    known(intervals)
}

fn known<T>(answer: sqlx::Result<T>) -> Result<Option<T>> {
    match answer {
        Ok(answer) => Ok(Some(answer)),
        Err(error)
            if error
                .as_database_error()
                .is_some_and(|error| error.code().as_deref() == Some(INVALID_PARAMETER)) =>
        {
            Ok(None)
        }
        Err(error) => Err(error.into()),
    }
}
