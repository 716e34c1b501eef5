//! The JSON schema of a configuration file: for editors, and as a list of all keys. Made by the code that reads the keys, with
//! the words of `default.toml`.

use std::collections::BTreeMap;

use serde_json::{Map, Value as Json, json};

use crate::documentation::Documentation;
use crate::keys::{ANY, Keys, Kind, Section};
use crate::node::{self, Node, Table, Value};
use crate::reader::Notes;
use crate::{DEFAULTS, Faults, ProviderKeys, sections};

/// Sections that stand in a list.
const LISTS: [&str; 4] = ["accounts", "status_mappings", "rules", "freezes"];

/// The schema, as JSON Schema 2020-12, for these adapters.
pub fn schema(providers: &[ProviderKeys]) -> String {
    let defaults = node::parse(DEFAULTS, "built-in defaults", &mut Faults::default());
    let keys = keys(&defaults, providers);
    let schema = Maker {
        keys: &keys,
        texts: &Documentation::of(DEFAULTS),
    };
    let mut text = serde_json::to_string_pretty(&schema.whole(&defaults)).unwrap_or_default();
    text.push('\n');
    text
}

/// Reads a configuration in which every section stands, to see which keys are asked for.
fn keys(defaults: &Table, providers: &[ProviderKeys]) -> Keys {
    let mut root = defaults.clone();
    let item = |keys: Table| Node::unwritten(Value::Table(keys));
    let account = |provider: &ProviderKeys| {
        let name = Node::unwritten(Value::String(provider.name.to_owned()));
        item(Table::from([("provider".to_owned(), name)]))
    };
    for list in LISTS {
        let items = match list {
            "accounts" => providers.iter().map(account).collect(),
            _ => vec![item(Table::new())],
        };
        root.insert(list.to_owned(), Node::unwritten(Value::Array(items)));
    }
    let mut keys = Keys::default();
    let notes = Notes {
        environment: &BTreeMap::new(),
        faults: &mut Faults::default(),
        keys: Some(&mut keys),
    };
    // The values are of no interest.
    let _ = sections::read(root, providers, notes);
    keys
}

struct Maker<'a> {
    keys: &'a Keys,
    texts: &'a Documentation,
}

impl Maker<'_> {
    fn whole(&self, defaults: &Table) -> Json {
        let mut properties = Map::new();
        for name in self.keys.sections.keys().filter(|name| !name.contains('.')) {
            let (name, made) = match name.strip_suffix("[]") {
                Some(list) => (list, json!({"type": "array", "items": self.section(name, None)})),
                None => (name.as_str(), self.section(name, table(defaults.get(name)))),
            };
            properties.insert(name.to_owned(), made);
        }
        json!({
            "$schema": "https://json-schema.org/draft/2020-12/schema",
            "title": "The configuration of Slipway",
            "type": "object",
            "properties": properties,
            "additionalProperties": false,
        })
    }

    fn section(&self, name: &str, defaults: Option<&Table>) -> Json {
        let none = Section::default();
        let section = self.keys.sections.get(name).unwrap_or(&none);
        let mut made = json!({"type": "object"});
        if let Some(text) = self.texts.of_section(name) {
            made["description"] = text.into();
        }
        if let Some(kind) = section.kinds.get(ANY) {
            made["additionalProperties"] = value(kind);
            return made;
        }
        let mut properties = Map::new();
        for (key, kind) in &section.kinds {
            let default = defaults.and_then(|defaults| defaults.get(key));
            let mut property = match kind {
                Kind::Section => self.section(&format!("{name}.{key}"), table(default)),
                kind => value(kind),
            };
            if let Some(text) = self.texts.of_key(name, key) {
                property["description"] = text.into();
            }
            if let Some(default) = default.and_then(|node| default_of(&node.value)) {
                property["default"] = default;
            }
            properties.insert(key.clone(), property);
        }
        made["properties"] = properties.into();
        made["additionalProperties"] = false.into();
        // What has a default is there, whatever a file says.
        let has_default = |key: &&String| defaults.is_some_and(|defaults| defaults.contains_key(*key));
        let required: Vec<&String> = section.required.iter().filter(|key| !has_default(key)).collect();
        let (secrets, plain): (Vec<_>, Vec<_>) = required
            .into_iter()
            .partition(|key| section.kinds.get(*key) == Some(&Kind::Secret));
        if !plain.is_empty() {
            made["required"] = json!(plain);
        }
        if !secrets.is_empty() {
            let ways = |key: &&String| {
                let ways = ["", "_file", "_env"].map(|way| json!({"required": [format!("{key}{way}")]}));
                json!({"oneOf": ways})
            };
            made["allOf"] = secrets.iter().map(ways).collect();
        }
        made
    }
}

