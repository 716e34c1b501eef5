//! What filters are made of: instants, the beginning of a hash, labels, words.

use serde::{Deserialize, Deserializer, de::Error};
use slipway_store::labels::LabelSelector;
use time::OffsetDateTime;
use time::format_description::well_known::Rfc3339;
use utoipa::ToSchema;

const LABELS_MAX: usize = 20;
const SEARCH_MAX_CHARS: usize = 200;

/// An instant as RFC 3339 writes it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Instant(pub(crate) OffsetDateTime);

impl<'de> Deserialize<'de> for Instant {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        let text = String::deserialize(deserializer)?;
        // A plus sign that nobody escaped arrives as a blank.
        OffsetDateTime::parse(&text.replace(' ', "+"), &Rfc3339)
            .map(|instant| Self(instant.to_offset(time::UtcOffset::UTC)))
            .map_err(|_| D::Error::custom("expected an instant such as 2026-01-31T12:00:00Z"))
    }
}

/// The beginning of a commit's hash, in lower case.
#[derive(Debug, Clone, PartialEq, Eq, ToSchema)]
#[schema(value_type = String, pattern = "^[0-9a-fA-F]{4,64}$")]
pub(crate) struct ShaPrefix(pub(crate) String);

impl<'de> Deserialize<'de> for ShaPrefix {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        let text = String::deserialize(deserializer)?;
        let is_prefix = (4..=64).contains(&text.len()) && text.bytes().all(|byte| byte.is_ascii_hexdigit());
        if is_prefix {
            Ok(Self(text.to_ascii_lowercase()))
        } else {
            Err(D::Error::custom("expected 4 to 64 hexadecimal digits"))
        }
    }
}

/// Which labels: requirements that all must hold, separated by commas. `key=value` or `key==value` wants the label with the
/// value, `key!=value` anything else, also that there is no such label: what Kubernetes calls equality-based.
#[derive(Debug, Clone, Default, PartialEq, Eq, ToSchema)]
#[schema(
    value_type = String,
    pattern = "^[A-Za-z0-9._/-]{1,63}(==?|!=)[A-Za-z0-9._-]{0,63}(,[A-Za-z0-9._/-]{1,63}(==?|!=)[A-Za-z0-9._-]{0,63}){0,19}$"
)]
pub(crate) struct Labelled(pub(crate) LabelSelector);

impl<'de> Deserialize<'de> for Labelled {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        let text = String::deserialize(deserializer)?;
        selector(&text).map(Self).map_err(D::Error::custom)
    }
}

fn selector(text: &str) -> Result<LabelSelector, String> {
    let mut selector = LabelSelector::default();
    let requirements: Vec<&str> = text.split(',').collect();
    if requirements.len() > LABELS_MAX {
        return Err(format!("at most {LABELS_MAX} requirements"));
    }
    for requirement in requirements {
        let Some((key, rest)) = requirement.split_once('=') else {
            return Err("expected `key=value` or `key!=value`, separated by commas".to_owned());
        };
        let (key, is_equal, value) = match key.strip_suffix('!') {
            Some(key) => (key, false, rest),
            None => (key, true, rest.strip_prefix('=').unwrap_or(rest)),
        };
        let legal = |byte: u8| byte.is_ascii_alphanumeric() || matches!(byte, b'.' | b'_' | b'-');
        if !(1..=63).contains(&key.len()) || !key.bytes().all(|byte| legal(byte) || byte == b'/') {
            return Err(format!("`{key}` cannot be the key of a label"));
        }
        if value.len() > 63 || !value.bytes().all(legal) {
            return Err(format!("`{value}` cannot be the value of a label"));
        }
        if is_equal {
            let before = selector.equal.insert(key.to_owned(), value.to_owned());
            if before.is_some_and(|before| before != value) {
                return Err(format!("`{key}` cannot have two values at once"));
            }
        } else {
            selector.different.push((key.to_owned(), value.to_owned()));
        }
    }
    Ok(selector)
}

/// The words of a search, between blanks and ASCII punctuation, as the stored texts are split.
#[derive(Debug, Clone, Default, PartialEq, Eq, ToSchema)]
#[schema(value_type = String, min_length = 1, max_length = 200, pattern = "[^\\x00-/:-@\\[-`{-\\x7f]")]
pub(crate) struct Words(pub(crate) Vec<String>);

impl<'de> Deserialize<'de> for Words {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        let text = String::deserialize(deserializer)?;
        words(&text).map(Self).map_err(D::Error::custom)
    }
}

fn words(text: &str) -> Result<Vec<String>, String> {
    if text.chars().count() > SEARCH_MAX_CHARS {
        return Err(format!("at most {SEARCH_MAX_CHARS} characters"));
    }
    let is_between = |letter: char| letter.is_ascii() && !letter.is_ascii_alphanumeric();
    let words: Vec<String> = text
        .split(is_between)
        .filter(|word| !word.is_empty())
        .map(str::to_owned)
        .collect();
    if words.is_empty() {
        return Err("there is no word in it".to_owned());
    }
    Ok(words)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn selectors() {
        let selector = selector("team=web,tier!=db,example.com/a==,x!=").expect("a selector");
        let equal: Vec<_> = selector.equal.iter().collect();
        assert_eq!(
            equal,
            [
                (&"example.com/a".to_owned(), &String::new()),
                (&"team".to_owned(), &"web".to_owned())
            ]
        );
        assert_eq!(selector.different.len(), 2);
        for broken in [
            "",
            "team",
            "=web",
            "team=web,",
            "team=a,team=b",
            "te am=web",
            "team=ä",
            "a=b=c",
            "a>b",
        ] {
            assert!(super::selector(broken).is_err(), "{broken}");
        }
    }

    #[test]
    fn words_of_a_search() {
        assert_eq!(
            words("feature/Grün-42  it's").expect("words"),
            ["feature", "Grün", "42", "it", "s"]
        );
        for broken in ["", " ", "-/-", &"a".repeat(201)] {
            assert!(words(broken).is_err(), "{broken}");
        }
    }
}
