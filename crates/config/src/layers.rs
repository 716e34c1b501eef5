//! Puts the layers on each other: defaults, file, environment.

use std::collections::BTreeMap;
use std::path::Path;

use crate::Faults;
use crate::node::{self, Node, Origin, Table, Value};

const PREFIX: &str = "SLIPWAY_";
const SEPARATOR: &str = "__";

/// None if a file cannot be read at all: what else would be told then, such as a missing key, would mislead.
pub(crate) fn merge(
    defaults: &str,
    file: Option<&Path>,
    environment: &BTreeMap<String, String>,
    faults: &mut Faults,
) -> Option<Table> {
    let mut root = node::parse(defaults, "built-in defaults", faults);
    if let Some(path) = file {
        let name = path.display().to_string();
        match std::fs::read_to_string(path) {
            Ok(text) => overlay(&mut root, node::parse(&text, &name, faults)),
            Err(error) => faults.push(name, "", format!("cannot be read: {error}")),
        }
    }
    if !faults.is_empty() {
        return None;
    }
    for (variable, value) in environment {
        let Some(path) = variable.strip_prefix(PREFIX) else {
            continue;
        };
        if !path.contains(SEPARATOR) {
            continue;
        }
        let path = path.to_ascii_lowercase();
        let keys: Vec<&str> = path.split(SEPARATOR).collect();
        let node = Node {
            origin: Origin::Variable(variable.clone()),
            value: Value::String(value.clone()),
        };
        if let Err(message) = set(&mut root, &keys, node) {
            faults.push(format!("environment variable {variable}"), keys.join("."), message);
        }
    }
    Some(root)
}

/// Tables are merged key by key; everything else, lists too, is replaced.
fn overlay(below: &mut Table, above: Table) {
    for (key, node) in above {
        match (below.get_mut(&key).map(|node| &mut node.value), node.value) {
            (Some(Value::Table(kept)), Value::Table(above)) => {
                overlay(kept, above);
                // A fault of the section as a whole is told where the operator wrote it.
                if let Some(section) = below.get_mut(&key) {
                    section.origin = node.origin;
                }
            }
            (_, value) => {
                let origin = node.origin;
                below.insert(key, Node { origin, value });
            }
        }
    }
}

fn set(table: &mut Table, keys: &[&str], node: Node) -> Result<(), String> {
    let (key, rest) = match keys {
        [] | [""] => return Err("names no key".to_owned()),
        [key] => {
            table.insert((*key).to_owned(), node);
            return Ok(());
        }
        [key, rest @ ..] => (*key, rest),
    };
    let origin = node.origin.clone();
    let below = table.entry(key.to_owned()).or_insert_with(|| Node {
        origin,
        value: Value::Table(Table::new()),
    });
    match &mut below.value {
        Value::Table(table) => set(table, rest, node),
        Value::Array(items) => {
            let count = items.len();
            let index = rest.first().and_then(|index| index.parse::<usize>().ok());
            match index.and_then(|index| items.get_mut(index)).map(|item| &mut item.value) {
                Some(Value::Table(table)) => set(table, rest.get(1..).unwrap_or_default(), node),
                _ => Err(format!("`{key}` is a list of {count}: name one by its number, from 0")),
            }
        }
        _ => Err(format!("`{key}` has no keys below it")),
    }
}
