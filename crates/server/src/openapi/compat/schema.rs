//! One schema, from JSON Schema 2020-12 to the dialect of OpenAPI 3.0.

use serde_json::{Map, Value, json};

use super::{Result, untranslatable};

/// What a schema is used for, which decides about null and about unknown fields.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Position {
    /// A parameter or header: text that is there or not, never null.
    Parameter,
    /// Only ever sent to the server.
    Request,
    /// Sent by the server.
    Answer,
}

/// Say something about a schema that 3.0 has no word for, and that no client misses.
const DROPPED: [&str; 5] = ["propertyNames", "$schema", "$id", "$comment", "$anchor"];

/// Would change the meaning if they were left out.
const REFUSED: [&str; 14] = [
    "prefixItems",
    "patternProperties",
    "if",
    "then",
    "else",
    "contains",
    "dependentSchemas",
    "dependentRequired",
    "unevaluatedProperties",
    "unevaluatedItems",
    "contentEncoding",
    "contentMediaType",
    "$defs",
    "$dynamicRef",
];

pub(super) fn translate_schema(value: &mut Value, position: Position, place: &str) -> Result<()> {
    if let Value::Bool(anything) = value {
        *value = if *anything { json!({}) } else { json!({"not": {}}) };
        return Ok(());
    }
    let Some(schema) = value.as_object_mut() else {
        return Err(untranslatable(
            "a schema that is neither an object nor a boolean",
            place,
        ));
    };
    if let Some(keyword) = REFUSED.iter().find(|keyword| schema.contains_key(**keyword)) {
        return Err(untranslatable(*keyword, place));
    }
    for keyword in DROPPED {
        schema.remove(keyword);
    }
    let nullable = take_null_type(schema, place)? | take_null_alternative(schema, place)?;
    if nullable && position != Position::Parameter {
        schema.insert("nullable".to_owned(), true.into());
    }
    wrap_reference(schema);
    if let Some(constant) = schema.remove("const") {
        schema.insert("enum".to_owned(), json!([constant]));
    }
    if let Some(Value::Array(examples)) = schema.remove("examples")
        && let Some(first) = examples.into_iter().next()
    {
        schema.insert("example".to_owned(), first);
    }
    for (exclusive, limit) in [("exclusiveMinimum", "minimum"), ("exclusiveMaximum", "maximum")] {
        take_exclusive_limit(schema, exclusive, limit);
    }
    translate_children(schema, position, place)?;
    if position == Position::Answer
        && schema.get("properties").is_some_and(Value::is_object)
        && !schema.contains_key("additionalProperties")
    {
        // Unless told so, generated Go and Java clients refuse an answer with a field that was added later.
        schema.insert("additionalProperties".to_owned(), true.into());
    }
    Ok(())
}

/// `type: [T, null]` becomes `type: T`; tells whether null was among the types.
fn take_null_type(schema: &mut Map<String, Value>, place: &str) -> Result<bool> {
    let types = match schema.get("type") {
        Some(Value::Array(types)) => types.clone(),
        Some(Value::String(name)) if name == "null" => return Err(untranslatable("a type that is only null", place)),
        _ => return Ok(false),
    };
    let others: Vec<_> = types.iter().filter(|name| *name != "null").collect();
    match others[..] {
        [only] => schema.insert("type".to_owned(), only.clone()),
        _ => return Err(untranslatable(format!("the type {}", Value::Array(types)), place)),
    };
    Ok(others.len() < types.len())
}

/// `oneOf: [X, null]` becomes `allOf: [X]`; tells whether there was such a choice.
fn take_null_alternative(schema: &mut Map<String, Value>, place: &str) -> Result<bool> {
    for keyword in ["oneOf", "anyOf"] {
        let Some(Value::Array(choices)) = schema.get(keyword) else {
            continue;
        };
        let (nulls, mut others): (Vec<_>, Vec<_>) =
            choices.iter().cloned().partition(|choice| choice["type"] == "null");
        if nulls.is_empty() {
            continue;
        }
        if others.len() != 1 || schema.contains_key("allOf") {
            return Err(untranslatable(format!("{keyword} with null among several"), place));
        }
        schema.remove(keyword);
        // What stands beside a reference moves out, so that it is not wrapped once more.
        if let Some(other) = others.first_mut().and_then(Value::as_object_mut)
            && let Some(reference) = other.remove("$ref")
        {
            for (key, value) in std::mem::take(other) {
                schema.entry(key).or_insert(value);
            }
            other.insert("$ref".to_owned(), reference);
        }
        schema.insert("allOf".to_owned(), others.into());
        return Ok(true);
    }
    Ok(false)
}

/// In 3.0 what stands beside a reference is ignored, so the reference goes one level down.
fn wrap_reference(schema: &mut Map<String, Value>) {
    if schema.len() > 1
        && let Some(reference) = schema.remove("$ref")
    {
        schema.insert("allOf".to_owned(), json!([{"$ref": reference}]));
    }
}

fn take_exclusive_limit(schema: &mut Map<String, Value>, exclusive: &str, limit: &str) {
    if let Some(number) = schema.get(exclusive).filter(|number| number.is_number()).cloned() {
        schema.insert(limit.to_owned(), number);
        schema.insert(exclusive.to_owned(), true.into());
    }
}

fn translate_children(schema: &mut Map<String, Value>, position: Position, place: &str) -> Result<()> {
    for (name, property) in schema
        .get_mut("properties")
        .and_then(Value::as_object_mut)
        .into_iter()
        .flatten()
    {
        translate_schema(property, position, &format!("{place}.{name}"))?;
    }
    for keyword in ["items", "not"] {
        if let Some(child) = schema.get_mut(keyword) {
            translate_schema(child, position, &format!("{place}.{keyword}"))?;
        }
    }
    // Here a boolean is a word of 3.0 too.
    if let Some(child) = schema
        .get_mut("additionalProperties")
        .filter(|child| !child.is_boolean())
    {
        translate_schema(child, position, &format!("{place}.additionalProperties"))?;
    }
    for keyword in ["oneOf", "anyOf", "allOf"] {
        for child in schema
            .get_mut(keyword)
            .and_then(Value::as_array_mut)
            .into_iter()
            .flatten()
        {
            translate_schema(child, position, &format!("{place}.{keyword}"))?;
        }
    }
    Ok(())
}
