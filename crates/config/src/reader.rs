//! Takes typed values out of a section, notes every fault, and in the end refuses what nobody took.

mod secret;
mod values;

use crate::Faults;
use crate::keys::{ANY, Keys, Kind};
use crate::node::{Node, Table, Value};
use std::collections::BTreeMap;

pub(crate) use values::server_url;

/// What every section is read with.
pub(crate) struct Notes<'a> {
    pub(crate) environment: &'a BTreeMap<String, String>,
    pub(crate) faults: &'a mut Faults,
    /// Where it is written down which keys there are; only then are sections read that nobody wrote.
    pub(crate) keys: Option<&'a mut Keys>,
}

impl Notes<'_> {
    /// The same for a while.
    pub(crate) fn lend(&mut self) -> Notes<'_> {
        Notes {
            environment: self.environment,
            faults: self.faults,
            keys: self.keys.as_deref_mut(),
        }
    }
}

/// One section while it is read.
pub(crate) struct Reader<'a> {
    /// The section's name, for faults; `accounts[2]` for a list's.
    name: String,
    /// Where the section begins.
    place: String,
    table: Table,
    known: Vec<String>,
    notes: Notes<'a>,
}

/// A value with the place that a fault about it names.
pub(crate) struct Taken<T> {
    pub(crate) value: T,
    pub(crate) place: String,
}

impl<'a> Reader<'a> {
    pub(crate) fn new(name: impl Into<String>, place: impl Into<String>, table: Table, notes: Notes<'a>) -> Self {
        Self {
            name: name.into(),
            place: place.into(),
            table,
            known: Vec::new(),
            notes,
        }
    }

    pub(crate) fn place(&self) -> &str {
        &self.place
    }

    pub(crate) fn fault(&mut self, place: &str, key: &str, message: impl Into<String>) {
        self.notes.faults.push(place, format!("{}.{key}", self.name), message);
    }

    fn take(&mut self, key: &str, kind: impl FnOnce() -> Kind) -> Option<Node> {
        self.known.push(key.to_owned());
        if let Some(keys) = &mut self.notes.keys {
            keys.note(&self.name, key, kind());
        }
        self.table.remove(key)
    }

    pub(crate) fn required<T>(&mut self, key: &str, value: Option<T>) -> Option<T> {
        if let Some(keys) = &mut self.notes.keys {
            keys.require(&self.name, key);
        }
        // A value of a wrong kind was there: that is a fault already.
        if value.is_none()
            && !self
                .notes
                .faults
                .iter()
                .any(|fault| fault.key == format!("{}.{key}", self.name))
        {
            let place = self.place.clone();
            self.fault(&place, key, "is missing");
        }
        value
    }

    /// What stands in a section below this one; none without it.
    pub(crate) fn section(&mut self, key: &str) -> Option<Reader<'_>> {
        let node = self.take(key, || Kind::Section);
        let node = match node {
            None if self.notes.keys.is_some() => Node::empty(),
            node => node?,
        };
        let place = node.origin.to_string();
        match node.value {
            Value::Table(table) => {
                let name = format!("{}.{key}", self.name);
                Some(Reader::new(name, place, table, self.notes.lend()))
            }
            other => {
                self.fault(&place, key, format!("must be a section, not {}", other.type_name()));
                None
            }
        }
    }

    /// The keys that nobody took yet, for sections whose keys are the operator's own words.
    pub(crate) fn remaining_keys(&self) -> Vec<String> {
        if self.notes.keys.is_some() {
            return vec![ANY.to_owned()];
        }
        self.table.keys().cloned().collect()
    }

    /// Refuses what nobody took.
    pub(crate) fn finish(mut self) {
        for (key, node) in std::mem::take(&mut self.table) {
            let message = unknown(&key, &self.known);
            self.fault(&node.origin.to_string(), &key, message);
        }
    }
}

/// Says that a key is unknown, with the one that was probably meant.
pub(crate) fn unknown(key: &str, known: &[String]) -> String {
    let nearest = known.iter().map(|known| (distance(key, known), known)).min();
    match nearest {
        Some((distance, meant)) if distance <= 2 => format!("is unknown; did you mean `{meant}`?"),
        _ => format!("is unknown; there are {}", known.join(", ")),
    }
}

/// How many letters must be put in, taken out or changed (Levenshtein).
fn distance(left: &str, right: &str) -> usize {
    let mut row: Vec<usize> = (0..=right.chars().count()).collect();
    for (i, a) in left.chars().enumerate() {
        let mut diagonal = row[0];
        row[0] = i + 1;
        for (j, b) in right.chars().enumerate() {
            let changed = diagonal + usize::from(a != b);
            diagonal = row[j + 1];
            row[j + 1] = changed.min(row[j] + 1).min(diagonal + 1);
        }
    }
    row[right.chars().count()]
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn distances() {
        assert_eq!(distance("listen", "listen"), 0);
        assert_eq!(distance("lisen", "listen"), 1);
        assert_eq!(distance("", "abc"), 3);
        assert_eq!(distance("tokne", "token"), 2);
    }
}
