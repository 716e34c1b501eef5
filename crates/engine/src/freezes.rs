//! Windows in which nothing is deployed, as operators configure them: from one instant to another, or every week in the time
//! of a place.

use jiff::civil::{DateTime, Time, Weekday};
use jiff::tz::TimeZone;
use jiff::{Timestamp, ToSpan};
use slipway_core::{Application, Labels};
use time::OffsetDateTime;
use time::format_description::well_known::Rfc3339;

use crate::rules::{is_among, is_like};

/// When a freeze is in force.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Window {
    /// From one instant to another.
    Once {
        /// Its first instant.
        from: OffsetDateTime,
        /// The first instant after it.
        until: OffsetDateTime,
    },
    /// Every week.
    Weekly {
        /// Its first minute, in local time.
        from: (Weekday, Time),
        /// The first minute after it, in local time.
        until: (Weekday, Time),
        /// Whose local time.
        time_zone: TimeZone,
    },
}

/// One freeze. An empty list matches everything; values of one list are alternatives, and every list and label must match.
#[derive(Debug, Clone)]
pub struct Freeze {
    /// What it is called.
    pub name: String,
    /// Why, for people.
    pub reason: Option<String>,
    /// When.
    pub window: Window,
    /// Kinds of platform.
    pub providers: Vec<String>,
    /// Accounts.
    pub accounts: Vec<String>,
    /// Patterns of names of applications; `*` stands for any text.
    pub names: Vec<String>,
    /// Environments of applications.
    pub environments: Vec<String>,
    /// Labels of applications.
    pub labels: Labels,
}

/// All of them.
#[derive(Debug, Clone, Default)]
pub struct Freezes(Vec<Freeze>);

/// A freeze and one of its windows.
#[derive(Debug, Clone, Copy)]
pub struct Occurrence<'a> {
    /// The freeze.
    pub freeze: &'a Freeze,
    /// The first instant of the window.
    pub from: OffsetDateTime,
    /// The first instant after the window.
    pub until: OffsetDateTime,
}

impl Occurrence<'_> {
    /// Why something is not deployed, and until when.
    pub fn sentence(&self) -> String {
        let until = self.until.format(&Rfc3339).unwrap_or_default();
        let reason = self
            .freeze
            .reason
            .as_ref()
            .map(|reason| format!(" ({reason})"))
            .unwrap_or_default();
        format!(
            "the freeze `{}`{reason} is in force until {until}; who has the scope `freezes:override` may send `X-Freeze-Override: true`",
            self.freeze.name
        )
    }

    /// Whether it is in force.
    pub fn is_in_force(&self, now: OffsetDateTime) -> bool {
        self.from <= now && now < self.until
    }
}

impl Freezes {
    /// Of these freezes.
    pub fn new(freezes: Vec<Freeze>) -> Self {
        Self(freezes)
    }

    /// The freeze that holds an application back now: of several, the one that lasts longest.
    pub fn find(&self, application: &Application, now: OffsetDateTime) -> Option<Occurrence<'_>> {
        let matching = self.0.iter().filter(|freeze| freeze.matches(application));
        matching
            .filter_map(|freeze| freeze.next(now))
            .filter(|occurrence| occurrence.is_in_force(now))
            .max_by_key(|occurrence| occurrence.until)
    }

    /// The window of each freeze that is in force or comes next, by its begin. Those that are over for good are left out.
    pub fn list(&self, now: OffsetDateTime) -> Vec<Occurrence<'_>> {
        let mut occurrences: Vec<_> = self.0.iter().filter_map(|freeze| freeze.next(now)).collect();
        occurrences.sort_by(|one, other| (one.from, &one.freeze.name).cmp(&(other.from, &other.freeze.name)));
        occurrences
    }
}

impl Freeze {
    /// Whether it is for this application.
    pub fn matches(&self, application: &Application) -> bool {
        is_among(&self.providers, Some(application.provider.as_str()))
            && is_among(&self.accounts, Some(application.account.as_str()))
            && is_like(&self.names, Some(application.observed.name.as_str()))
            && is_among(&self.environments, application.environment.as_deref())
            && self
                .labels
                .iter()
                .all(|(key, value)| application.labels.get(key) == Some(value))
    }

