//! What a change of the contract breaks for programs that were written against the older one.
//!
//! Judged from the client's side: what it sends must still be taken, what it receives must still be what it was told,
//! and the names that generators make classes and functions of must stay.

mod schema;

use std::collections::BTreeMap;

use serde_json::{Map, Value};

use self::schema::{Comparison, Direction};

const METHODS: [&str; 7] = ["get", "put", "post", "delete", "options", "head", "patch"];

/// One sentence for each break, with its place; nothing for a change that only adds.
pub(crate) fn breaks(old: &Value, new: &Value) -> Vec<String> {
    let mut comparison = Comparison::new(old, new);
    for (path, old_item) in entries(&old["paths"]) {
        for (method, old_operation) in METHODS
            .iter()
            .filter_map(|method| Some((*method, old_item.get(method)?)))
        {
            let place = format!("{} {path}", method.to_uppercase());
            match new["paths"]
                .get(path)
                .and_then(|item| item.get(method).map(|operation| (item, operation)))
            {
                None => comparison.report(&place, "is gone"),
                Some((new_item, new_operation)) => {
                    comparison.operation(&place, [old_item, old_operation], [new_item, new_operation]);
                }
            }
        }
    }
    comparison.found
}

impl Comparison<'_> {
    /// Each side is the path item and the operation.
    fn operation(&mut self, place: &str, old: [&Value; 2], new: [&Value; 2]) {
        for (keyword, what) in [("operationId", "is called"), ("tags", "is tagged")] {
            if old[1][keyword] != new[1][keyword] {
                self.report(
                    place,
                    &format!("{what} {} instead of {}", new[1][keyword], old[1][keyword]),
                );
            }
        }
        self.parameters(place, &parameters(self.old, old), &parameters(self.new, new));
        self.request_body(place, &old[1]["requestBody"], &new[1]["requestBody"]);
        self.responses(place, &old[1]["responses"], &new[1]["responses"]);
    }

    fn parameters(&mut self, place: &str, old: &Parameters<'_>, new: &Parameters<'_>) {
        for ((location, name), old_parameter) in old {
            let place = format!("{place} {location} parameter {name}");
            let Some(new_parameter) = new.get(&(*location, *name)) else {
                self.report(&place, "is gone");
                continue;
            };
            if is_required(new_parameter) && !is_required(old_parameter) {
                self.report(&place, "is required now");
            }
            for keyword in ["style", "explode"] {
                if old_parameter[keyword] != new_parameter[keyword] {
                    self.report(&place, &format!("is written in another {keyword}"));
                }
            }
            self.schemas(
                &place,
                Direction::Request,
                &old_parameter["schema"],
                &new_parameter["schema"],
            );
        }
        for ((location, name), parameter) in new {
            if is_required(parameter) && !old.contains_key(&(*location, *name)) {
                self.report(&format!("{place} {location} parameter {name}"), "is new and required");
            }
        }
    }

    fn request_body(&mut self, place: &str, old: &Value, new: &Value) {
        let place = format!("{place} request");
        let (old, new) = (resolve(self.old, old), resolve(self.new, new));
        match (old.is_object(), new.is_object()) {
            (true, false) => self.report(&place, "takes no body any more"),
            (_, true) if is_required(new) && !is_required(old) => self.report(&place, "needs a body now"),
            _ => {}
        }
        if new.is_object() {
            self.content(&place, Direction::Request, old, new);
        }
    }

    fn responses(&mut self, place: &str, old: &Value, new: &Value) {
        for (status, old_response) in entries(old) {
            let place = format!("{place} {status}");
            let Some(new_response) = new.get(status) else {
                self.report(&place, "is gone");
                continue;
            };
            let (old_response, new_response) = (resolve(self.old, old_response), resolve(self.new, new_response));
            for (name, old_header) in entries(&old_response["headers"]) {
                let place = format!("{place} header {name}");
                match new_response["headers"].get(name) {
                    None => self.report(&place, "is gone"),
                    Some(new_header) => {
                        let (old_header, new_header) = (resolve(self.old, old_header), resolve(self.new, new_header));
                        self.schemas(
                            &place,
                            Direction::Response,
                            &old_header["schema"],
                            &new_header["schema"],
                        );
                    }
                }
            }
            self.content(&place, Direction::Response, old_response, new_response);
        }
        for (status, _) in entries(new).filter(|(status, _)| status.starts_with('2')) {
            if old.get(status).is_none() {
                self.report(&format!("{place} {status}"), "is a new way to succeed");
            }
        }
    }

    fn content(&mut self, place: &str, direction: Direction, old: &Value, new: &Value) {
        for (media_type, old_content) in entries(&old["content"]) {
            let place = format!("{place} {media_type}");
            match new["content"].get(media_type) {
                None => self.report(&place, "is gone"),
                Some(new_content) => {
                    self.schemas(&place, direction, &old_content["schema"], &new_content["schema"]);
                }
            }
        }
    }
}

type Parameters<'a> = BTreeMap<(&'a str, &'a str), &'a Value>;

/// Those of the path and those of the operation, which win, by place and name.
fn parameters<'a>(document: &'a Value, levels: [&'a Value; 2]) -> Parameters<'a> {
    let lists = levels.into_iter().filter_map(|level| level["parameters"].as_array());
    let resolved = lists.flatten().map(|parameter| resolve(document, parameter));
    resolved
        .filter_map(|parameter| Some(((parameter["in"].as_str()?, parameter["name"].as_str()?), parameter)))
        .collect()
}

fn is_required(value: &Value) -> bool {
    value["required"] == true
}

/// What a reference names; anything else is itself.
fn resolve<'a>(document: &'a Value, value: &'a Value) -> &'a Value {
    let reference = value["$ref"].as_str().and_then(|reference| reference.strip_prefix('#'));
    reference.map_or(value, |pointer| document.pointer(pointer).unwrap_or(&Value::Null))
}

fn entries(value: &Value) -> impl Iterator<Item = (&String, &Value)> {
    value.as_object().into_iter().flat_map(Map::iter)
}

#[cfg(test)]
mod tests;
