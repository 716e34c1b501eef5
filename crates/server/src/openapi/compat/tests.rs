//! Each rule on a small document.

use serde_json::{Value, json};

use super::{Untranslatable, to_3_0};

/// A schema on its own, as an answer.
fn answer(schema: Value) -> Result<Value, Untranslatable> {
    let document = to_3_0(json!({
        "openapi": "3.1.0",
        "paths": {"/x": {"get": {"responses": {"200": {
            "description": "x",
            "content": {"application/json": {"schema": schema}},
        }}}}},
    }))?;
    Ok(document["paths"]["/x"]["get"]["responses"]["200"]["content"]["application/json"]["schema"].clone())
}

#[test]
fn schemas_say_the_same_in_the_older_words() {
    let reference = json!({"$ref": "#/components/schemas/Git"});
    let cases = [
        (
            json!({"type": ["string", "null"]}),
            json!({"type": "string", "nullable": true}),
        ),
        (
            json!({"type": ["null", "integer"], "minimum": 0}),
            json!({"type": "integer", "nullable": true, "minimum": 0}),
        ),
        (json!({"type": ["string"]}), json!({"type": "string"})),
        (
            json!({"oneOf": [reference, {"type": "null"}]}),
            json!({"allOf": [reference], "nullable": true}),
        ),
        (
            json!({"description": "d", "anyOf": [{"type": "null"}, reference]}),
            json!({"description": "d", "allOf": [reference], "nullable": true}),
        ),
        (
            json!({"oneOf": [{"type": "null"}, {"$ref": "#/components/schemas/Git", "description": "d"}]}),
            json!({"description": "d", "allOf": [reference], "nullable": true}),
        ),
        (reference.clone(), reference.clone()),
        (
            json!({"$ref": "#/components/schemas/Git", "description": "d"}),
            json!({"allOf": [reference], "description": "d"}),
        ),
        (json!({"const": "x"}), json!({"enum": ["x"]})),
        (
            json!({"type": "string", "examples": ["a", "b"]}),
            json!({"type": "string", "example": "a"}),
        ),
        (json!({"type": "string", "examples": []}), json!({"type": "string"})),
        (
            json!({"exclusiveMinimum": 3}),
            json!({"minimum": 3, "exclusiveMinimum": true}),
        ),
        (
            json!({"exclusiveMaximum": 3}),
            json!({"maximum": 3, "exclusiveMaximum": true}),
        ),
        (
            json!({"type": "object", "propertyNames": {"type": "string"}, "additionalProperties": {"type": ["string", "null"]}}),
            json!({"type": "object", "additionalProperties": {"type": "string", "nullable": true}}),
        ),
        (
            json!({"type": "array", "items": {"const": 1}}),
            json!({"type": "array", "items": {"enum": [1]}}),
        ),
        (json!({"items": true}), json!({"items": {}})),
        (json!({"not": false}), json!({"not": {"not": {}}})),
        (
            json!({"additionalProperties": false}),
            json!({"additionalProperties": false}),
        ),
    ];
    for (newer, older) in cases {
        assert_eq!(answer(newer.clone()).as_ref(), Ok(&older), "{newer}");
    }
}

#[test]
fn a_field_may_be_called_like_a_keyword() {
    let properties = json!({"const": {"type": "string"}, "examples": {"type": "string"}, "$id": {"type": "string"}});
    let translated = answer(json!({"type": "object", "properties": properties})).expect("translated");
    assert_eq!(translated["properties"], properties);
}

#[test]
fn examples_are_data_and_stay_as_they_are() {
    let example = json!({"type": ["string", "null"], "const": 1, "oneOf": [{"type": "null"}]});
    let translated = answer(json!({"type": "object", "examples": [example]})).expect("translated");
    assert_eq!(translated["example"], example);
}

#[test]
fn what_cannot_be_said_is_refused_with_its_place() {
    for schema in [
        json!({"type": ["string", "integer"]}),
        json!({"type": ["string", "integer", "null"]}),
        json!({"type": "null"}),
        json!({"oneOf": [{"type": "string"}, {"type": "integer"}, {"type": "null"}]}),
        json!({"type": "array", "prefixItems": [{"type": "string"}]}),
        json!({"if": {}, "then": {}}),
        json!("string"),
    ] {
        let inner = json!({"type": "object", "properties": {"field": schema}});
        let refused = answer(inner).expect_err("refused");
        assert_eq!(refused.place, "get /x responses.200 application/json.field", "{schema}");
    }
}

