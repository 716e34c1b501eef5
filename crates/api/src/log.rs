//! Logs: positions in them, and what a live log says.

use std::fmt;
use std::str::FromStr;

use serde::{Deserialize, Serialize};
use utoipa::ToSchema;

/// A position in the log of one deployment, `epoch:line`. Opaque to clients.
///
/// The epoch is raised when the text is replaced by another, so that a position in the old one is noticed.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub struct LogCursor {
    /// Names the text.
    pub epoch: i64,
    /// The number of the last line that the holder has seen; 0 before the first.
    pub line: i64,
}

/// The text is not a position of any log.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct InvalidLogCursor;

impl fmt::Display for InvalidLogCursor {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("not a position of a log: send back an id or a cursor exactly as it was received")
    }
}

impl std::error::Error for InvalidLogCursor {}

impl fmt::Display for LogCursor {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}:{}", self.epoch, self.line)
    }
}

impl FromStr for LogCursor {
    type Err = InvalidLogCursor;

    fn from_str(text: &str) -> Result<Self, InvalidLogCursor> {
        let number = |text: &str| {
            let is_plain = !text.is_empty() && text.bytes().all(|byte| byte.is_ascii_digit());
            is_plain.then(|| text.parse().ok()).flatten().ok_or(InvalidLogCursor)
        };
        let (epoch, line) = text.split_once(':').ok_or(InvalidLogCursor)?;
        Ok(Self {
            epoch: number(epoch)?,
            line: number(line)?,
        })
    }
}

/// A line of a log, or a control frame of its stream.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[schema(as = LogEvent)]
pub struct LogEventView {
    /// Its position in the log; null on control frames.
    #[schema(required = true, examples("1:42"))]
    pub id: Option<String>,
    /// An open list: `line`, and the control frames `heartbeat`, `reset`, `end`, `auth_expired`.
    #[schema(examples("line"))]
    pub r#type: String,
    /// The number of the line, from 1.
    #[schema(required = true)]
    pub line: Option<i64>,
    /// The line, without its line feed. It may hold ANSI escape sequences; secrets are masked.
    #[schema(required = true)]
    pub text: Option<String>,
    /// On control frames: the position to resume from.
    #[schema(required = true)]
    pub cursor: Option<String>,
    /// On control frames: why, where there is more to say. An open list.
    #[schema(required = true)]
    pub reason: Option<String>,
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_position_reads_back_as_it_was_printed_and_anything_else_is_refused() {
        let cursor = LogCursor { epoch: 2, line: 41 };
        assert_eq!((cursor.to_string().as_str(), "2:41".parse()), ("2:41", Ok(cursor)));
        for text in [
            "",
            ":",
            "1:",
            ":1",
            "1",
            "1:-1",
            "1:+1",
            "a:1",
            "1:1:1",
            "1:99999999999999999999",
        ] {
            assert_eq!(text.parse::<LogCursor>(), Err(InvalidLogCursor), "{text}");
        }
    }
}
