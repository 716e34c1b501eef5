//! What a subject of an issuer sees, as its claims say.

use serde_json::{Map, Value};
use slipway_store::Visibility;
use uuid::Uuid;

/// How many values a claim has at most.
const VALUES_MAX: usize = 1_000;

/// How long a value is at most, in bytes.
const VALUE_BYTES_MAX: usize = 255;

/// Stands for everything there is.
const EVERYTHING: &str = "*";

/// Which claim names what a subject sees. Where one is configured, it must be there: one name, or a list of names, or `*` for
/// everything. A token without it, or with anything else in it, shows nothing. What has no claim is not restricted.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct OidcRestrictions {
    /// Names kinds of platform.
    pub providers: Option<String>,
    /// Names accounts.
    pub accounts: Option<String>,
    /// Names applications by their ids.
    pub applications: Option<String>,
    /// Names environments.
    pub environments: Option<String>,
}

impl OidcRestrictions {
    pub(super) fn visibility(&self, claims: &Map<String, Value>) -> Visibility {
        let read = |claim: &Option<String>| match claim {
            // Not restricted.
            None => Some(Vec::new()),
            Some(claim) => names(claims.get(claim)?),
        };
        let visibility = || {
            let applications = read(&self.applications)?;
            Some(Visibility {
                providers: read(&self.providers)?,
                accounts: read(&self.accounts)?,
                applications: applications
                    .iter()
                    .map(|text| Uuid::try_parse(text).ok())
                    .collect::<Option<Vec<_>>>()?,
                environments: read(&self.environments)?,
            })
        };
        visibility().unwrap_or_else(Visibility::nothing)
    }
}

/// The names in a claim: an empty list for all there are, none where it cannot be understood.
fn names(claim: &Value) -> Option<Vec<String>> {
    let texts: Vec<&str> = match claim {
        // One name, whole: names may have blanks in them, and half a name could be another's.
        Value::String(text) => vec![text],
        Value::Array(values) => values.iter().map(Value::as_str).collect::<Option<_>>()?,
        _ => return None,
    };
    let is_odd =
        |text: &&str| text.trim().is_empty() || text.len() > VALUE_BYTES_MAX || text.chars().any(char::is_control);
    if texts.is_empty() || texts.len() > VALUES_MAX || texts.iter().any(is_odd) {
        return None;
    }
    if texts.contains(&EVERYTHING) {
        return Some(Vec::new());
    }
    Some(texts.into_iter().map(ToOwned::to_owned).collect())
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    fn seen(claims: &Value) -> Visibility {
        let restrictions = OidcRestrictions {
            accounts: Some("accounts".to_owned()),
            applications: Some("apps".to_owned()),
            ..OidcRestrictions::default()
        };
        restrictions.visibility(claims.as_object().unwrap())
    }

    #[test]
    fn names_restrict_and_a_star_does_not() {
        let id = Uuid::from_u128(7);
        let visibility = seen(&json!({"accounts": "main eu", "apps": [id]}));
        assert_eq!(visibility.accounts, ["main eu"]);
        assert_eq!(visibility.applications, [id]);
        assert!(visibility.providers.is_empty() && visibility.environments.is_empty());
        assert!(seen(&json!({"accounts": "*", "apps": ["*"]})).is_everything());
        assert!(OidcRestrictions::default().visibility(&Map::new()).is_everything());
    }

    #[test]
    fn whatever_cannot_be_understood_shows_nothing() {
        let id = Uuid::from_u128(7).to_string();
        for claims in [
            json!({}),
            json!({"accounts": "main"}),
            json!({"accounts": null, "apps": "*"}),
            json!({"accounts": "", "apps": "*"}),
            json!({"accounts": " ", "apps": "*"}),
            json!({"accounts": [], "apps": "*"}),
            json!({"accounts": [""], "apps": "*"}),
            json!({"accounts": ["*", ""], "apps": "*"}),
            json!({"accounts": ["main", 7], "apps": "*"}),
            json!({"accounts": [["*"]], "apps": "*"}),
            json!({"accounts": {"*": true}, "apps": "*"}),
            json!({"accounts": true, "apps": "*"}),
            json!({"accounts": 1, "apps": "*"}),
            json!({"accounts": "a\u{0}b", "apps": "*"}),
            json!({"accounts": "a".repeat(256), "apps": "*"}),
            json!({"accounts": vec!["a"; 1_001], "apps": "*"}),
            json!({"accounts": "main", "apps": "shop"}),
            json!({"accounts": "main", "apps": [id, "shop"]}),
            json!({"Accounts": "*", "apps": "*"}),
        ] {
            assert_eq!(seen(&claims), Visibility::nothing(), "{claims}");
        }
        let nothing = Visibility::nothing();
        assert!(!nothing.is_everything() && !nothing.may_show_account("scalingo", "main"));
    }
}
