//! Positions in the event log, as clients see them.

use std::fmt;
use std::str::FromStr;

/// A position in the event log: an epoch, and a number that counts up within it without gaps. Opaque to clients.
///
/// The epoch changes after a restore, so that a position of the time before is noticed instead of misread.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub struct Cursor {
    /// Which log this is a position in.
    pub epoch: String,
    /// The number of the last event that the holder has seen; 0 before the first.
    pub seq: i64,
}

/// The text is not a position of any log.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct InvalidCursor;

impl fmt::Display for InvalidCursor {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("not an event cursor: send back an id or a cursor exactly as it was received")
    }
}

impl std::error::Error for InvalidCursor {}

impl fmt::Display for Cursor {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}-{}", self.epoch, self.seq)
    }
}

impl FromStr for Cursor {
    type Err = InvalidCursor;

    fn from_str(text: &str) -> Result<Self, InvalidCursor> {
        let (epoch, seq) = text.split_once('-').ok_or(InvalidCursor)?;
        let well_formed = (1..=32).contains(&epoch.len())
            && epoch.bytes().all(|byte| byte.is_ascii_alphanumeric())
            && seq.bytes().all(|byte| byte.is_ascii_digit());
        let seq = seq.parse().map_err(|_| InvalidCursor)?;
        well_formed
            .then(|| Self {
                epoch: epoch.to_owned(),
                seq,
            })
            .ok_or(InvalidCursor)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_cursor_reads_back_as_it_was_printed() {
        let cursor = Cursor {
            epoch: "1f0c9a".to_owned(),
            seq: 42,
        };
        assert_eq!(cursor.to_string().parse(), Ok(cursor));
    }

    #[test]
    fn anything_else_is_refused() {
        for text in [
            "",
            "-",
            "abc",
            "abc-",
            "-1",
            "abc--1",
            "abc-+1",
            "a b-1",
            "abc-1-2",
            "abc-99999999999999999999",
        ] {
            assert_eq!(text.parse::<Cursor>(), Err(InvalidCursor), "{text}");
        }
    }
}
