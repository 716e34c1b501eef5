//! Recognizes lines that a provider says again after a reconnect.
//!
//! How much is said again is not documented: everything so far, the last lines, or nothing. So the lines are laid over those
//! that are known, at every place where they fit, and the longest overlap wins. Where none fits, they are new.

use std::hash::{DefaultHasher, Hash, Hasher};

/// The lines known of one log, as hashes, and what is not decided yet.
#[derive(Debug)]
pub(crate) struct Replay {
    known: Vec<u64>,
    /// None: whatever comes is new.
    overlap: Option<Overlap>,
}

#[derive(Debug, Default)]
struct Overlap {
    /// Where in the known lines those that came may begin, in order.
    offsets: Vec<usize>,
    /// What came since the reconnect.
    seen: Vec<(u64, String)>,
}

impl Replay {
    /// After these lines, at the beginning of a connection.
    pub(crate) fn after<'a>(lines: impl Iterator<Item = &'a str>) -> Self {
        Self {
            known: lines.map(hash).collect(),
            overlap: Some(Overlap::default()),
        }
    }

    /// A new connection begins.
    pub(crate) fn reconnected(&mut self) {
        self.overlap = Some(Overlap::default());
    }

    /// A line came. What is certainly new by now goes to `new`.
    pub(crate) fn take(&mut self, line: String, new: &mut Vec<String>) {
        let hash = hash(&line);
        let Some(overlap) = &mut self.overlap else {
            self.known.push(hash);
            new.push(line);
            return;
        };
        let position = overlap.seen.len();
        if position == 0 {
            let fits = |at: &usize| self.known[*at] == hash;
            overlap.offsets = (0..self.known.len()).filter(fits).collect();
        } else {
            let fits = |offset: &usize| self.known.get(offset + position).is_none_or(|known| *known == hash);
            overlap.offsets.retain(fits);
        }
        overlap.seen.push((hash, line));
        let repeated = match overlap.offsets.first() {
            // The longest overlap may still turn out to be none.
            Some(offset) if offset + overlap.seen.len() < self.known.len() => return,
            Some(offset) => self.known.len() - offset,
            None => 0,
        };
        let seen = std::mem::take(&mut overlap.seen);
        self.overlap = None;
        for (hash, line) in seen.into_iter().skip(repeated) {
            self.known.push(hash);
            new.push(line);
        }
    }
}

fn hash(line: &str) -> u64 {
    let mut hasher = DefaultHasher::new();
    line.hash(&mut hasher);
    hasher.finish()
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn take(replay: &mut Replay, lines: &[&str]) -> Vec<String> {
        let mut new = Vec::new();
        for line in lines {
            replay.take((*line).to_owned(), &mut new);
        }
        new
    }

    #[test]
    fn what_is_said_again_is_not_taken_again() {
        let known = ["a", "b", "", "a", "b", "c"];
        let after = || Replay::after(known.into_iter());
        assert_eq!(
            take(&mut after(), &["a", "b", "", "a", "b", "c", "d"]),
            ["d"],
            "everything"
        );
        assert_eq!(take(&mut after(), &["b", "c", "d", "a"]), ["d", "a"], "the last lines");
        assert_eq!(take(&mut after(), &["d", "e"]), ["d", "e"], "nothing");
        assert_eq!(take(&mut after(), &["a", "x"]), ["a", "x"], "what only looked like it");
        assert_eq!(take(&mut after(), &["a", "b"]), [""; 0], "not decided yet");
        assert_eq!(take(&mut Replay::after([].into_iter()), &["a", "a"]), ["a", "a"]);
        let mut replay = after();
        assert_eq!(take(&mut replay, &known), [""; 0]);
        assert_eq!(
            take(&mut replay, &["a", "b"]),
            ["a", "b"],
            "after the replay everything is new"
        );
        replay.reconnected();
        assert_eq!(take(&mut replay, &["a", "b", "", "a", "b", "c", "a", "b", "x"]), ["x"]);
    }

    proptest! {
        /// However often the connection breaks, as long as each begins with everything said so far.
        #[test]
        fn no_line_twice_and_none_missing(lines in prop::collection::vec("[ab]?", 0..40), cuts in prop::collection::vec(0..40_usize, 0..6)) {
            let mut replay = Replay::after([].into_iter());
            let mut new = Vec::new();
            for cut in cuts.into_iter().chain([lines.len()]) {
                replay.reconnected();
                for line in &lines[..cut.min(lines.len())] {
                    replay.take(line.clone(), &mut new);
                }
            }
            prop_assert_eq!(new, lines);
        }
    }
}
