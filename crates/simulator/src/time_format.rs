//! The clock of the computer and the four ways in which the two providers write a time.

use time::format_description::BorrowedFormatItem;
use time::macros::format_description;
use time::{OffsetDateTime, UtcOffset};

const ISO_SECONDS: &[BorrowedFormatItem<'_>] = format_description!("[year]-[month]-[day]T[hour]:[minute]:[second]Z");
const ISO_OFFSET: &[BorrowedFormatItem<'_>] =
    format_description!("[year]-[month]-[day]T[hour]:[minute]:[second]+00:00");
const SPACED: &[BorrowedFormatItem<'_>] = format_description!("[year]-[month]-[day] [hour]:[minute]:[second] UTC");
const MILLIS: &[BorrowedFormatItem<'_>] =
    format_description!("[year]-[month]-[day]T[hour]:[minute]:[second].[subsecond digits:3]");

/// What the computer's clock says. The world has a clock of its own that starts from it.
#[expect(
    clippy::disallowed_methods,
    reason = "the simulator is the composition point of its own virtual clock"
)]
pub(crate) fn wall_clock() -> OffsetDateTime {
    OffsetDateTime::now_utc()
}

fn written(time: OffsetDateTime, format: &[BorrowedFormatItem<'_>]) -> String {
    time.to_offset(UtcOffset::UTC).format(&format).unwrap_or_default()
}

/// `2014-08-29T17:46:16Z`: deployments and actions of Cloud 66.
pub(crate) fn iso_seconds(time: OffsetDateTime) -> String {
    written(time, ISO_SECONDS)
}

/// `2014-08-29T17:46:16+00:00`: the other ISO form, which one Cloud 66 stack mixes with the first.
pub(crate) fn iso_offset(time: OffsetDateTime) -> String {
    written(time, ISO_OFFSET)
}

/// `2014-08-14 00:38:14 UTC`: the plain `created_at` and `updated_at` of Cloud 66 stacks.
pub(crate) fn spaced_utc(time: OffsetDateTime) -> String {
    written(time, SPACED)
}

/// `2020-05-29T12:21:51.275Z`: `created_at` of Scalingo.
pub(crate) fn millis_z(time: OffsetDateTime) -> String {
    format!("{}Z", written(time, MILLIS))
}

/// `2020-05-29T12:23:25.688+00:00`: `finished_at` of Scalingo, in the same object as the form above.
pub(crate) fn millis_offset(time: OffsetDateTime) -> String {
    format!("{}+00:00", written(time, MILLIS))
}

#[cfg(test)]
mod tests {
    use time::macros::datetime;

    #[test]
    fn times_are_written_as_the_providers_do() {
        let time = datetime!(2020-05-29 12:21:51.275 UTC);
        assert_eq!(super::iso_seconds(time), "2020-05-29T12:21:51Z");
        assert_eq!(super::iso_offset(time), "2020-05-29T12:21:51+00:00");
        assert_eq!(super::spaced_utc(time), "2020-05-29 12:21:51 UTC");
        assert_eq!(super::millis_z(time), "2020-05-29T12:21:51.275Z");
        assert_eq!(super::millis_offset(time), "2020-05-29T12:21:51.275+00:00");
    }
}
