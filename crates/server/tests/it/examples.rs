//! The document's examples are what its schemas say. They were recorded from a running gateway.

use serde_json::{Map, Value};
use slipway_server::{Code, openapi_json};
use time::OffsetDateTime;
use time::format_description::well_known::Rfc3339;
use uuid::Uuid;

/// Operations without an example: their answers hold secrets, or nothing, or they are streams.
const WITHOUT: [&str; 7] = [
    "createSession",
    "createSessionCode",
    "createStreamTicket",
    "createToken",
    "revokeToken",
    "streamDeploymentLog",
    "streamEvents",
];

fn document() -> Value {
    serde_json::from_str(&openapi_json()).expect("JSON")
}

#[test]
fn examples_are_what_their_schemas_say() {
    let document = document();
    for (path, item) in document["paths"].as_object().expect("paths") {
        for operation in item.as_object().expect("operations").values() {
            let id = operation["operationId"].as_str().expect("an operationId");
            let responses = operation["responses"].as_object().expect("responses").iter();
            for (status, response) in responses.filter(|(status, _)| status.starts_with('2')) {
                for content in response["content"].as_object().into_iter().flat_map(Map::values) {
                    match content.get("example") {
                        Some(example) => check(&document, &content["schema"], example, path),
                        None => assert!(
                            WITHOUT.contains(&id),
                            "{id} has no example of {status}: record them anew"
                        ),
                    }
                }
            }
        }
    }
    let problem = &document["components"]["schemas"]["Problem"];
    check(&document, problem, &problem["examples"][0], "Problem");
}

#[test]
fn lists_show_an_item() {
    let document = document();
    for item in document["paths"].as_object().expect("paths").values() {
        let content = &item["get"]["responses"]["200"]["content"]["application/json"];
        if let Some(items) = content["example"].get("items") {
            assert!(
                !items.as_array().expect("items").is_empty(),
                "{}",
                item["get"]["operationId"]
            );
        }
    }
}

#[test]
fn defaults_and_small_examples_are_what_their_schemas_say() {
    fn walk(document: &Value, value: &Value, place: &str) {
        // A schema: responses have a `default` of another kind.
        if let (Some(_), Some(default)) = (value.get("type"), value.get("default")) {
            check(document, value, default, place);
        }
        for example in value["examples"].as_array().into_iter().flatten() {
            check(document, value, example, place);
        }
        for (index, inner) in value.as_array().into_iter().flatten().enumerate() {
            walk(document, inner, &format!("{place}/{index}"));
        }
        for (name, inner) in value.as_object().into_iter().flatten() {
            walk(document, inner, &format!("{place}/{name}"));
        }
    }
    let document = document();
    walk(&document, &document, "");
}

#[test]
fn the_codes_of_errors_are_listed() {
    let description = document()["components"]["schemas"]["Problem"]["properties"]["code"]["description"].to_string();
    for code in Code::ALL {
        assert!(
            description.contains(&format!("`{}`", code.as_str())),
            "{}",
            code.as_str()
        );
    }
}

/// As much of JSON Schema as the document uses; in addition nothing may be there that the schema does not name.
fn check(document: &Value, schema: &Value, value: &Value, place: &str) {
    if let Some(reference) = schema["$ref"].as_str() {
        let target = document
            .pointer(reference.trim_start_matches('#'))
            .expect("the reference's target");
        return check(document, target, value, place);
    }
    if let Some(choices) = schema["oneOf"].as_array() {
        let chosen = choices
            .iter()
            .find(|choice| (choice["type"] == "null") == value.is_null());
        return check(document, chosen.expect("a choice"), value, place);
    }
    if schema.get("type").is_none() {
        return; // anything
    }
    let types = match &schema["type"] {
        Value::Array(types) => types.clone(),
        single => vec![single.clone()],
    };
    let is = |name: &str| match name {
        "null" => value.is_null(),
        "string" => value.is_string(),
        "boolean" => value.is_boolean(),
        "integer" => value.is_i64() || value.is_u64(),
        "number" => value.is_number(),
        "array" => value.is_array(),
        "object" => value.is_object(),
        _ => false,
    };
    let fits = types.iter().filter_map(Value::as_str).any(is);
    assert!(fits, "{place}: {value} is not {types:?}");
    if let Some(values) = schema["enum"].as_array() {
        assert!(values.contains(value), "{place}: {value} is none of {values:?}");
    }
    match (value, schema["format"].as_str()) {
        (Value::String(text), Some("date-time")) => {
            assert!(OffsetDateTime::parse(text, &Rfc3339).is_ok(), "{place}: {text}");
        }
        (Value::String(text), Some("uuid")) => assert!(Uuid::parse_str(text).is_ok(), "{place}: {text}"),
        _ => {}
    }
    for (index, item) in value.as_array().into_iter().flatten().enumerate() {
        check(document, &schema["items"], item, &format!("{place}[{index}]"));
    }
    let Some(object) = value.as_object() else { return };
    for name in schema["required"]
        .as_array()
        .into_iter()
        .flatten()
        .filter_map(Value::as_str)
    {
        assert!(
            object.contains_key(name),
            "{place} lacks {name}: record the examples anew"
        );
    }
    for (name, inner) in object {
        let place = format!("{place}.{name}");
        match (schema["properties"].get(name), schema.get("additionalProperties")) {
            (Some(property), _) => check(document, property, inner, &place),
            (None, Some(rest)) if rest.is_object() => check(document, rest, inner, &place),
            (None, rest) => assert_eq!(
                rest,
                Some(&true.into()),
                "{place} is not in the schema: record the examples anew"
            ),
        }
    }
}
