//! What a running gateway answered, as examples; and the codes that errors have today.
//!
//! `tests/clients/record-examples.mjs` writes the file anew.

use std::collections::BTreeMap;

use serde_json::Value;
use utoipa::ToSchema;
use utoipa::openapi::path::{Operation, PathItem};
use utoipa::openapi::schema::{Object, Schema};
use utoipa::openapi::{OpenApi, RefOr};

use slipway_api::ProblemView;

use crate::problem::Code;

/// What has examples: not streams.
const EXEMPLARY: [&str; 2] = ["application/json", "text/plain"];

const RECORDED: &str = include_str!("examples.json");

/// Puts each example where it belongs. What has none stays without.
pub(super) fn insert(document: &mut OpenApi) {
    let mut recorded: BTreeMap<String, Value> = serde_json::from_str(RECORDED).unwrap_or_default();
    let problem_name = ProblemView::name();
    if let Some(problem) = schema(document, &problem_name) {
        problem.examples.extend(recorded.remove(problem_name.as_ref()));
        list_codes(problem);
    }
    for item in document.paths.paths.values_mut() {
        for operation in operations(item) {
            let example = operation.operation_id.as_ref().and_then(|id| recorded.remove(id));
            let success = operation.responses.responses.iter_mut();
            let success = success
                .filter(|(status, _)| status.starts_with('2'))
                .map(|(_, response)| response);
            for response in success {
                let RefOr::T(response) = response else { continue };
                for (_, content) in response
                    .content
                    .iter_mut()
                    .filter(|(kind, _)| EXEMPLARY.contains(&kind.as_str()))
                {
                    if let RefOr::T(content) = content {
                        content.example.clone_from(&example);
                    }
                }
            }
        }
    }
}

fn list_codes(problem: &mut Object) {
    if let Some(RefOr::T(Schema::Object(code))) = problem.properties.get_mut("code") {
        let codes: Vec<_> = Code::ALL.iter().map(|code| format!("`{}`", code.as_str())).collect();
        let description = code.description.get_or_insert_default();
        description.push_str(&format!(" Today: {}.", codes.join(", ")));
    }
}

fn schema<'a>(document: &'a mut OpenApi, name: &str) -> Option<&'a mut Object> {
    match document.components.as_mut()?.schemas.get_mut(name)? {
        RefOr::T(Schema::Object(object)) => Some(object),
        _ => None,
    }
}

fn operations(item: &mut PathItem) -> impl Iterator<Item = &mut Operation> {
    [
        &mut item.get,
        &mut item.post,
        &mut item.put,
        &mut item.patch,
        &mut item.delete,
    ]
    .into_iter()
    .flatten()
}
