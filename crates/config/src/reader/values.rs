//! Values of one kind each: texts, times, numbers, lists, choices.

use std::net::SocketAddr;
use std::ops::RangeInclusive;
use std::time::Duration;

use url::Url;

use super::{Reader, Taken};
use crate::keys::Kind;
use crate::node::Value;

impl Reader<'_> {
    /// A text; an empty one counts as absent, so that a lower layer's value can be taken away.
    pub(crate) fn string(&mut self, key: &str) -> Option<Taken<String>> {
        self.text(key, || Kind::Text)
    }

    pub(super) fn text(&mut self, key: &str, kind: impl FnOnce() -> Kind) -> Option<Taken<String>> {
        let node = self.take(key, kind)?;
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

    fn parsed<T>(&mut self, key: &str, kind: Kind, wanted: &str, parse: impl FnOnce(&str) -> Option<T>) -> Option<T> {
        let Taken { value, place } = self.text(key, || kind)?;
        let parsed = parse(value.trim());
        if parsed.is_none() {
            self.fault(&place, key, format!("must be {wanted}, not `{value}`"));
        }
        parsed
    }

    pub(crate) fn address(&mut self, key: &str) -> Option<SocketAddr> {
        self.parsed(
            key,
            Kind::Text,
            "an address with a port such as 127.0.0.1:8080",
            |text| {
                // `:8080` is what people write for "here, on that port".
                let text = text
                    .strip_prefix(':')
                    .map_or(text.to_owned(), |port| format!("127.0.0.1:{port}"));
                text.parse().ok()
            },
        )
    }

    pub(crate) fn duration(&mut self, key: &str, range: RangeInclusive<Duration>) -> Option<Duration> {
        let wanted = format!(
            "a time from {:?} to {:?}, such as 500ms, 30s, 5m, 1h or 7d",
            range.start(),
            range.end()
        );
        self.parsed(key, Kind::Duration, &wanted, |text| {
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
        let node = self.take(key, || Kind::Integer(range.clone()))?;
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
        let node = self.take(key, || Kind::Boolean)?;
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
        let Some(node) = self.take(key, || Kind::List) else {
            return Vec::new();
        };
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

    /// A URL of a collector of traces: in a network of one's own it may be plain http.
    pub(crate) fn collector_url(&mut self, key: &str) -> Option<Url> {
        let wanted = "a URL such as http://otel-collector:4318, without user, query and fragment";
        self.parsed(key, Kind::Url, wanted, |text| {
            let url = Url::parse(text).ok()?;
            let is_plain = url.username().is_empty() && url.password().is_none() && url.query().is_none();
            let is_web = matches!(url.scheme(), "http" | "https") && url.fragment().is_none();
            (is_plain && is_web).then_some(url)
        })
    }

    /// A URL of a server: https, or http on this machine, without user, query and fragment.
    pub(crate) fn server_url(&mut self, key: &str) -> Option<Url> {
        self.parsed(key, Kind::Url, "a URL such as https://slipway.example.com", server_url)
    }

    pub(crate) fn choice<T: Copy>(&mut self, key: &str, choices: &[(&'static str, T)]) -> Option<T> {
        let names: Vec<_> = choices.iter().map(|(name, _)| format!("`{name}`")).collect();
        let wanted = format!("one of {}", names.join(", "));
        let kind = Kind::Choice(choices.iter().map(|(name, _)| *name).collect());
        self.parsed(key, kind, &wanted, |text| {
            choices
                .iter()
                .find(|(name, _)| *name == text)
                .map(|(_, choice)| *choice)
        })
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
