//! The OpenAPI 3.0.3 document says what the 3.1 one says, in words that 3.0.3 has.

use std::collections::BTreeSet;

use axum::body::Body;
use http::Request;
use serde_json::{Map, Value};
use slipway_server::{openapi_compat_json, openapi_json};

use crate::harness::Gateway;

fn documents() -> [Value; 2] {
    [openapi_json(), openapi_compat_json().expect("translated")].map(|text| serde_json::from_str(&text).expect("JSON"))
}

/// Every object in the document that is not an example, with its place.
fn walk<'a>(place: &str, value: &'a Value, see: &mut impl FnMut(&str, &'a Map<String, Value>)) {
    match value {
        Value::Object(object) => {
            see(place, object);
            for (key, value) in object {
                let is_data = ["example", "examples", "enum"].contains(&key.as_str());
                if !is_data || place.ends_with("/properties") {
                    walk(&format!("{place}/{key}"), value, see);
                }
            }
        }
        Value::Array(values) => {
            for (index, value) in values.iter().enumerate() {
                walk(&format!("{place}/{index}"), value, see);
            }
        }
        _ => {}
    }
}

#[test]
fn no_newer_word_is_left() {
    let [_, compat] = documents();
    assert_eq!(compat["openapi"], "3.0.3");
    assert_eq!(compat["info"]["license"].get("identifier"), None);
    for keyword in ["webhooks", "jsonSchemaDialect"] {
        assert_eq!(compat.get(keyword), None);
    }
    walk("", &compat, &mut |place, object| {
        if place.ends_with("/properties") {
            return;
        }
        for keyword in [
            "propertyNames",
            "const",
            "itemSchema",
            "prefixItems",
            "$defs",
            "contentMediaType",
        ] {
            assert!(!object.contains_key(keyword), "{place} has {keyword}");
        }
        assert!(
            !object.get("type").is_some_and(Value::is_array),
            "{place} has several types"
        );
        assert_ne!(object.get("type").and_then(Value::as_str), Some("null"), "{place}");
        // Lists of examples are a word of schemas in 3.1 only; elsewhere `examples` is a map.
        assert!(!object.get("examples").is_some_and(Value::is_array), "{place}");
        assert!(
            !object.contains_key("oneOf") && !object.contains_key("anyOf"),
            "{place}"
        );
        let is_alone = object.len() == 1;
        assert!(
            !object.contains_key("$ref") || is_alone,
            "{place}: what stands beside a reference is ignored"
        );
    });
}

#[test]
fn both_have_the_same_operations_fields_and_nulls() {
    let [newer, older] = documents();
    for (path, item) in newer["paths"].as_object().expect("paths") {
        for (method, operation) in item.as_object().expect("operations") {
            let translated = &older["paths"][path][method];
            for keyword in ["operationId", "tags", "summary", "security"] {
                assert_eq!(operation.get(keyword), translated.get(keyword), "{method} {path}");
            }
            let names = |operation: &Value| -> Vec<String> {
                let parameters = operation["parameters"].as_array().into_iter().flatten();
                parameters
                    .map(|parameter| format!("{} {}", parameter["in"], parameter["name"]))
                    .collect()
            };
            assert_eq!(names(operation), names(translated), "{method} {path}");
            // Errors are `default` in the one and the ranges 4XX and 5XX in the other.
            let statuses = |operation: &Value| -> BTreeSet<String> {
                let statuses = operation["responses"].as_object().expect("responses").keys();
                statuses
                    .flat_map(|status| match status.as_str() {
                        "default" => vec!["4XX".to_owned(), "5XX".to_owned()],
                        other => vec![other.to_owned()],
                    })
                    .collect()
            };
            assert_eq!(statuses(operation), statuses(translated), "{method} {path}");
        }
    }
    for (name, schema) in newer["components"]["schemas"].as_object().expect("schemas") {
        let translated = &older["components"]["schemas"][name];
        for (field, property) in schema["properties"].as_object().into_iter().flatten() {
            let has_null = |value: &Value| value == "null" || value["type"] == "null";
            let choices = [&property["type"], &property["oneOf"]];
            let is_nullable = choices
                .iter()
                .filter_map(|choices| choices.as_array())
                .flatten()
                .any(has_null);
            assert_eq!(
                translated["properties"][field]["nullable"] == true,
                is_nullable,
                "{name}.{field}: {property}"
            );
        }
        assert_eq!(schema.get("enum"), translated.get("enum"), "{name}");
    }
}

#[test]
fn answers_are_open_for_new_fields() {
    let [_, compat] = documents();
    for name in [
        "Deployment",
        "DeploymentList",
        "Application",
        "Event",
        "EventList",
        "Problem",
        "Freshness",
    ] {
        assert_eq!(
            compat["components"]["schemas"][name]["additionalProperties"], true,
            "{name}"
        );
    }
}

#[test]
fn streams_are_text() {
    let [_, compat] = documents();
    walk("", &compat, &mut |place, object| {
        if place.ends_with("/text~1event-stream") || place.ends_with("/text/event-stream") {
            assert_eq!(object["schema"]["type"], "string", "{place}");
        }
    });
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn it_is_served_without_a_token_and_as_it_is_committed() {
    let gateway = Gateway::new().await;
    let served = gateway
        .ask(
            Request::get("/openapi-3.0.json")
                .body(Body::empty())
                .expect("a request"),
        )
        .await;
    assert_eq!(served.header("content-type"), "application/json");
    assert_eq!(served.text, openapi_compat_json().expect("translated"));
}
