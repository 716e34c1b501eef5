//! Which refusals are worth an entry in the audit log, so that nobody can fill it: the first of each kind at once, those that
//! follow within a while together as one more entry that says how many they were.

use std::collections::HashMap;
use std::net::IpAddr;
use std::time::{Duration, Instant};

use parking_lot::Mutex;

/// How many kinds of refusal are told apart at once. More are one kind.
const KINDS_MAX: usize = 64;

/// Who was refused what, and why.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub(crate) struct Refusal {
    pub(crate) principal_id: String,
    pub(crate) action: &'static str,
    pub(crate) code: &'static str,
    /// For those only who did not prove who they are: everybody else is told by their name.
    pub(crate) address: Option<IpAddr>,
}

impl Refusal {
    fn of_many() -> Self {
        Self {
            principal_id: "many".to_owned(),
            action: "various",
            code: "various",
            address: None,
        }
    }
}

/// What to do about a refusal.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum Note {
    /// Write it down.
    Write,
    /// Nothing: it is counted. `summarize_at`, for the first that is only counted: when to ask [`Refusals::summary`].
    Count {
        kind: Refusal,
        summarize_at: Option<Instant>,
    },
}

/// The refusals of the last while.
#[derive(Debug)]
pub(crate) struct Refusals {
    window: Duration,
    kinds: Mutex<HashMap<Refusal, Seen>>,
}

#[derive(Debug)]
struct Seen {
    until: Instant,
    /// Beyond the one that was written.
    counted: u64,
}

impl Refusals {
    /// `window`: how long refusals of one kind are one.
    pub(crate) fn new(window: Duration) -> Self {
        Self {
            window,
            kinds: Mutex::default(),
        }
    }

    /// Takes note of a refusal.
    pub(crate) fn note(&self, refusal: Refusal, now: Instant) -> Note {
        let mut kinds = self.kinds.lock();
        // What was counted goes only when it was summed up.
        kinds.retain(|_, seen| seen.until > now || seen.counted > 0);
        let is_one_too_many = kinds.len() >= KINDS_MAX && !kinds.contains_key(&refusal);
        let kind = if is_one_too_many { Refusal::of_many() } else { refusal };
        let first = Seen {
            until: now + self.window,
            counted: u64::from(is_one_too_many),
        };
        let Some(seen) = kinds.get_mut(&kind) else {
            let summarize_at = first.until;
            kinds.insert(kind.clone(), first);
            // Of many there is nobody to name: they are only ever counted.
            return if is_one_too_many {
                Note::Count {
                    kind,
                    summarize_at: Some(summarize_at),
                }
            } else {
                Note::Write
            };
        };
        seen.counted += 1;
        let summarize_at = (seen.counted == 1).then_some(seen.until);
        Note::Count { kind, summarize_at }
    }

    /// How many of a kind were only counted. They are one entry; the next of the kind is written again.
    pub(crate) fn summary(&self, kind: &Refusal) -> u64 {
        self.kinds.lock().remove(kind).map_or(0, |seen| seen.counted)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const WINDOW: Duration = Duration::from_secs(60);

    fn refusal(principal: &str) -> Refusal {
        Refusal {
            principal_id: principal.to_owned(),
            action: "token.create",
            code: "insufficient_scope",
            address: None,
        }
    }

    #[test]
    fn the_first_is_written_and_the_rest_is_one_more_entry() {
        let refusals = Refusals::new(WINDOW);
        let start = Instant::now();
        assert_eq!(refusals.note(refusal("a"), start), Note::Write);
        for number in 0..1_000 {
            let summarize_at = (number == 0).then_some(start + WINDOW);
            let kind = refusal("a");
            assert_eq!(refusals.note(refusal("a"), start), Note::Count { kind, summarize_at });
        }
        assert_eq!(refusals.note(refusal("b"), start), Note::Write);
        assert_eq!(refusals.summary(&refusal("a")), 1_000);
        assert_eq!(refusals.note(refusal("a"), start), Note::Write);
        // One that nobody repeats is forgotten.
        assert_eq!(refusals.note(refusal("b"), start + WINDOW), Note::Write);
    }

    #[test]
    fn however_many_kinds_there_are_the_entries_are_few() {
        let refusals = Refusals::new(WINDOW);
        let start = Instant::now();
        let (mut written, mut summaries) = (0, Vec::new());
        for number in 0..10_000 {
            match refusals.note(refusal(&number.to_string()), start) {
                Note::Write => written += 1,
                Note::Count { kind, summarize_at } => summaries.extend(summarize_at.map(|_| kind)),
            }
        }
        assert_eq!((written, summaries.len()), (KINDS_MAX, 1));
        assert_eq!(refusals.summary(&summaries[0]), 10_000 - 64);
    }
}