fn table(node: Option<&Node>) -> Option<&Table> {
    match &node?.value {
        Value::Table(table) => Some(table),
        _ => None,
    }
}

fn value(kind: &Kind) -> Json {
    match kind {
        Kind::Text | Kind::SecretFile | Kind::SecretVariable => json!({"type": "string"}),
        Kind::Secret => json!({"type": "string", "writeOnly": true}),
        Kind::Url => json!({"type": "string", "format": "uri"}),
        Kind::Duration => json!({"type": "string", "pattern": "^[0-9]+\\s*(ms|s|m|h|d)$"}),
        Kind::Boolean => json!({"type": "boolean"}),
        Kind::Integer(range) => json!({"type": "integer", "minimum": range.start(), "maximum": range.end()}),
        Kind::Choice(choices) => json!({"type": "string", "enum": choices}),
        Kind::List => json!({"type": "array", "items": {"type": "string"}}),
        Kind::Section => json!({"type": "object"}),
    }
}

fn default_of(value: &Value) -> Option<Json> {
    Some(match value {
        Value::String(text) => text.as_str().into(),
        Value::Integer(number) => (*number).into(),
        Value::Boolean(value) => (*value).into(),
        Value::Array(items) => items
            .iter()
            .map(|item| default_of(&item.value))
            .collect::<Option<_>>()?,
        Value::Table(_) | Value::Other(_) => return None,
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    const PROVIDERS: [ProviderKeys; 2] = [
        ProviderKeys {
            name: "one",
            keys: &["base_url"],
        },
        ProviderKeys {
            name: "two",
            keys: &["region"],
        },
    ];

    #[test]
    fn every_key_of_the_defaults_is_in_the_schema_and_the_other_way_round() {
        let texts = Documentation::of(DEFAULTS);
        let defaults = node::parse(DEFAULTS, "built-in defaults", &mut Faults::default());
        let real = [
            ProviderKeys {
                name: "cloud66",
                keys: &["base_url", "dashboard_url"],
            },
            ProviderKeys {
                name: "scalingo",
                keys: &["region", "api_url", "auth_url", "dashboard_url", "source_url_template"],
            },
        ];
        let keys = keys(&defaults, &real);
        for (section, key) in texts.keys() {
            let known = keys
                .sections
                .get(section)
                .unwrap_or_else(|| panic!("{section} is no section"));
            let is_known = known.kinds.contains_key(key) || known.kinds.contains_key(ANY);
            assert!(is_known, "default.toml has {section}.{key}, which nobody reads");
        }
        for (section, known) in &keys.sections {
            for (key, kind) in known.kinds.iter().filter(|(key, _)| *key != ANY) {
                let word = match kind {
                    // A secret is explained once, in one of its three ways.
                    Kind::Secret | Kind::SecretFile | Kind::SecretVariable => {
                        key.trim_end_matches("_file").trim_end_matches("_env")
                    }
                    _ => key,
                };
                assert!(
                    texts.mentions(section, word),
                    "default.toml does not explain {section}.{key}"
                );
            }
        }
    }

    #[test]
    fn the_schema_says_what_is_taken() {
        let schema: Json = serde_json::from_str(&schema(&PROVIDERS)).expect("JSON");
        let of = |pointer: &str| schema.pointer(pointer).unwrap_or_else(|| panic!("{pointer}"));
        assert_eq!(of("/properties/server/additionalProperties"), false);
        assert_eq!(of("/properties/server/properties/listen/default"), "127.0.0.1:8080");
        let account = of("/properties/accounts/items");
        assert_eq!(account["required"], json!(["name", "provider"]));
        assert_eq!(account["allOf"][0]["oneOf"][1]["required"][0], "token_file");
        assert_eq!(account["properties"]["provider"]["enum"], json!(["one", "two"]));
        assert!(account["properties"]["base_url"].is_object() && account["properties"]["region"].is_object());
        assert_eq!(
            of("/properties/rules/items/properties/labels/additionalProperties/type"),
            "string"
        );
        assert_eq!(
            of("/properties/auth/properties/oidc/required"),
            &json!(["audience", "issuer"])
        );
    }
}
