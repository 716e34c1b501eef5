//! `[[freezes]]`

use std::collections::BTreeMap;

use crate::Faults;
use crate::node::{Node, Value};
use crate::reader::{Reader, Taken};

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

pub(super) fn read(
    freezes: Option<Node>,
    environment: &BTreeMap<String, String>,
    faults: &mut Faults,
) -> Option<Vec<FreezeSettings>> {
    let items = match freezes {
        None => return Some(Vec::new()),
        Some(Node {
            value: Value::Array(items),
            ..
        }) => items,
        Some(node) => {
            let message = format!("must be [[freezes]] sections, not {}", node.value.type_name());
            faults.push(node.origin.to_string(), "freezes", message);
            return None;
        }
    };
    let mut read = Vec::new();
    for (index, node) in items.into_iter().enumerate() {
        let (name, place) = (format!("freezes[{index}]"), node.origin.to_string());
        let Value::Table(table) = node.value else {
            let message = format!("must be a section, not {}", node.value.type_name());
            faults.push(place, name, message);
            continue;
        };
        read.extend(freeze(Reader::new(name, place, table, environment, &mut *faults)));
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
