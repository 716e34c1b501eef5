//! Takes typed values out of a section, notes every fault, and in the end refuses what nobody took.

use std::collections::BTreeMap;
use std::net::SocketAddr;
use std::ops::RangeInclusive;
use std::time::Duration;

use url::Url;

use crate::node::{Node, Table, Value};
use crate::{Faults, Secret};

/// One section while it is read.
pub(crate) struct Reader<'a> {
    /// The section's name, for faults; `accounts[2]` for a list's.
    name: String,
    /// Where the section begins.
    place: String,
    table: Table,
    known: Vec<String>,
    environment: &'a BTreeMap<String, String>,
    faults: &'a mut Faults,
}

/// A value with the place that a fault about it names.
pub(crate) struct Taken<T> {
    pub(crate) value: T,
    pub(crate) place: String,
}

impl<'a> Reader<'a> {
    pub(crate) fn new(
        name: impl Into<String>,
        place: impl Into<String>,
        table: Table,
        environment: &'a BTreeMap<String, String>,
        faults: &'a mut Faults,
    ) -> Self {
        Self {
            name: name.into(),
            place: place.into(),
            table,
            known: Vec::new(),
            environment,
            faults,
        }
    }

    pub(crate) fn place(&self) -> &str {
        &self.place
    }

    pub(crate) fn fault(&mut self, place: &str, key: &str, message: impl Into<String>) {
        self.faults.push(place, format!("{}.{key}", self.name), message);
    }

    fn take(&mut self, key: &str) -> Option<Node> {
        self.known.push(key.to_owned());
        self.table.remove(key)
    }

    /// A text; an empty one counts as absent, so that a lower layer's value can be taken away.
    pub(crate) fn string(&mut self, key: &str) -> Option<Taken<String>> {
        let node = self.take(key)?;
        let place = node.origin.to_string();
        match node.value {
            Value::String(text) if text.trim().is_empty() => None,
            Value::String(text) => Some(Taken { value: text, place }),
            other => {
                self.fault(&place, key, format!("must be a string, not {}", other.type_name()));
                None
            }
        }
    }

    fn parsed<T>(&mut self, key: &str, wanted: &str, parse: impl FnOnce(&str) -> Option<T>) -> Option<T> {
        let Taken { value, place } = self.string(key)?;
        let parsed = parse(value.trim());
        if parsed.is_none() {
            self.fault(&place, key, format!("must be {wanted}, not `{value}`"));
        }
        parsed
    }

    pub(crate) fn required<T>(&mut self, key: &str, value: Option<T>) -> Option<T> {
        // A value of a wrong kind was there: that is a fault already.
        if value.is_none()
            && !self
                .faults
                .iter()
                .any(|fault| fault.key == format!("{}.{key}", self.name))
        {
            let place = self.place.clone();
            self.fault(&place, key, "is missing");
        }
        value
    }

    pub(crate) fn address(&mut self, key: &str) -> Option<SocketAddr> {
        self.parsed(key, "an address with a port such as 127.0.0.1:8080", |text| {
            // `:8080` is what people write for "here, on that port".
            let text = text
                .strip_prefix(':')
                .map_or(text.to_owned(), |port| format!("127.0.0.1:{port}"));
            text.parse().ok()
        })
    }

    pub(crate) fn duration(&mut self, key: &str, range: RangeInclusive<Duration>) -> Option<Duration> {
        let wanted = format!(
            "a time from {:?} to {:?}, such as 500ms, 30s, 5m, 1h or 7d",
            range.start(),
            range.end()
        );
        self.parsed(key, &wanted, |text| {
            let digits = text.find(|letter: char| !letter.is_ascii_digit())?;
            let number: u64 = text[..digits].parse().ok()?;
            let duration = match text[digits..].trim() {
                "ms" => Duration::from_millis(number),
                "s" => Duration::from_secs(number),
                "m" => Duration::from_secs(number.checked_mul(60)?),
                "h" => Duration::from_secs(number.checked_mul(3_600)?),
                "d" => Duration::from_secs(number.checked_mul(86_400)?),
                _ => return None,
            };
            range.contains(&duration).then_some(duration)
        })
    }

