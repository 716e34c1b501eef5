//! Times, durations and states, told in few letters.

use slipway_api::{DeploymentView, Status};
use time::OffsetDateTime;
use time::format_description::well_known::Rfc3339;

use super::{Cell, Style};

/// How long ago: `42s`, `17m`, `3h`, `12d`.
pub(crate) fn ago(at: OffsetDateTime, now: OffsetDateTime) -> String {
    // Clocks of two machines differ a little; nothing here lies in the future.
    let seconds = (now - at).whole_seconds().max(0);
    match seconds {
        0..60 => format!("{seconds}s"),
        60..3_600 => format!("{}m", seconds / 60),
        3_600..172_800 => format!("{}h", seconds / 3_600),
        _ => format!("{}d", seconds / 86_400),
    }
}

/// How long: `0.4s`, `42s`, `2m 05s`, `1h 03m`.
pub(crate) fn duration(milliseconds: i64) -> String {
    let milliseconds = milliseconds.max(0);
    let seconds = milliseconds / 1_000;
    match seconds {
        0 if milliseconds > 0 => format!("0.{}s", milliseconds / 100),
        0..60 => format!("{seconds}s"),
        60..3_600 => format!("{}m {:02}s", seconds / 60, seconds % 60),
        _ => format!("{}h {:02}m", seconds / 3_600, seconds % 3_600 / 60),
    }
}

/// As the API writes it, without the parts of a second.
pub(crate) fn instant(at: OffsetDateTime) -> String {
    let at = at.replace_nanosecond(0).unwrap_or(at);
    at.format(&Rfc3339).unwrap_or_default()
}

pub(crate) fn short_sha(deployment: &DeploymentView) -> Option<String> {
    let sha = deployment.git.sha.as_deref()?;
    Some(sha.chars().take(8).collect())
}

/// The API's own word.
pub(crate) fn word(status: Status) -> &'static str {
    match status {
        Status::Queued => "queued",
        Status::InProgress => "in_progress",
        Status::Succeeded => "succeeded",
        Status::Failed => "failed",
        Status::Canceled => "canceled",
        Status::Unknown => "unknown",
    }
}

pub(crate) fn style_of(status: Status) -> Style {
    match status {
        Status::Queued => Style::Dim,
        Status::InProgress => Style::Blue,
        Status::Succeeded => Style::Green,
        Status::Failed => Style::Red,
        Status::Canceled | Status::Unknown => Style::Yellow,
    }
}

/// The status with what is being done, or why it went wrong.
pub(crate) fn status(deployment: &DeploymentView) -> Cell {
    let more = match deployment.status {
        Status::InProgress => deployment.phase.as_deref(),
        Status::Failed | Status::Canceled | Status::Unknown => deployment.failure_reason.as_deref(),
        Status::Queued | Status::Succeeded => None,
    };
    let word = word(deployment.status);
    let text = match more {
        Some(more) if more != word => format!("{word} ({more})"),
        _ => word.to_owned(),
    };
    Cell::styled(text, style_of(deployment.status))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn times_are_told_in_few_letters() {
        let now = OffsetDateTime::UNIX_EPOCH + time::Duration::days(400);
        for (seconds, told) in [
            (-5, "0s"),
            (59, "59s"),
            (60, "1m"),
            (7_199, "1h"),
            (172_800, "2d"),
            (8_640_000, "100d"),
        ] {
            assert_eq!(ago(now - time::Duration::seconds(seconds), now), told);
        }
        for (milliseconds, told) in [
            (0, "0s"),
            (420, "0.4s"),
            (59_999, "59s"),
            (125_000, "2m 05s"),
            (3_780_000, "1h 03m"),
        ] {
            assert_eq!(duration(milliseconds), told);
        }
        assert_eq!(duration(-1), "0s");
    }
}
