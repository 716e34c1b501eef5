//! What a client of PostgreSQL says, as far as it has to be understood to know which transaction is committed.
//!
//! See <https://www.postgresql.org/docs/current/protocol-message-formats.html>: after the start-up message, which has no type,
//! each message is a letter and a length, which counts itself.

use std::collections::HashMap;

/// One connection.
#[derive(Debug, Default)]
pub(crate) struct Said {
    unread: Vec<u8>,
    has_started: bool,
    /// Prepared statements by name.
    prepared: HashMap<Vec<u8>, String>,
    /// What was made since no transaction was open.
    made: Vec<String>,
}

impl Said {
    /// Takes what the client sent.
    pub(crate) fn take(&mut self, bytes: &[u8]) {
        self.unread.extend_from_slice(bytes);
        loop {
            let skipped = usize::from(self.has_started);
            let Some(length) = self.unread.get(skipped..skipped + 4) else {
                return;
            };
            let length = length.iter().fold(0, |length, byte| length << 8 | usize::from(*byte));
            if self.unread.len() < skipped + length {
                return;
            }
            let message: Vec<u8> = self.unread.drain(..skipped + length).collect();
            if std::mem::replace(&mut self.has_started, true) {
                self.note(message[0], &message[5..]);
            }
        }
    }

    fn note(&mut self, kind: u8, body: &[u8]) {
        let mut texts = body.split(|byte| *byte == 0);
        let mut next = || texts.next().unwrap_or_default();
        match kind {
            b'P' => {
                let (name, text) = (next().to_vec(), String::from_utf8_lossy(next()).into_owned());
                self.prepared.insert(name, text);
            }
            b'B' => {
                let (_portal, name) = (next(), next());
                let text = self.prepared.get(name).cloned().unwrap_or_default();
                self.made.push(text);
            }
            b'Q' => self.made.push(String::from_utf8_lossy(next()).into_owned()),
            _ => {}
        }
    }

    /// Whether these bytes of the server answer the commit of a transaction that made a statement with this text in it.
    pub(crate) fn commits(&mut self, statement: &str, answer: &[u8]) -> bool {
        // Ready for the next statement, and no transaction is open.
        if !answer.ends_with(b"Z\0\0\0\x05I") {
            return false;
        }
        let made = std::mem::take(&mut self.made);
        let is_alone = made.len() == 1;
        let is_committed = made
            .last()
            .is_some_and(|last| last.trim().eq_ignore_ascii_case("commit"));
        (is_alone || is_committed) && made.iter().any(|made| made.contains(statement))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn message(kind: u8, body: &[u8]) -> Vec<u8> {
        let length = u32::try_from(body.len() + 4).expect("short").to_be_bytes();
        [&[kind], length.as_slice(), body].concat()
    }

    #[test]
    fn a_commit_is_told_from_what_comes_before_it_and_from_other_transactions() {
        const IDLE: &[u8] = b"C\0\0\0\x0bCOMMIT\0Z\0\0\0\x05I";
        const OPEN: &[u8] = b"Z\0\0\0\x05T";
        let mut said = Said::default();
        said.take(b"\0\0\0\x08\0\x03\0\0");
        let insert = message(b'P', b"one\0INSERT INTO things\0\0\0");
        // In pieces, as a network may bring it.
        said.take(&insert[..7]);
        said.take(&insert[7..]);
        assert!(!said.commits("things", IDLE), "it is only prepared");
        said.take(&message(b'Q', b"BEGIN\0"));
        assert!(!said.commits("things", OPEN));
        said.take(&message(b'B', b"\0one\0\0\0"));
        assert!(!said.commits("things", OPEN));
        said.take(&message(b'Q', b"COMMIT\0"));
        assert!(said.commits("things", IDLE));
        assert!(!said.commits("things", IDLE), "what comes next is something else");
        said.take(&message(b'B', b"\0one\0\0\0"));
        assert!(said.commits("things", IDLE), "alone");
    }
}
