//! Each kind of change on one small contract.

use serde_json::{Value, json};

use super::breaks;

fn contract() -> Value {
    json!({
        "paths": {"/things/{thing_id}": {
            "parameters": [{"name": "thing_id", "in": "path", "required": true, "schema": {"type": "string"}}],
            "get": {
                "operationId": "getThing", "tags": ["things"],
                "parameters": [
                    {"name": "state", "in": "query", "style": "form", "explode": false,
                     "schema": {"type": "array", "items": {"$ref": "#/components/schemas/State"}}},
                    {"$ref": "#/components/parameters/limit"},
                ],
                "responses": {
                    "200": {
                        "description": "x",
                        "headers": {"X-Position": {"schema": {"type": "string"}}},
                        "content": {"application/json": {"schema": {"$ref": "#/components/schemas/Thing"}}},
                    },
                    "default": {"description": "x", "content": {
                        "application/json": {"schema": {"$ref": "#/components/schemas/Problem"}},
                    }},
                },
            },
            "post": {
                "operationId": "makeThing", "tags": ["things"],
                "requestBody": {"content": {"application/json": {"schema": {"$ref": "#/components/schemas/NewThing"}}}},
                "responses": {"202": {"description": "x"}},
            },
        }},
        "components": {
            "parameters": {"limit": {"name": "limit", "in": "query", "schema": {"type": "integer", "maximum": 200}}},
            "schemas": {
                "State": {"type": "string", "enum": ["on", "off"]},
                "Thing": {"type": "object", "required": ["id", "state", "parent", "size"], "properties": {
                    "id": {"type": "string"},
                    "state": {"$ref": "#/components/schemas/State"},
                    "parent": {"oneOf": [{"$ref": "#/components/schemas/Thing"}, {"type": "null"}]},
                    "size": {"type": ["integer", "null"], "format": "int64"},
                    "labels": {"type": "object", "additionalProperties": {"type": "string"}},
                }},
                "NewThing": {"type": "object", "required": ["name"], "properties": {
                    "name": {"type": "string"}, "note": {"type": ["string", "null"]},
                }},
                "Problem": {"type": "object", "properties": {"code": {"type": "string"}}},
            },
        },
    })
}

/// The contract with one place set to something, or removed.
fn changed(pointer: &str, value: Option<Value>) -> Value {
    let mut contract = contract();
    let (owner, key) = pointer.rsplit_once('/').expect("a pointer");
    let owner = contract.pointer_mut(owner).unwrap_or_else(|| panic!("{pointer}"));
    let key = key.replace("~1", "/");
    match (owner, value) {
        (Value::Object(owner), Some(value)) => drop(owner.insert(key, value)),
        (Value::Object(owner), None) => assert!(owner.remove(&key).is_some(), "{pointer}"),
        (Value::Array(owner), Some(value)) => owner.push(value),
        (Value::Array(owner), None) => drop(owner.remove(key.parse().expect("an index"))),
        _ => panic!("{pointer}"),
    }
    contract
}

const GET: &str = "/paths/~1things~1{thing_id}/get";
const POST: &str = "/paths/~1things~1{thing_id}/post";
const SCHEMAS: &str = "/components/schemas";

