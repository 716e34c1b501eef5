//! Breaks inside of one schema.

use std::collections::BTreeSet;

use serde_json::Value;

use super::{entries, resolve};

/// Who writes what a schema describes.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub(super) enum Direction {
    /// The client: what was taken must still be taken.
    Request,
    /// The server: nothing may come that could not come before.
    Response,
}

/// Two documents, and what was found between them.
pub(super) struct Comparison<'a> {
    pub(super) old: &'a Value,
    pub(super) new: &'a Value,
    pub(super) found: Vec<String>,
    /// Named schemas are compared once in each direction, which also ends recursion.
    done: BTreeSet<(String, String, Direction)>,
}

impl<'a> Comparison<'a> {
    pub(super) fn new(old: &'a Value, new: &'a Value) -> Self {
        Self {
            old,
            new,
            found: Vec::new(),
            done: BTreeSet::new(),
        }
    }

    pub(super) fn report(&mut self, place: &str, what: &str) {
        self.found.push(format!("{place} {what}"));
    }

    pub(super) fn schemas(&mut self, place: &str, direction: Direction, old: &Value, new: &Value) {
        let (old, new) = (Shape::of(self.old, old), Shape::of(self.new, new));
        if let (Some(old_name), Some(new_name)) = (old.name, new.name) {
            if old_name != new_name {
                self.report(place, &format!("is of the schema {new_name} instead of {old_name}"));
            }
            // Null stands beside the name, so it is looked at each time.
            if !self.done.insert((old_name.to_owned(), new_name.to_owned(), direction)) {
                self.types(place, direction, &old, &new);
                return;
            }
        }
        self.types(place, direction, &old, &new);
        self.values(place, direction, old.schema, new.schema);
        self.fields(place, direction, old.schema, new.schema);
        for keyword in ["format", "oneOf", "anyOf", "allOf"] {
            // The choice between something and null is part of the types.
            if old.schema.get(keyword) != new.schema.get(keyword) {
                self.report(place, &format!("has another {keyword}"));
            }
        }
        if direction == Direction::Request {
            self.limits(place, old.schema, new.schema);
        }
        for (keyword, suffix) in [("items", "[]"), ("additionalProperties", ".*")] {
            if let (Some(old), Some(new)) = (old.schema.get(keyword), new.schema.get(keyword)) {
                self.schemas(&format!("{place}{suffix}"), direction, old, new);
            }
        }
    }

    fn types(&mut self, place: &str, direction: Direction, old: &Shape<'_>, new: &Shape<'_>) {
        let (from, to) = match direction {
            Direction::Request => (&old.types, &new.types),
            Direction::Response => (&new.types, &old.types),
        };
        // No type at all stands for any.
        let fits = match (from, to) {
            (_, None) => true,
            (None, Some(_)) => false,
            (Some(from), Some(to)) => from
                .iter()
                .all(|name| to.contains(name) || (*name == "integer" && to.contains("number"))),
        };
        if !fits {
            self.report(
                place,
                &format!("is {} instead of {}", show(&new.types), show(&old.types)),
            );
        }
    }

    fn values(&mut self, place: &str, direction: Direction, old: &Value, new: &Value) {
        match (direction, values(old), values(new)) {
            (_, None, None) | (Direction::Response, None, Some(_)) | (Direction::Request, Some(_), None) => {}
            (Direction::Response, Some(_), None) => self.report(place, "can be any value now"),
            (Direction::Request, None, Some(_)) => self.report(place, "is limited to some values now"),
            (Direction::Response, Some(old), Some(new)) => {
                for value in new.iter().filter(|value| !old.contains(value)) {
                    self.report(place, &format!("can be {value} now"));
                }
            }
            (Direction::Request, Some(old), Some(new)) => {
                for value in old.iter().filter(|value| !new.contains(value)) {
                    self.report(place, &format!("cannot be {value} any more"));
                }
            }
        }
    }

    fn fields(&mut self, place: &str, direction: Direction, old: &Value, new: &Value) {
        for (name, old_field) in entries(&old["properties"]) {
            let place = format!("{place}.{name}");
            let Some(new_field) = new["properties"].get(name) else {
                self.report(&place, "is gone");
                continue;
            };
            if direction == Direction::Response && is_required(old, name) && !is_required(new, name) {
                self.report(&place, "may be missing now");
            }
            self.schemas(&place, direction, old_field, new_field);
        }
        if direction == Direction::Request {
            let names = new["required"]
                .as_array()
                .into_iter()
                .flatten()
                .filter_map(Value::as_str);
            for name in names.filter(|name| !is_required(old, name)) {
                self.report(&format!("{place}.{name}"), "is required now");
            }
            if new["additionalProperties"] == false && old["additionalProperties"] != false {
                self.report(place, "takes no other fields any more");
            }
        }
    }

    fn limits(&mut self, place: &str, old: &Value, new: &Value) {
        for keyword in ["minimum", "minLength", "minItems", "exclusiveMinimum"] {
            if let Some(new) = new[keyword].as_f64()
                && old[keyword].as_f64().is_none_or(|old| old < new)
            {
                self.report(place, &format!("has the {keyword} {new} now"));
            }
        }
        for keyword in ["maximum", "maxLength", "maxItems", "exclusiveMaximum"] {
            if let Some(new) = new[keyword].as_f64()
                && old[keyword].as_f64().is_none_or(|old| old > new)
            {
                self.report(place, &format!("has the {keyword} {new} now"));
            }
        }
        if new.get("pattern").is_some() && new["pattern"] != old["pattern"] {
            self.report(place, "has another pattern");
        }
    }
}

/// A schema without its name and without null.
struct Shape<'a> {
    name: Option<&'a str>,
    schema: &'a Value,
    /// None stands for any type.
    types: Option<BTreeSet<&'a str>>,
}

impl<'a> Shape<'a> {
    fn of(document: &'a Value, value: &'a Value) -> Self {
        let (value, is_nullable) = without_null(value);
        let name = value["$ref"]
            .as_str()
            .and_then(|reference| reference.rsplit('/').next());
        let schema = resolve(document, value);
        let mut types = match &schema["type"] {
            Value::String(name) => Some(BTreeSet::from([name.as_str()])),
            Value::Array(names) => Some(names.iter().filter_map(Value::as_str).collect()),
            _ => None,
        };
        if let Some(types) = types.as_mut().filter(|_| is_nullable) {
            types.insert("null");
        }
        Self { name, schema, types }
    }
}

/// The other one of a choice between something and null, and whether there was such a choice.
fn without_null(value: &Value) -> (&Value, bool) {
    for keyword in ["oneOf", "anyOf"] {
        if let Some([one, other]) = value[keyword].as_array().map(Vec::as_slice) {
            match (&one["type"], &other["type"]) {
                (_, Value::String(name)) if name == "null" => return (one, true),
                (Value::String(name), _) if name == "null" => return (other, true),
                _ => {}
            }
        }
    }
    (value, false)
}

fn values(schema: &Value) -> Option<Vec<&Value>> {
    match (schema.get("const"), &schema["enum"]) {
        (Some(constant), _) => Some(vec![constant]),
        (None, Value::Array(values)) => Some(values.iter().collect()),
        _ => None,
    }
}

fn is_required(schema: &Value, name: &str) -> bool {
    schema["required"]
        .as_array()
        .is_some_and(|names| names.iter().any(|required| required == name))
}

fn show(types: &Option<BTreeSet<&str>>) -> String {
    types.as_ref().map_or_else(
        || "anything".to_owned(),
        |types| types.iter().copied().collect::<Vec<_>>().join(" or "),
    )
}
