//! Where the next page of a list begins, as an opaque text.

use base64::Engine;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use ring::digest::{Context, SHA256};
use slipway_api::Cursor;
use uuid::Uuid;

use crate::problem::{Code, Problem};

const CHECK_BYTES: usize = 12;

/// The last item of the page before, and the position that the first page showed.
///
/// Ends in a check sum that also covers the list and its filters: a cursor goes on with the walk that it came from, or is
/// refused. It guards against mistakes; it is no secret and lets nobody see more than the list does.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct PageCursor {
    /// The position that every page of the walk names.
    pub(crate) event_cursor: Cursor,
    /// The last item's id.
    pub(crate) id: Uuid,
    /// The last item's sort key.
    pub(crate) sort_key: String,
}

impl PageCursor {
    /// The text. `walk` names the list and its filters.
    pub(crate) fn encode(&self, walk: &str) -> String {
        let mut bytes = format!("{}\n{}\n{}", self.event_cursor, self.id.simple(), self.sort_key).into_bytes();
        let check = check_sum(walk, &bytes);
        bytes.extend_from_slice(&check);
        URL_SAFE_NO_PAD.encode(bytes)
    }

    /// The cursor in a text.
    ///
    /// # Errors
    /// [`Code::InvalidCursor`] for anything that [`PageCursor::encode`] did not make for this walk.
    pub(crate) fn decode(text: &str, walk: &str) -> Result<Self, Problem> {
        Self::try_decode(text, walk).ok_or_else(|| {
            Problem::new(Code::InvalidCursor)
                .with_detail("the cursor is broken, or belongs to a list with other filters: begin again without it")
                .with_field("cursor", "not a cursor of this list with these filters")
        })
    }

    fn try_decode(text: &str, walk: &str) -> Option<Self> {
        let bytes = URL_SAFE_NO_PAD.decode(text).ok()?;
        let (content, check) = bytes.split_at_checked(bytes.len().checked_sub(CHECK_BYTES)?)?;
        if check != check_sum(walk, content) {
            return None;
        }
        let mut parts = std::str::from_utf8(content).ok()?.splitn(3, '\n');
        Some(Self {
            event_cursor: parts.next()?.parse().ok()?,
            id: parts.next()?.parse().ok()?,
            sort_key: parts.next()?.to_owned(),
        })
    }
}

fn check_sum(walk: &str, content: &[u8]) -> [u8; CHECK_BYTES] {
    let mut context = Context::new(&SHA256);
    context.update(walk.as_bytes());
    context.update(b"\0");
    context.update(content);
    let mut check = [0; CHECK_BYTES];
    check.copy_from_slice(&context.finish().as_ref()[..CHECK_BYTES]);
    check
}

#[cfg(test)]
mod tests {
    use super::*;

    fn cursor() -> PageCursor {
        PageCursor {
            event_cursor: Cursor {
                epoch: "e1".to_owned(),
                seq: 5,
            },
            id: Uuid::from_u128(7),
            sort_key: "a name\nwith a line break".to_owned(),
        }
    }

    #[test]
    fn it_reads_back_for_the_walk_it_was_made_for_only() {
        let text = cursor().encode("applications?name=a");
        assert_eq!(PageCursor::try_decode(&text, "applications?name=a"), Some(cursor()));
        assert_eq!(PageCursor::try_decode(&text, "applications?name=b"), None);
    }

    #[test]
    fn every_changed_character_is_noticed() {
        let text = cursor().encode("walk");
        for index in 0..text.len() {
            let mut changed = text.clone().into_bytes();
            changed[index] = if changed[index] == b'A' { b'B' } else { b'A' };
            let changed = String::from_utf8(changed).unwrap();
            assert_eq!(PageCursor::try_decode(&changed, "walk"), None, "{index}");
        }
        for garbage in ["", "a", "!", "AAAA", "AAAAAAAAAAAAAAAAAAAAAAAA"] {
            assert_eq!(PageCursor::try_decode(garbage, "walk"), None, "{garbage}");
        }
    }
}
