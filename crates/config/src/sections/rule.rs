//! `[[rules]]`

use std::collections::BTreeMap;

use super::items;
use crate::node::Node;
use crate::reader::{Notes, Reader, Taken};

/// What operators say of applications, where their provider does not.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct RuleSettings {
    /// Kinds of platform that it is for; empty: all.
    pub providers: Vec<String>,
    /// Accounts that it is for; empty: all.
    pub accounts: Vec<String>,
    /// Names of applications that it is for, `*` for any text; empty: all.
    pub names: Vec<String>,
    /// Repositories that it is for, `*` for any text; empty: all.
    pub git_repositories: Vec<String>,
    /// Environments, as the provider gives them, that it is for; empty: all.
    pub environments: Vec<String>,
    /// The environment that it gives.
    pub environment: Option<String>,
    /// The owner that it gives.
    pub owner: Option<String>,
    /// The labels that it gives.
    pub labels: BTreeMap<String, String>,
}

pub(super) fn read(rules: Option<Node>, mut notes: Notes<'_>) -> Option<Vec<RuleSettings>> {
    let items = items("rules", rules, &mut notes)?;
    let mut read = Vec::new();
    for (name, place, table) in items {
        let Some(table) = table else { continue };
        read.push(rule(Reader::new(name, place, table, notes.lend())));
    }
    Some(read)
}

fn rule(mut section: Reader<'_>) -> RuleSettings {
    let place = section.place().to_owned();
    let mut texts = |key: &str| section.list(key, "texts", |text| (!text.is_empty()).then(|| text.to_owned()));
    let mut rule = RuleSettings {
        providers: texts("providers"),
        accounts: texts("accounts"),
        names: texts("names"),
        git_repositories: texts("git_repositories"),
        environments: texts("environments"),
        ..RuleSettings::default()
    };
    rule.environment = section.string("environment").map(|taken| taken.value);
    rule.owner = section.string("owner").map(|taken| taken.value);
    if let Some(section) = section.section("labels") {
        rule.labels = labels(section);
    }
    if rule.environment.is_none() && rule.owner.is_none() && rule.labels.is_empty() {
        section.fault(
            &place,
            "labels",
            "gives nothing: name `environment`, `owner` or `labels`",
        );
    }
    section.finish();
    rule
}

fn labels(mut section: Reader<'_>) -> BTreeMap<String, String> {
    let mut labels = BTreeMap::new();
    for key in section.remaining_keys() {
        let Some(Taken { value, place }) = section.string(&key) else {
            continue;
        };
        if is_key(&key) && is_value(&value) {
            labels.insert(key, value);
        } else {
            section.fault(
                &place,
                &key,
                "keys have 1 to 63 and values at most 63 letters a-z and A-Z, digits, `.`, `_` and `-`; keys also `/`",
            );
        }
    }
    section.finish();
    labels
}

/// What a selector can name, see `label` of the API.
fn is_key(key: &str) -> bool {
    (1..=63).contains(&key.len()) && key.bytes().all(|byte| is_legal(byte) || byte == b'/')
}

fn is_value(value: &str) -> bool {
    value.len() <= 63 && value.bytes().all(is_legal)
}

fn is_legal(byte: u8) -> bool {
    byte.is_ascii_alphanumeric() || matches!(byte, b'.' | b'_' | b'-')
}