    pub(crate) fn integer(&mut self, key: &str, range: RangeInclusive<i64>) -> Option<i64> {
        let node = self.take(key)?;
        let number = match &node.value {
            Value::Integer(number) => Some(*number),
            // The environment has nothing but strings.
            Value::String(text) => text.trim().parse().ok(),
            _ => None,
        };
        let number = number.filter(|number| range.contains(number));
        if number.is_none() {
            let message = format!("must be a whole number from {} to {}", range.start(), range.end());
            self.fault(&node.origin.to_string(), key, message);
        }
        number
    }

    pub(crate) fn boolean(&mut self, key: &str) -> Option<Taken<bool>> {
        let node = self.take(key)?;
        let place = node.origin.to_string();
        let value = match &node.value {
            Value::Boolean(value) => Some(*value),
            // The environment has nothing but strings.
            Value::String(text) => text.trim().parse().ok(),
            _ => None,
        };
        if value.is_none() {
            self.fault(&place, key, "must be true or false");
        }
        value.map(|value| Taken { value, place })
    }

    /// A list of texts; in the environment they are separated by commas. Each that `parse` does not take is a fault.
    pub(crate) fn list<T>(&mut self, key: &str, wanted: &str, parse: impl Fn(&str) -> Option<T>) -> Vec<T> {
        let Some(node) = self.take(key) else { return Vec::new() };
        let place = node.origin.to_string();
        let items: Vec<(String, Option<String>)> = match node.value {
            Value::String(text) => text
                .split(',')
                .filter(|part| !part.trim().is_empty())
                .map(|part| (place.clone(), Some(part.trim().to_owned())))
                .collect(),
            Value::Array(items) => items
                .into_iter()
                .map(|item| match item.value {
                    Value::String(text) => (item.origin.to_string(), Some(text.trim().to_owned())),
                    _ => (item.origin.to_string(), None),
                })
                .collect(),
            other => {
                self.fault(&place, key, format!("must be a list, not {}", other.type_name()));
                return Vec::new();
            }
        };
        let mut taken = Vec::new();
        for (place, text) in items {
            match text.as_deref().and_then(&parse) {
                Some(value) => taken.push(value),
                None => self.fault(
                    &place,
                    key,
                    format!("must hold {wanted}, not `{}`", text.unwrap_or_default()),
                ),
            }
        }
        taken
    }

    /// A URL of a server: https, or http on this machine, without user, query and fragment.
    pub(crate) fn server_url(&mut self, key: &str) -> Option<Url> {
        self.parsed(key, "a URL such as https://slipway.example.com", server_url)
    }

