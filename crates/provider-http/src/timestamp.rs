//! The styles in which providers write instants.

use time::OffsetDateTime;
use time::format_description::well_known::Rfc3339;

/// Reads `2014-08-29T17:46:16Z`, `…+02:00`, `…+0200`, `2014-08-14 00:38:14 UTC` and `2014-08-14 00:38:14 +0200`, with or
/// without fractions, to UTC microseconds. Anything else is nothing, as is an instant that no deployment can have had (a
/// zero value such as year 1).
pub fn parse(text: &str) -> Option<OffsetDateTime> {
    let at = OffsetDateTime::parse(&to_rfc3339(text.trim())?, &Rfc3339).ok()?;
    // Also keeps the change to UTC within what the type can hold.
    (1970..=9000)
        .contains(&at.year())
        .then(|| slipway_core::clock::to_stored_precision(at))
}

fn to_rfc3339(text: &str) -> Option<String> {
    if !text.is_ascii() || text.len() > 64 {
        return None;
    }
    let (date, rest) = text.split_once(['T', 't', ' '])?;
    let rest = rest.trim();
    let rest = match rest.strip_suffix("UTC").or_else(|| rest.strip_suffix("GMT")) {
        Some(clock) => format!("{}Z", clock.trim_end()),
        None => rest.replace(' ', ""),
    };
    // +0200 lacks its colon.
    let zone = rest
        .len()
        .checked_sub(5)
        .filter(|at| rest[*at..].starts_with(['+', '-']) && !rest[*at..].contains(':'));
    Some(match zone {
        Some(at) => format!("{date}T{}:{}", &rest[..at + 3], &rest[at + 3..]),
        None => format!("{date}T{rest}"),
    })
}

#[cfg(test)]
mod tests {
    use super::*;
    use time::macros::datetime;

    #[test]
    fn every_documented_style_is_read() {
        for (text, expected) in [
            ("2014-08-29T17:46:16Z", datetime!(2014-08-29 17:46:16 UTC)),
            ("2014-08-29T17:46:16+00:00", datetime!(2014-08-29 17:46:16 UTC)),
            ("2014-08-14 00:38:14 UTC", datetime!(2014-08-14 00:38:14 UTC)),
            ("2014-08-14 00:38:14 +0200", datetime!(2014-08-13 22:38:14 UTC)),
            ("2014-08-14T00:38:14-0330", datetime!(2014-08-14 04:08:14 UTC)),
            ("2014-09-10T10:49:42.390+02:00", datetime!(2014-09-10 08:49:42.390 UTC)),
            ("2020-05-29T12:21:51.275Z", datetime!(2020-05-29 12:21:51.275 UTC)),
            (
                " 2020-05-29t12:23:25.123456789z ",
                datetime!(2020-05-29 12:23:25.123456 UTC),
            ),
        ] {
            assert_eq!(parse(text), Some(expected), "{text}");
            assert!(parse(text).is_some_and(|at| at.offset().is_utc()), "{text}");
        }
    }

    #[test]
    fn anything_else_is_nothing_and_never_a_panic() {
        for text in [
            "",
            " ",
            "T",
            "yesterday",
            "2014-08-29",
            "2014-13-29T17:46:16Z",
            "2014-08-29T17:46:16",
            "0001-01-01T00:00:00Z",
            "0000-01-01T00:00:00+23:59",
            "9999-12-31T23:59:59-23:59",
            "2014-08-29T25:00:00Z",
            "é 12:00:00 UTC",
            "UTC",
            "2014-08-29T+0200",
            "2014-08-29 UTC",
            "1409334376",
            "2014-08-29T17:46:16+9999",
            "2014-08-29T é+020",
        ] {
            assert_eq!(parse(text), None, "{text}");
        }
    }
}
