//! Which days are asked about, as instants.

use slipway_api::InsightPeriodView;
use slipway_store::insights::{self, Interval, Unit, Window};
use slipway_store::{PgConnection, retention};
use time::{Date, Duration, OffsetDateTime};

use super::parameters::Asked;
use crate::problem::Problem;
use crate::routes::deployments::removed;

/// So many days are looked at by default.
const DAYS: i64 = 30;

/// A year and a day.
const DAYS_MAX: i64 = 366;

/// Days in a row, in intervals.
#[derive(Debug)]
pub(super) struct Period {
    time_zone: String,
    first_day: Date,
    last_day: Date,
    /// In order, without a gap. Never none.
    pub(super) intervals: Vec<Interval>,
    pub(super) window: Window,
    today: Date,
    /// Where the days asked for reach further back.
    history_complete_since: Option<OffsetDateTime>,
}

impl Period {
    /// What is asked for, with what today is filled in.
    pub(super) async fn resolve(
        conn: &mut PgConnection,
        asked: &Asked,
        unit: Unit,
        now: OffsetDateTime,
    ) -> Result<Self, Problem> {
        let unknown = || Problem::invalid_parameter("time_zone", "not a time zone that the database knows");
        let zone = asked.time_zone.as_str();
        let today = insights::find_today(conn, zone, now).await?.ok_or_else(unknown)?;
        let last_day = asked.to.unwrap_or(today);
        let default_first = last_day.checked_sub(Duration::days(DAYS - 1)).unwrap_or(last_day);
        let first_day = asked.from.unwrap_or(default_first);
        let days = (last_day - first_day).whole_days() + 1;
        if !(1..=DAYS_MAX).contains(&days) {
            let message = format!("expected a day up to `to` ({last_day}), and no more than {DAYS_MAX} days");
            return Err(Problem::invalid_parameter("from", message));
        }
        let mut first_day = first_day;
        let mut history_complete_since = None;
        if let Some(since) = retention::find_history_horizon(conn).await?
            && let Some(cut) = insights::find_today(conn, zone, since).await?
            && first_day <= cut
        {
            history_complete_since = Some(since);
            // Its first hours are not whole.
            first_day = cut.next_day().unwrap_or(cut);
            if first_day > last_day {
                return Err(removed::gone(since));
            }
        }
        let intervals = insights::list_intervals(conn, zone, unit, first_day, last_day).await?;
        let intervals = intervals.ok_or_else(unknown)?;
        let (Some(first), Some(last)) = (intervals.first(), intervals.last()) else {
            return Err(unknown());
        };
        let window = Window {
            starts_at: first.starts_at,
            ends_at: last.ends_at,
        };
        Ok(Self {
            time_zone: asked.time_zone.clone(),
            first_day,
            last_day,
            intervals,
            window,
            today,
            history_complete_since,
        })
    }

    /// How many of its days have begun.
    pub(super) fn days(&self) -> i64 {
        self.days_begun(self.first_day, self.last_day)
    }

    /// How many days from the first to the last one have begun.
    pub(super) fn days_begun(&self, first_day: Date, last_day: Date) -> i64 {
        ((last_day.min(self.today) - first_day).whole_days() + 1).max(0)
    }

    pub(super) fn view(&self) -> InsightPeriodView {
        InsightPeriodView {
            time_zone: self.time_zone.clone(),
            first_day: self.first_day.to_string(),
            last_day: self.last_day.to_string(),
            starts_at: self.window.starts_at,
            ends_at: self.window.ends_at,
            history_complete_since: self.history_complete_since,
        }
    }
}
