//! The OpenAPI 3.0.3 document, made from the 3.1 one, for generators that read nothing newer.
//!
//! A pure pass over the JSON. It may say less than the original, never something else: what 3.0.3 has no words for, and
//! what cannot be left out without lying, ends it.

mod answers;
mod schema;

use serde_json::{Map, Value, json};

use self::answers::schemas_of_answers;
use self::schema::{Position, translate_schema};

/// What 3.0.3 cannot say.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("OpenAPI 3.0.3 cannot say this: {what} (in {place})")]
pub struct Untranslatable {
    /// The keyword or construct.
    pub what: String,
    /// Where it stands, from the top of the document.
    pub place: String,
}

type Result<T> = std::result::Result<T, Untranslatable>;

const EVENT_STREAM: &str = "text/event-stream";
const METHODS: [&str; 8] = ["get", "put", "post", "delete", "options", "head", "patch", "trace"];

/// Translates a whole document.
///
/// # Errors
///
/// [`Untranslatable`] for a construct that has no counterpart, such as a type that is a string or a number.
pub(super) fn to_3_0(mut document: Value) -> Result<Value> {
    let answers = schemas_of_answers(&document);
    let Some(root) = document.as_object_mut() else {
        return Err(untranslatable("a document that is no object", ""));
    };
    root.insert("openapi".to_owned(), "3.0.3".into());
    for keyword in ["jsonSchemaDialect", "webhooks", "$self"] {
        root.remove(keyword);
    }
    if let Some(info) = object(root, "info") {
        info.remove("summary");
        if let Some(license) = object(info, "license") {
            license.remove("identifier");
        }
    }
    if let Some(components) = object(root, "components") {
        components.remove("pathItems");
        for (name, schema) in entries(components, "schemas") {
            let position = if answers.contains(name) {
                Position::Answer
            } else {
                Position::Request
            };
            translate_schema(schema, position, &format!("components.schemas.{name}"))?;
        }
        for (name, parameter) in entries(components, "parameters") {
            translate_parameter(parameter, &format!("components.parameters.{name}"))?;
        }
        for (name, header) in entries(components, "headers") {
            translate_parameter(header, &format!("components.headers.{name}"))?;
        }
        for (name, response) in entries(components, "responses") {
            translate_response(response, &format!("components.responses.{name}"))?;
        }
        for (name, body) in entries(components, "requestBodies") {
            translate_content(body, Position::Request, &format!("components.requestBodies.{name}"))?;
        }
    }
    for (path, item) in entries(root, "paths") {
        translate_path_item(item, path)?;
    }
    document.sort_all_objects();
    Ok(document)
}

fn translate_path_item(item: &mut Value, place: &str) -> Result<()> {
    let Some(item) = item.as_object_mut() else {
        return Ok(());
    };
    translate_parameters(item, place)?;
    for method in METHODS {
        let place = format!("{method} {place}");
        let Some(operation) = object(item, method) else {
            continue;
        };
        translate_parameters(operation, &place)?;
        if let Some(body) = operation.get_mut("requestBody") {
            translate_content(body, Position::Request, &format!("{place} requestBody"))?;
        }
        for (status, response) in entries(operation, "responses") {
            translate_response(response, &format!("{place} responses.{status}"))?;
        }
        if let Some(responses) = object(operation, "responses") {
            split_default(responses);
        }
        if operation.contains_key("callbacks") {
            return Err(untranslatable("callbacks", &place));
        }
    }
    Ok(())
}

/// Errors by their ranges. Progenitor takes `default` for a way to succeed as well, and cannot have two types there.
fn split_default(responses: &mut Map<String, Value>) {
    let has_success = responses.keys().any(|status| status.starts_with('2'));
    if let Some(default) = responses.get("default").filter(|_| has_success).cloned() {
        responses.remove("default");
        for range in ["4XX", "5XX"] {
            responses.entry(range).or_insert_with(|| default.clone());
        }
    }
}

fn translate_parameters(owner: &mut Map<String, Value>, place: &str) -> Result<()> {
    for parameter in owner
        .get_mut("parameters")
        .and_then(Value::as_array_mut)
        .into_iter()
        .flatten()
    {
        let place = format!("{place} {}", parameter["name"].as_str().unwrap_or_default());
        translate_parameter(parameter, &place)?;
    }
    Ok(())
}

/// Also headers, which are parameters without a name.
fn translate_parameter(parameter: &mut Value, place: &str) -> Result<()> {
    if let Some(schema) = parameter.get_mut("schema") {
        translate_schema(schema, Position::Parameter, place)?;
    }
    translate_content(parameter, Position::Parameter, place)
}

fn translate_response(response: &mut Value, place: &str) -> Result<()> {
    if let Some(response) = response.as_object_mut() {
        for (name, header) in entries(response, "headers") {
            translate_parameter(header, &format!("{place} {name}"))?;
        }
    }
    translate_content(response, Position::Answer, place)
}

fn translate_content(owner: &mut Value, position: Position, place: &str) -> Result<()> {
    let Some(owner) = owner.as_object_mut() else {
        return Ok(());
    };
    for (media_type, content) in entries(owner, "content") {
        let Some(content) = content.as_object_mut() else {
            continue;
        };
        content.remove("itemSchema");
        if media_type == EVENT_STREAM {
            // A stream of frames is text to a tool that cannot stream; as an object it would be decoded, and fail.
            content.insert("schema".to_owned(), json!({"type": "string"}));
            content.remove("example");
            content.remove("examples");
        } else if let Some(schema) = content.get_mut("schema") {
            translate_schema(schema, position, &format!("{place} {media_type}"))?;
        }
    }
    Ok(())
}

fn object<'a>(owner: &'a mut Map<String, Value>, key: &str) -> Option<&'a mut Map<String, Value>> {
    owner.get_mut(key).and_then(Value::as_object_mut)
}

fn entries<'a>(owner: &'a mut Map<String, Value>, key: &str) -> impl Iterator<Item = (&'a String, &'a mut Value)> {
    object(owner, key).into_iter().flatten()
}

fn untranslatable(what: impl Into<String>, place: &str) -> Untranslatable {
    Untranslatable {
        what: what.into(),
        place: place.to_owned(),
    }
}

#[cfg(test)]
mod tests;