    fn next(&self, now: OffsetDateTime) -> Option<Occurrence<'_>> {
        let (from, until) = self.window.next(now)?;
        Some(Occurrence {
            freeze: self,
            from,
            until,
        })
    }
}

impl Window {
    /// Reads a window from the words of the configuration: `from` and `to` as RFC 3339, or `weekly` such as
    /// `Fri 16:00 - Mon 08:00` with the name of a time zone, UTC by default.
    ///
    /// # Errors
    /// What is wrong, in a sentence for the operator.
    pub fn parse(
        from: Option<&str>,
        to: Option<&str>,
        weekly: Option<&str>,
        time_zone: Option<&str>,
    ) -> Result<Self, String> {
        match (from, to, weekly) {
            (Some(from), Some(to), None) if time_zone.is_none() => {
                let (from, until) = (instant(from)?, instant(to)?);
                if from >= until {
                    return Err("`to` must be after `from`".to_owned());
                }
                Ok(Self::Once { from, until })
            }
            (None, None, Some(weekly)) => {
                let wanted = || format!("`weekly` must be like `Fri 16:00 - Mon 08:00`, not `{weekly}`");
                let (from, until) = weekly.split_once(" - ").ok_or_else(wanted)?;
                let (from, until) = (moment(from).ok_or_else(wanted)?, moment(until).ok_or_else(wanted)?);
                if from == until {
                    return Err("`weekly` must not begin and end at the same time".to_owned());
                }
                let name = time_zone.unwrap_or("UTC");
                let time_zone = TimeZone::get(name)
                    .map_err(|_| format!("`time_zone` must be a name such as `Europe/Paris`, not `{name}`"))?;
                Ok(Self::Weekly { from, until, time_zone })
            }
            _ => Err("needs `from` and `to`, or `weekly` with a `time_zone`".to_owned()),
        }
    }

    /// The window that is in force, else the next one.
    fn next(&self, now: OffsetDateTime) -> Option<(OffsetDateTime, OffsetDateTime)> {
        match self {
            Self::Once { from, until } => (now < *until).then_some((*from, *until)),
            Self::Weekly { from, until, time_zone } => {
                let here = Timestamp::from_second(now.unix_timestamp())
                    .ok()?
                    .to_zoned(time_zone.clone());
                // The last begin lies at most a week back; the one after it comes next.
                (-1..=1).find_map(|week: i64| {
                    let date = here.date().checked_add((week * 7).days()).ok()?;
                    let back = i64::from(date.weekday().since(from.0));
                    let begin = date.checked_sub(back.days()).ok()?.to_datetime(from.1);
                    let mut days = i64::from(until.0.since(from.0));
                    if days == 0 && until.1 <= from.1 {
                        days = 7;
                    }
                    let end = begin.date().checked_add(days.days()).ok()?.to_datetime(until.1);
                    let (from, until) = (at(begin, time_zone)?, at(end, time_zone)?);
                    (now < until).then_some((from, until))
                })
            }
        }
    }
}

fn instant(text: &str) -> Result<OffsetDateTime, String> {
    OffsetDateTime::parse(text, &Rfc3339)
        .map(|at| at.to_offset(time::UtcOffset::UTC))
        .map_err(|_| format!("must be a time such as 2026-12-24T18:00:00+01:00, not `{text}`"))
}

fn moment(text: &str) -> Option<(Weekday, Time)> {
    let (day, hour) = text.trim().split_once(' ')?;
    let day = match day {
        "Mon" => Weekday::Monday,
        "Tue" => Weekday::Tuesday,
        "Wed" => Weekday::Wednesday,
        "Thu" => Weekday::Thursday,
        "Fri" => Weekday::Friday,
        "Sat" => Weekday::Saturday,
        "Sun" => Weekday::Sunday,
        _ => return None,
    };
    let (hour, minute) = hour.trim().split_once(':')?;
    Some((day, Time::new(hour.parse().ok()?, minute.parse().ok()?, 0, 0).ok()?))
}

