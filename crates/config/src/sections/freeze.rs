//! `[[freezes]]`

use std::collections::BTreeMap;

use super::items;
use crate::node::Node;
use crate::reader::{Notes, Reader, Taken};

/// A window in which nothing is deployed. What its times mean is decided by whoever uses it.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct FreezeSettings {
    /// Where it is written, for faults.
    pub place: String,
    /// What it is called.
    pub name: String,
    /// Why.
    pub reason: Option<String>,
    /// Its first instant, as RFC 3339.
    pub from: Option<String>,
    /// The first instant after it, as RFC 3339.
    pub to: Option<String>,
    /// Every week: `Fri 16:00 - Mon 08:00`.
    pub weekly: Option<String>,
    /// Whose local time a weekly one is told in.
    pub time_zone: Option<String>,
    /// Kinds of platform that it is for; empty: all.
    pub providers: Vec<String>,
    /// Accounts that it is for; empty: all.
    pub accounts: Vec<String>,
    /// Names of applications that it is for, `*` for any text; empty: all.
    pub names: Vec<String>,
    /// Environments that it is for; empty: all.
    pub environments: Vec<String>,
    /// Labels that an application must have.
    pub labels: BTreeMap<String, String>,
}

pub(super) fn read(freezes: Option<Node>, mut notes: Notes<'_>) -> Option<Vec<FreezeSettings>> {
    let items = items("freezes", freezes, &mut notes)?;
    let mut read = Vec::new();
    for (name, place, table) in items {
        let Some(table) = table else { continue };
        read.extend(freeze(Reader::new(name, place, table, notes.lend())));
    }
    Some(read)
}

fn freeze(mut section: Reader<'_>) -> Option<FreezeSettings> {
    let mut texts = |key: &str| section.list(key, "texts", |text| (!text.is_empty()).then(|| text.to_owned()));
    let mut freeze = FreezeSettings {
        providers: texts("providers"),
        accounts: texts("accounts"),
        names: texts("names"),
        environments: texts("environments"),
        ..FreezeSettings::default()
    };
    freeze.place = section.place().to_owned();
    let mut text = |key: &str| section.string(key).map(|taken| taken.value);
    freeze.reason = text("reason");
    freeze.from = text("from");
    freeze.to = text("to");
    freeze.weekly = text("weekly");
    freeze.time_zone = text("time_zone");
    let name = text("name");
    if let Some(mut labels) = section.section("labels") {
        for key in labels.remaining_keys() {
            if let Some(Taken { value, .. }) = labels.string(&key) {
                freeze.labels.insert(key, value);
            }
        }
        labels.finish();
    }
    let name = section.required("name", name);
    section.finish();
    freeze.name = name?;
    Some(freeze)
}