#[test]
fn the_head_loses_what_is_newer() {
    let document = json!({
        "openapi": "3.1.0", "jsonSchemaDialect": "x", "webhooks": {}, "$self": "x",
        "info": {"title": "t", "version": "1", "summary": "s", "license": {"name": "MIT", "identifier": "MIT"}},
        "paths": {}, "components": {"pathItems": {}},
    });
    let expected = json!({
        "openapi": "3.0.3",
        "info": {"title": "t", "version": "1", "license": {"name": "MIT"}},
        "paths": {}, "components": {},
    });
    assert_eq!(to_3_0(document), Ok(expected));
}

#[test]
fn only_what_answers_lead_to_is_open_for_new_fields() {
    let object = |properties: Value| json!({"type": "object", "properties": properties});
    let content =
        |name: &str| json!({"application/json": {"schema": {"$ref": format!("#/components/schemas/{name}")}}});
    let document = json!({
        "openapi": "3.1.0",
        "paths": {"/x": {"post": {
            "requestBody": {"content": content("Asked")},
            "responses": {"200": {"description": "x", "content": content("Answered")}},
        }}},
        "components": {"schemas": {
            "Asked": object(json!({"a": {"type": "string"}})),
            "Answered": object(json!({"list": {"type": "array", "items": {"$ref": "#/components/schemas/Item"}}})),
            "Item": object(json!({"inner": object(json!({})), "again": {"$ref": "#/components/schemas/Answered"}})),
            "Labels": {"type": "object", "additionalProperties": {"type": "string"}},
        }},
    });
    let schemas = &to_3_0(document).expect("translated")["components"]["schemas"];
    assert_eq!(schemas["Asked"].get("additionalProperties"), None);
    for open in [
        &schemas["Answered"],
        &schemas["Item"],
        &schemas["Item"]["properties"]["inner"],
    ] {
        assert_eq!(open["additionalProperties"], true, "{open}");
    }
    assert_eq!(schemas["Labels"]["additionalProperties"]["type"], "string");
}

#[test]
fn parameters_and_headers_are_never_null() {
    let nullable = json!({"type": ["string", "null"]});
    let document = json!({
        "openapi": "3.1.0",
        "paths": {"/x": {
            "parameters": [{"name": "a", "in": "query", "schema": nullable}],
            "get": {
                "parameters": [{"name": "b", "in": "header", "schema": {"oneOf": [{"type": "null"}, {"type": "integer"}]}}],
                "responses": {"200": {"description": "x", "headers": {"X": {"schema": nullable}}}},
            },
        }},
    });
    let item = &to_3_0(document).expect("translated")["paths"]["/x"];
    assert_eq!(item["parameters"][0]["schema"], json!({"type": "string"}));
    assert_eq!(
        item["get"]["parameters"][0]["schema"],
        json!({"allOf": [{"type": "integer"}]})
    );
    assert_eq!(
        item["get"]["responses"]["200"]["headers"]["X"]["schema"],
        json!({"type": "string"})
    );
}

#[test]
fn errors_are_ranges_beside_a_success_and_stay_alone_otherwise() {
    let answers = |responses: Value| {
        let document = json!({"openapi": "3.1.0", "paths": {"/x": {"get": {"responses": responses}}}});
        to_3_0(document).expect("translated")["paths"]["/x"]["get"]["responses"].clone()
    };
    let [good, bad, own] = ["good", "bad", "own"].map(|description| json!({"description": description}));
    let cases = [
        (
            json!({"200": good, "default": bad}),
            json!({"200": good, "4XX": bad, "5XX": bad}),
        ),
        (
            json!({"200": good, "5XX": own, "default": bad}),
            json!({"200": good, "4XX": bad, "5XX": own}),
        ),
        (json!({"200": good, "404": bad}), json!({"200": good, "404": bad})),
        (json!({"default": good}), json!({"default": good})),
    ];
    for (newer, older) in cases {
        assert_eq!(answers(newer.clone()), older, "{newer}");
    }
}

#[test]
fn a_stream_is_text() {
    let event = json!({"$ref": "#/components/schemas/Event"});
    let document = json!({
        "openapi": "3.1.0",
        "paths": {"/x": {"get": {"responses": {"200": {"description": "x", "content": {
            "text/event-stream": {"schema": event, "itemSchema": event, "example": {"id": "1"}},
        }}}}}},
    });
    let content = &to_3_0(document).expect("translated")["paths"]["/x"]["get"]["responses"]["200"]["content"];
    assert_eq!(content["text/event-stream"], json!({"schema": {"type": "string"}}));
}