/// When a local time is; one that a change of the clocks leaves out is read as if the clocks had not changed.
fn at(local: DateTime, time_zone: &TimeZone) -> Option<OffsetDateTime> {
    let zoned = time_zone.to_ambiguous_zoned(local).compatible().ok()?;
    OffsetDateTime::from_unix_timestamp(zoned.timestamp().as_second()).ok()
}

#[cfg(test)]
mod tests {
    use time::macros::datetime;

    use super::*;

    fn weekend() -> Window {
        Window::parse(None, None, Some("Fri 16:00 - Mon 08:00"), Some("Europe/Paris")).expect("a window")
    }

    #[test]
    fn a_weekly_window_follows_the_clocks_of_its_place() {
        // In summer Paris is two hours ahead, in winter one.
        for (now, from, until) in [
            (
                datetime!(2026-07-04 12:00 UTC),
                datetime!(2026-07-03 14:00 UTC),
                datetime!(2026-07-06 06:00 UTC),
            ),
            (
                datetime!(2026-12-02 12:00 UTC),
                datetime!(2026-12-04 15:00 UTC),
                datetime!(2026-12-07 07:00 UTC),
            ),
            // The clocks go back in that night: the window is an hour longer.
            (
                datetime!(2026-10-25 12:00 UTC),
                datetime!(2026-10-23 14:00 UTC),
                datetime!(2026-10-26 07:00 UTC),
            ),
            // The last second, and the first after it.
            (
                datetime!(2026-12-07 06:59:59 UTC),
                datetime!(2026-12-04 15:00 UTC),
                datetime!(2026-12-07 07:00 UTC),
            ),
            (
                datetime!(2026-12-07 07:00 UTC),
                datetime!(2026-12-11 15:00 UTC),
                datetime!(2026-12-14 07:00 UTC),
            ),
        ] {
            assert_eq!(weekend().next(now), Some((from, until)), "{now}");
        }
    }

    #[test]
    fn a_window_within_a_day_and_one_of_almost_a_week() {
        let window = |text| Window::parse(None, None, Some(text), None).expect("a window");
        let now = datetime!(2026-12-02 12:00 UTC);
        assert_eq!(
            window("Wed 10:00 - Wed 14:00").next(now),
            Some((datetime!(2026-12-02 10:00 UTC), datetime!(2026-12-02 14:00 UTC)))
        );
        assert_eq!(
            window("Wed 14:00 - Wed 10:00").next(now),
            Some((datetime!(2026-12-02 14:00 UTC), datetime!(2026-12-09 10:00 UTC)))
        );
    }

    #[test]
    fn a_window_that_is_over_is_none() {
        let window = Window::parse(
            Some("2026-12-24T00:00:00+01:00"),
            Some("2026-12-27T00:00:00Z"),
            None,
            None,
        );
        let window = window.expect("a window");
        let (from, until) = (datetime!(2026-12-23 23:00 UTC), datetime!(2026-12-27 0:00 UTC));
        assert_eq!(window.next(datetime!(2026-12-01 0:00 UTC)), Some((from, until)));
        assert_eq!(window.next(until), None);
    }

    #[test]
    fn what_is_no_window_is_refused() {
        for (from, to, weekly, zone) in [
            (None, None, None, None),
            (Some("2026-12-24T00:00:00Z"), None, None, None),
            (Some("tomorrow"), Some("2026-12-24T00:00:00Z"), None, None),
            (Some("2026-12-25T00:00:00Z"), Some("2026-12-24T00:00:00Z"), None, None),
            (
                Some("2026-12-24T00:00:00Z"),
                Some("2026-12-25T00:00:00Z"),
                None,
                Some("UTC"),
            ),
            (None, None, Some("Friday"), None),
            (None, None, Some("Fri 25:00 - Mon 08:00"), None),
            (None, None, Some("Fri 16:00 - Fri 16:00"), None),
            (None, None, Some("Fri 16:00 - Mon 08:00"), Some("Atlantis/Center")),
        ] {
            assert!(
                Window::parse(from, to, weekly, zone).is_err(),
                "{from:?} {to:?} {weekly:?} {zone:?}"
            );
        }
    }
}