#[test]
fn breaks_are_found_and_named() {
    let thing = "GET /things/{thing_id} 200 application/json";
    let new_thing = "POST /things/{thing_id} request application/json";
    let cases: Vec<(String, Option<Value>, String)> = vec![
        (
            "/paths/~1things~1{thing_id}".into(),
            None,
            "GET /things/{thing_id} is gone".into(),
        ),
        (POST.into(), None, "POST /things/{thing_id} is gone".into()),
        (
            format!("{GET}/operationId"),
            Some(json!("readThing")),
            "GET /things/{thing_id} is called \"readThing\" instead of \"getThing\"".into(),
        ),
        (
            format!("{GET}/tags"),
            Some(json!(["other"])),
            "GET /things/{thing_id} is tagged [\"other\"] instead of [\"things\"]".into(),
        ),
        (
            format!("{GET}/parameters/0"),
            None,
            "GET /things/{thing_id} query parameter state is gone".into(),
        ),
        (
            format!("{GET}/parameters/-"),
            Some(json!({"name": "q", "in": "query", "required": true, "schema": {"type": "string"}})),
            "GET /things/{thing_id} query parameter q is new and required".into(),
        ),
        (
            "/components/parameters/limit/required".into(),
            Some(json!(true)),
            "GET /things/{thing_id} query parameter limit is required now".into(),
        ),
        (
            "/components/parameters/limit/schema/maximum".into(),
            Some(json!(100)),
            "GET /things/{thing_id} query parameter limit has the maximum 100 now".into(),
        ),
        (
            format!("{GET}/parameters/0/explode"),
            Some(json!(true)),
            "GET /things/{thing_id} query parameter state is written in another explode".into(),
        ),
        (
            format!("{GET}/responses/default"),
            None,
            "GET /things/{thing_id} default is gone".into(),
        ),
        (
            format!("{GET}/responses/201"),
            Some(json!({"description": "x"})),
            "GET /things/{thing_id} 201 is a new way to succeed".into(),
        ),
        (
            format!("{GET}/responses/200/headers"),
            None,
            "GET /things/{thing_id} 200 header X-Position is gone".into(),
        ),
        (format!("{GET}/responses/200/content"), None, format!("{thing} is gone")),
        (
            format!("{GET}/responses/200/content/application~1json/schema/$ref"),
            Some(json!("#/components/schemas/Problem")),
            format!("{thing} is of the schema Problem instead of Thing"),
        ),
        (
            format!("{SCHEMAS}/Thing/properties/id"),
            None,
            format!("{thing}.id is gone"),
        ),
        (
            format!("{SCHEMAS}/Thing/required/0"),
            None,
            format!("{thing}.id may be missing now"),
        ),
        (
            format!("{SCHEMAS}/Thing/properties/id/type"),
            Some(json!("integer")),
            format!("{thing}.id is integer instead of string"),
        ),
        (
            format!("{SCHEMAS}/Thing/properties/id/type"),
            Some(json!(["string", "null"])),
            format!("{thing}.id is null or string instead of string"),
        ),
        (
            format!("{SCHEMAS}/Thing/properties/id"),
            Some(json!({})),
            format!("{thing}.id is anything instead of string"),
        ),
        (
            format!("{SCHEMAS}/Thing/properties/size/format"),
            Some(json!("int32")),
            format!("{thing}.size has another format"),
        ),
        (
            format!("{SCHEMAS}/Thing/properties/labels/additionalProperties/type"),
            Some(json!("integer")),
            format!("{thing}.labels.* is integer instead of string"),
        ),
        (
            format!("{SCHEMAS}/Thing/properties/state"),
            Some(json!({"oneOf": [{"type": "null"}, {"$ref": "#/components/schemas/State"}]})),
            format!("{thing}.state is null or string instead of string"),
        ),
        (
            format!("{SCHEMAS}/State/enum"),
            Some(json!(["on", "off", "broken"])),
            format!("{thing}.state can be \"broken\" now"),
        ),
        (
            format!("{SCHEMAS}/State/enum"),
            None,
            format!("{thing}.state can be any value now"),
        ),
        (
            format!("{SCHEMAS}/State/enum"),
            Some(json!(["on"])),
            "GET /things/{thing_id} query parameter state[] cannot be \"off\" any more".into(),
        ),
        (
            format!("{POST}/requestBody"),
            None,
            "POST /things/{thing_id} request takes no body any more".into(),
        ),
        (
            format!("{POST}/requestBody/required"),
            Some(json!(true)),
            "POST /things/{thing_id} request needs a body now".into(),
        ),
        (
            format!("{SCHEMAS}/NewThing/required"),
            Some(json!(["name", "note"])),
            format!("{new_thing}.note is required now"),
        ),
        (
            format!("{SCHEMAS}/NewThing/properties/note"),
            None,
            format!("{new_thing}.note is gone"),
        ),
        (
            format!("{SCHEMAS}/NewThing/properties/note/type"),
            Some(json!("string")),
            format!("{new_thing}.note is string instead of null or string"),
        ),
        (
            format!("{SCHEMAS}/NewThing/properties/name/enum"),
            Some(json!(["a"])),
            format!("{new_thing}.name is limited to some values now"),
        ),
        (
            format!("{SCHEMAS}/NewThing/additionalProperties"),
            Some(json!(false)),
            format!("{new_thing} takes no other fields any more"),
        ),
    ];
    for (pointer, value, expected) in cases {
        let found = breaks(&contract(), &changed(&pointer, value));
        assert!(found.contains(&expected), "{pointer}: {found:?} lacks {expected:?}");
    }
}

#[test]
fn additions_break_nothing() {
    let cases: Vec<(String, Option<Value>)> = vec![
        ("/paths/~1other".into(), Some(json!({"get": {"responses": {}}}))),
        (
            format!("{GET}/parameters/-"),
            Some(json!({"name": "q", "in": "query", "schema": {"type": "string"}})),
        ),
        (format!("{GET}/summary"), Some(json!("Another text"))),
        (format!("{GET}/responses/404"), Some(json!({"description": "x"}))),
        (
            format!("{SCHEMAS}/Thing/properties/new"),
            Some(json!({"type": "string"})),
        ),
        (format!("{SCHEMAS}/Thing/properties/size/type"), Some(json!("integer"))),
        (format!("{SCHEMAS}/Thing/required/-"), Some(json!("labels"))),
        (
            format!("{SCHEMAS}/NewThing/properties/more"),
            Some(json!({"type": "string"})),
        ),
        (format!("{SCHEMAS}/NewThing/required/0"), None),
        ("/components/parameters/limit/schema/maximum".into(), Some(json!(500))),
        ("/components/parameters/limit/schema/type".into(), Some(json!("number"))),
        (format!("{SCHEMAS}/Unused"), Some(json!({"type": "string"}))),
    ];
    assert_eq!(breaks(&contract(), &contract()), Vec::<String>::new());
    for (pointer, value) in cases {
        assert_eq!(
            breaks(&contract(), &changed(&pointer, value)),
            Vec::<String>::new(),
            "{pointer}"
        );
    }
}
