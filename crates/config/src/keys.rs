//! Which keys there are, as the code that reads them says.

use std::collections::{BTreeMap, BTreeSet};
use std::ops::RangeInclusive;

/// Stands for a key that the operator chooses.
pub(crate) const ANY: &str = "*";

/// What a key takes.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum Kind {
    Text,
    Url,
    Duration,
    Boolean,
    Integer(RangeInclusive<i64>),
    Choice(Vec<&'static str>),
    /// Texts.
    List,
    /// One of three ways to give it.
    Secret,
    SecretFile,
    SecretVariable,
    /// Keys of its own.
    Section,
}

/// The keys of one section.
#[derive(Debug, Default)]
pub(crate) struct Section {
    pub(crate) kinds: BTreeMap<String, Kind>,
    pub(crate) required: BTreeSet<String>,
}

/// Every section by its name: `auth.oidc`; of a list `accounts[]`.
#[derive(Debug, Default)]
pub(crate) struct Keys {
    pub(crate) sections: BTreeMap<String, Section>,
}

impl Keys {
    pub(crate) fn note(&mut self, section: &str, key: &str, kind: Kind) {
        let section = self.sections.entry(plain(section)).or_default();
        section.kinds.insert(key.to_owned(), kind);
    }

    pub(crate) fn require(&mut self, section: &str, key: &str) {
        let section = self.sections.entry(plain(section)).or_default();
        section.required.insert(key.to_owned());
    }
}

/// `accounts[1]` is read like every other account.
fn plain(section: &str) -> String {
    match (section.find('['), section.find(']')) {
        (Some(begin), Some(end)) => format!("{}[]{}", &section[..begin], &section[end + 1..]),
        _ => section.to_owned(),
    }
}