    /// What stands in a section below this one; none without it.
    pub(crate) fn section(&mut self, key: &str) -> Option<Reader<'_>> {
        let node = self.take(key)?;
        let place = node.origin.to_string();
        match node.value {
            Value::Table(table) => Some(Reader::new(
                format!("{}.{key}", self.name),
                place,
                table,
                self.environment,
                self.faults,
            )),
            other => {
                self.fault(&place, key, format!("must be a section, not {}", other.type_name()));
                None
            }
        }
    }

    /// The keys that nobody took yet, for sections whose keys are the operator's own words.
    pub(crate) fn remaining_keys(&self) -> Vec<String> {
        self.table.keys().cloned().collect()
    }

    pub(crate) fn choice<T: Copy>(&mut self, key: &str, choices: &[(&str, T)]) -> Option<T> {
        let names: Vec<_> = choices.iter().map(|(name, _)| format!("`{name}`")).collect();
        let wanted = format!("one of {}", names.join(", "));
        self.parsed(key, &wanted, |text| {
            choices
                .iter()
                .find(|(name, _)| *name == text)
                .map(|(_, choice)| *choice)
        })
    }

    /// A secret that stands here (`key`), in a file (`key_file`) or in an environment variable (`key_env`). The faults
    /// never quote it.
    pub(crate) fn secret(&mut self, key: &str) -> Option<Taken<Secret>> {
        let (in_file, in_variable) = (format!("{key}_file"), format!("{key}_env"));
        let inline = self.string(key);
        let file = self.string(&in_file);
        let variable = self.string(&in_variable);
        // SLIPWAY_…__TOKEN in the environment wins over whatever way the file has chosen.
        if let Some(inline) = &inline
            && (inline.place.starts_with("environment variable") || (file.is_none() && variable.is_none()))
        {
            return Some(Taken {
                value: Secret::new(&inline.value),
                place: inline.place.clone(),
            });
        }
        match (inline, file, variable) {
            (None, Some(file), None) => match std::fs::read_to_string(&file.value) {
                Ok(text) if text.trim().is_empty() => {
                    self.fault(&file.place, &in_file, format!("`{}` is empty", file.value));
                    None
                }
                Ok(text) => Some(Taken {
                    value: Secret::new(text),
                    place: file.place,
                }),
                Err(error) => {
                    self.fault(
                        &file.place,
                        &in_file,
                        format!("`{}` cannot be read: {error}", file.value),
                    );
                    None
                }
            },
            (None, None, Some(variable)) => {
                let found = self
                    .environment
                    .get(&variable.value)
                    .filter(|value| !value.trim().is_empty());
                if found.is_none() {
                    let message = format!("the environment variable `{}` is not set", variable.value);
                    self.fault(&variable.place, &in_variable, message);
                }
                found.map(|found| Taken {
                    value: Secret::new(found),
                    place: variable.place,
                })
            }
            (None, None, None) => None,
            _ => {
                let place = self.place.clone();
                self.fault(
                    &place,
                    key,
                    format!("give one of `{key}`, `{in_file}` and `{in_variable}`, not several"),
                );
                None
            }
        }
    }

    /// As [`Reader::secret`], a fault if there is none.
    pub(crate) fn required_secret(&mut self, key: &str) -> Option<Taken<Secret>> {
        let before = self.faults.iter().count();
        let secret = self.secret(key);
        if secret.is_none() && self.faults.iter().count() == before {
            let place = self.place.clone();
            self.fault(
                &place,
                key,
                format!("is missing: give `{key}`, `{key}_file` or `{key}_env`"),
            );
        }
        secret
    }

    /// A secret that is a PostgreSQL URL.
    pub(crate) fn database_url(&mut self, key: &str) -> Option<Secret> {
        let Taken { value, place } = self.secret(key)?;
        let is_postgres = Url::parse(value.expose()).is_ok_and(|url| matches!(url.scheme(), "postgres" | "postgresql"));
        if !is_postgres {
            self.fault(
                &place,
                key,
                "must be a URL such as postgres://user:password@host:5432/slipway",
            );
        }
        is_postgres.then_some(value)
    }

    /// Refuses what nobody took.
    pub(crate) fn finish(mut self) {
        for (key, node) in std::mem::take(&mut self.table) {
            let message = unknown(&key, &self.known);
            self.fault(&node.origin.to_string(), &key, message);
        }
    }
}

/// A URL of a server: https, or http on this machine, without user, query and fragment.
pub(crate) fn server_url(text: &str) -> Option<Url> {
    let url = Url::parse(text).ok()?;
    let is_loopback = match url.host()? {
        url::Host::Domain(name) => name == "localhost",
        url::Host::Ipv4(address) => address.is_loopback(),
        url::Host::Ipv6(address) => address.is_loopback(),
    };
    let is_plain = url.username().is_empty() && url.query().is_none() && url.fragment().is_none();
    let is_safe = url.scheme() == "https" || (url.scheme() == "http" && is_loopback);
    (is_plain && is_safe).then_some(url)
}

/// Says that a key is unknown, with the one that was probably meant.
pub(crate) fn unknown(key: &str, known: &[String]) -> String {
    let nearest = known.iter().map(|known| (distance(key, known), known)).min();
    match nearest {
        Some((distance, meant)) if distance <= 2 => format!("is unknown; did you mean `{meant}`?"),
        _ => format!("is unknown; there are {}", known.join(", ")),
    }
}

/// How many letters must be put in, taken out or changed (Levenshtein).
fn distance(left: &str, right: &str) -> usize {
    let mut row: Vec<usize> = (0..=right.chars().count()).collect();
    for (i, a) in left.chars().enumerate() {
        let mut diagonal = row[0];
        row[0] = i + 1;
        for (j, b) in right.chars().enumerate() {
            let changed = diagonal + usize::from(a != b);
            diagonal = row[j + 1];
            row[j + 1] = changed.min(row[j] + 1).min(diagonal + 1);
        }
    }
    row[right.chars().count()]
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn distances() {
        assert_eq!(distance("listen", "listen"), 0);
        assert_eq!(distance("lisen", "listen"), 1);
        assert_eq!(distance("", "abc"), 3);
        assert_eq!(distance("tokne", "token"), 2);
    }
}
