//! The OpenAPI document keeps the rules that make every common generator produce code that compiles.

use std::collections::HashSet;

use axum::body::Body;
use http::Request;
use serde_json::{Map, Value};
use slipway_server::{Code, openapi_json};

use crate::harness::Gateway;

fn document() -> Value {
    serde_json::from_str(&openapi_json()).expect("JSON")
}

fn operations(document: &Value) -> Vec<(String, &Map<String, Value>)> {
    let paths = document["paths"].as_object().expect("paths");
    paths
        .iter()
        .flat_map(|(path, item)| {
            item.as_object()
                .expect("a path")
                .iter()
                .map(move |(method, operation)| {
                    (format!("{method} {path}"), operation.as_object().expect("an operation"))
                })
        })
        .collect()
}

#[test]
fn the_head_is_complete_and_the_text_deterministic() {
    let document = document();
    assert_eq!(document["openapi"], "3.1.0");
    assert_eq!(document["servers"][0]["url"], "/");
    assert!(document["info"]["license"]["name"].is_string() && document["info"]["contact"]["name"].is_string());
    assert_eq!(
        document["components"]["securitySchemes"]["bearerAuth"]["scheme"],
        "bearer"
    );
    assert_eq!(document["security"], serde_json::json!([{"bearerAuth": []}]));
    assert_eq!(openapi_json(), openapi_json());
    assert!(openapi_json().ends_with("}\n"));
}

#[test]
fn every_operation_is_named_tagged_described_and_fails_in_one_shape() {
    let document = document();
    let tags: HashSet<_> = document["tags"]
        .as_array()
        .unwrap()
        .iter()
        .map(|tag| tag["name"].as_str().unwrap())
        .collect();
    let mut ids = HashSet::new();
    for (name, operation) in operations(&document) {
        let id = operation["operationId"]
            .as_str()
            .unwrap_or_else(|| panic!("{name} has no operationId"));
        assert!(
            id.starts_with(|first: char| first.is_ascii_lowercase()) && id.chars().all(char::is_alphanumeric),
            "{id}"
        );
        assert!(ids.insert(id), "{id} twice");
        let own = operation["tags"].as_array().unwrap();
        assert!(
            own.len() == 1 && tags.contains(own[0].as_str().unwrap()),
            "{name}: {own:?}"
        );
        assert!(
            operation["summary"].as_str().is_some_and(|summary| !summary.is_empty()),
            "{name}"
        );
        let responses = operation["responses"].as_object().unwrap();
        assert_eq!(
            responses.keys().filter(|status| status.starts_with('2')).count(),
            1,
            "{name}"
        );
        for (status, response) in responses {
            assert!(
                response["description"].as_str().is_some_and(|text| !text.is_empty()),
                "{name} {status}"
            );
        }
        let problem = &responses["default"]["content"];
        for media_type in ["application/problem+json", "application/json"] {
            assert_eq!(
                problem[media_type]["schema"]["$ref"], "#/components/schemas/Problem",
                "{name}"
            );
        }
    }
    let expected = [
        "getWhoami",
        "listProviders",
        "listAnnotations",
        "listAccounts",
        "getAccount",
        "listApplications",
        "getApplication",
        "listApplicationDeployments",
        "getBoard",
        "listDeployments",
        "getDeployment",
        "getDeploymentLog",
        "getDeploymentTimeline",
        "streamDeploymentLog",
        "listEvents",
        "streamEvents",
        "createSession",
        "createSessionCode",
        "endSession",
        "createStreamTicket",
        "createToken",
        "listTokens",
        "revokeToken",
        "listAudit",
        "triggerDeployment",
        "cancelDeployment",
        "redeployDeployment",
        "rollbackDeployment",
        "refreshApplication",
        "createPreview",
        "listFreezes",
        "getDeploymentInsights",
        "explainInsight",
    ];
    assert_eq!(ids, HashSet::from(expected));
}

#[test]
fn parameters_are_plain() {
    let document = document();
    for (name, operation) in operations(&document) {
        for parameter in operation
            .get("parameters")
            .and_then(Value::as_array)
            .into_iter()
            .flatten()
        {
            let text = parameter.to_string();
            assert!(!text.contains("null"), "{name}: {text}");
            assert!(parameter["description"].is_string(), "{name}: {text}");
            if parameter["in"] == "path" {
                // Accounts are known by their names.
                let is_plain = parameter["name"].as_str().unwrap().ends_with("_id") || parameter["name"] == "account";
                assert!(is_plain, "{name}: {text}");
            } else {
                assert_ne!(parameter["required"], true, "{name}: {text}");
            }
            if parameter["schema"]["type"] == "array" {
                assert_eq!(
                    (&parameter["style"], &parameter["explode"]),
                    (&"form".into(), &false.into()),
                    "{name}: {text}"
                );
            }
        }
    }
}

