//! Values inside query parameters.

use serde::de::value::StrDeserializer;
use serde::de::{DeserializeOwned, Error, IntoDeserializer};
use serde::{Deserialize, Deserializer};

/// How many values one parameter may have.
const VALUES_MAX: usize = 100;

/// Reads several values, separated by commas. None may be empty, and none can hold a control character.
pub(crate) fn values<'de, D, T>(deserializer: D) -> Result<Vec<T>, D::Error>
where
    D: Deserializer<'de>,
    T: DeserializeOwned,
{
    let text = String::deserialize(deserializer)?;
    let parts: Vec<&str> = text.split(',').collect();
    if parts.len() > VALUES_MAX {
        return Err(D::Error::custom(format!("at most {VALUES_MAX} values")));
    }
    let value = |part: &str| {
        if part.is_empty() {
            return Err(D::Error::custom("empty value: separate values with single commas"));
        }
        if part.chars().any(char::is_control) {
            return Err(D::Error::custom("control characters are not allowed"));
        }
        let part: StrDeserializer<'_, D::Error> = part.into_deserializer();
        T::deserialize(part)
    };
    parts.into_iter().map(value).collect()
}

/// How many items a page holds: 1 to 200, 50 by default.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Limit(pub(crate) usize);

impl Limit {
    const MAX: usize = 200;
}

impl Default for Limit {
    fn default() -> Self {
        Self(50)
    }
}

impl<'de> Deserialize<'de> for Limit {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        let text = String::deserialize(deserializer)?;
        let limit = text.parse().ok().filter(|limit| (1..=Self::MAX).contains(limit));
        limit
            .map(Self)
            .ok_or_else(|| D::Error::custom(format!("expected an integer from 1 to {}", Self::MAX)))
    }
}

/// The number of a line, or how many: 0 to 2,147,483,647, which fits into the integers of every client.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct LineCount(pub(crate) u32);

impl<'de> Deserialize<'de> for LineCount {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        let text = String::deserialize(deserializer)?;
        let count = text.parse().ok().filter(|count| *count <= i32::MAX.unsigned_abs());
        count
            .map(Self)
            .ok_or_else(|| D::Error::custom(format!("expected an integer from 0 to {}", i32::MAX)))
    }
}
