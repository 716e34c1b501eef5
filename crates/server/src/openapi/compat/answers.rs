//! Which named schemas answers are made of.

use std::collections::BTreeSet;

use serde_json::Value;

const PREFIX: &str = "#/components/schemas/";

/// The names of all schemas that a response leads to, over any number of references.
pub(super) fn schemas_of_answers(document: &Value) -> BTreeSet<String> {
    let mut open: Vec<&str> = Vec::new();
    let operations = document["paths"].as_object().into_iter().flatten();
    for item in operations.filter_map(|(_, item)| item.as_object()) {
        for operation in item.values() {
            references(&operation["responses"], &mut open);
        }
    }
    for kind in ["responses", "headers"] {
        references(&document["components"][kind], &mut open);
    }
    let mut names = BTreeSet::new();
    while let Some(name) = open.pop() {
        if names.insert(name.to_owned()) {
            references(&document["components"]["schemas"][name], &mut open);
        }
    }
    names
}

fn references<'a>(value: &'a Value, names: &mut Vec<&'a str>) {
    match value {
        Value::Object(object) => {
            let reference = object.get("$ref").and_then(Value::as_str);
            names.extend(reference.and_then(|reference| reference.strip_prefix(PREFIX)));
            object.values().for_each(|value| references(value, names));
        }
        Value::Array(values) => values.iter().for_each(|value| references(value, names)),
        _ => {}
    }
}