#[test]
fn schemas_are_concrete_and_every_field_of_an_answer_is_required() {
    let document = document();
    for (name, schema) in document["components"]["schemas"].as_object().unwrap() {
        assert!(name.chars().all(char::is_alphanumeric), "{name}");
        let text = schema.to_string();
        assert!(
            !text.contains("allOf") && !text.contains("anyOf") && !text.contains("\"discriminator\""),
            "{name}"
        );
        check_one_of(name, schema);
        let Some(properties) = schema["properties"].as_object() else {
            continue;
        };
        let required: HashSet<_> = schema["required"]
            .as_array()
            .into_iter()
            .flatten()
            .filter_map(Value::as_str)
            .collect();
        for (field, property) in properties {
            // What is sent may leave out what has a default; what `include` names is there only then.
            let may_be_missing = name.starts_with("New") || property.to_string().contains("only there when `include`");
            assert!(
                may_be_missing || required.contains(field.as_str()),
                "{name}.{field} may be missing"
            );
            assert!(
                property["description"].is_string()
                    || property.get("$ref").is_some()
                    || property.get("oneOf").is_some(),
                "{name}.{field}"
            );
        }
    }
}

/// Where a value is one of a list for ever, from the top of the document.
fn closed_sets(value: &Value, place: &str, found: &mut Vec<String>) {
    match value {
        Value::Object(object) => {
            if object.contains_key("enum") {
                found.push(place.to_owned());
            }
            for (name, value) in object.iter().filter(|(name, _)| !name.starts_with("example")) {
                closed_sets(value, &format!("{place}/{name}"), found);
            }
        }
        Value::Array(values) => values.iter().for_each(|value| closed_sets(value, place, found)),
        _ => {}
    }
}

#[test]
fn an_answer_has_no_closed_set_but_the_two_that_never_grow() {
    let mut found = Vec::new();
    closed_sets(&document(), "", &mut found);
    // What is sent may be closed: a client that sends what is known goes on working.
    found.retain(|place| !place.ends_with("/parameters/schema/items"));
    assert_eq!(
        found,
        ["/components/schemas/FreshnessState", "/components/schemas/Status"]
    );
}

/// `oneOf` stands for "or null" and for nothing else.
fn check_one_of(name: &str, value: &Value) {
    match value {
        Value::Object(object) => {
            if let Some(one_of) = object.get("oneOf").and_then(Value::as_array) {
                let nulls = one_of.iter().filter(|schema| schema["type"] == "null").count();
                assert!(one_of.len() == 2 && nulls == 1, "{name}: {one_of:?}");
            }
            object.values().for_each(|value| check_one_of(name, value));
        }
        Value::Array(values) => values.iter().for_each(|value| check_one_of(name, value)),
        _ => {}
    }
}

fn collect_references<'a>(value: &'a Value, document: &'a Value, found: &mut HashSet<&'a str>) {
    if let Some(reference) = value["$ref"].as_str()
        && found.insert(reference)
    {
        let target = document.pointer(reference.trim_start_matches('#'));
        collect_references(target.expect("the reference's target"), document, found);
    }
    for inner in value.as_object().into_iter().flat_map(Map::values) {
        collect_references(inner, document, found);
    }
    for inner in value.as_array().into_iter().flatten() {
        collect_references(inner, document, found);
    }
}

#[test]
fn whatever_is_answered_may_get_new_fields() {
    let document = document();
    let mut answered = HashSet::new();
    for (_, operation) in operations(&document) {
        collect_references(&operation["responses"], &document, &mut answered);
    }
    assert!(answered.contains("#/components/schemas/Deployment"));
    for reference in answered {
        let schema = document.pointer(reference.trim_start_matches('#')).expect("a schema");
        assert_ne!(
            schema["additionalProperties"], false,
            "{reference} refuses what is added later"
        );
    }
}

#[test]
fn every_reference_leads_somewhere() {
    let document = document();
    let text = document.to_string();
    for reference in text
        .split("\"$ref\":\"")
        .skip(1)
        .map(|rest| rest.split('"').next().unwrap())
    {
        assert!(
            document.pointer(reference.trim_start_matches('#')).is_some(),
            "{reference}"
        );
    }
}

#[test]
fn every_code_is_described() {
    let path = concat!(env!("CARGO_MANIFEST_DIR"), "/../../docs/API-DESIGN.md");
    let text = std::fs::read_to_string(path).expect("docs/API-DESIGN.md");
    for code in Code::ALL {
        let row = format!("| `{}` | {} |", code.as_str(), code.status().as_u16());
        assert!(text.contains(&row), "{row}");
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn the_document_is_served_as_it_is_committed_and_shown() {
    let gateway = Gateway::new().await;
    let ask = async |path: &str| gateway.ask(Request::get(path).body(Body::empty()).unwrap()).await;
    let served = ask("/openapi.json").await;
    assert_eq!(
        (served.text.as_str(), served.header("content-type")),
        (openapi_json().as_str(), "application/json")
    );
    let page = ask("/docs/").await;
    assert!(page.text.contains("swagger-ui"), "{}", page.text);
    assert!(!page.text.contains("https://"), "nothing from elsewhere");
    assert!(ask("/docs/swagger-initializer.js").await.text.contains("/openapi.json"));
}
