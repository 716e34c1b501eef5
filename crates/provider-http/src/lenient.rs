//! Readers for payload fields that may be null, missing or of another type: what cannot be understood is nothing.
//!
//! For use as `#[serde(default, deserialize_with = "lenient::text")]`. All of them read through [`serde_json::Value`], so a
//! field of any shape is taken in whole and never fails the object that it stands in.

use serde::{Deserialize, Deserializer};
use serde_json::Value;
use time::OffsetDateTime;

use crate::timestamp;

/// The longest text that is kept, in bytes: long enough for any name, short enough for an index.
const MAX_TEXT_BYTES: usize = 1000;
/// The longest id, in bytes. A longer one is not cut, which could make two ids equal, but not an id.
const MAX_ID_BYTES: usize = 200;

fn value<'de, D: Deserializer<'de>>(deserializer: D) -> Result<Value, D::Error> {
    Value::deserialize(deserializer)
}

/// A text that is not empty; a number or a truth value becomes its spelling. Cut to 1,000 bytes.
pub fn text<'de, D: Deserializer<'de>>(deserializer: D) -> Result<Option<String>, D::Error> {
    Ok(text_of(&value(deserializer)?))
}

/// See [`text`].
pub fn text_of(value: &Value) -> Option<String> {
    let text = match value {
        Value::String(text) => text.trim(),
        Value::Number(number) => return Some(number.to_string()),
        Value::Bool(flag) => return Some(flag.to_string()),
        Value::Null | Value::Array(_) | Value::Object(_) => return None,
    };
    if text.is_empty() {
        return None;
    }
    let mut end = text.len().min(MAX_TEXT_BYTES);
    while !text.is_char_boundary(end) {
        end -= 1;
    }
    Some(text[..end].to_owned())
}

/// An id: a text or a whole number, and not absurdly long.
pub fn id<'de, D: Deserializer<'de>>(deserializer: D) -> Result<Option<String>, D::Error> {
    Ok(id_of(&value(deserializer)?))
}

/// See [`id`].
pub fn id_of(value: &Value) -> Option<String> {
    match value {
        Value::String(text) => Some(text.trim().to_owned()),
        Value::Number(number) if number.is_i64() || number.is_u64() => Some(number.to_string()),
        _ => None,
    }
    .filter(|id| !id.is_empty() && id.len() <= MAX_ID_BYTES && !matches!(id.as_str(), "." | ".."))
}

/// A whole number, also as text or as a float without fraction.
pub fn integer<'de, D: Deserializer<'de>>(deserializer: D) -> Result<Option<i64>, D::Error> {
    Ok(integer_of(&value(deserializer)?))
}

/// See [`integer`].
pub fn integer_of(value: &Value) -> Option<i64> {
    // Beyond this a float no longer names one whole number.
    const EXACT: f64 = 9_007_199_254_740_992.0;
    match value {
        Value::Number(number) => number.as_i64().or_else(|| {
            let float = number
                .as_f64()
                .filter(|float| float.fract() == 0.0 && float.abs() <= EXACT)?;
            Some(float as i64)
        }),
        Value::String(text) => text.trim().parse().ok(),
        _ => None,
    }
}

/// A truth value, also as 0, 1 or text.
pub fn flag<'de, D: Deserializer<'de>>(deserializer: D) -> Result<Option<bool>, D::Error> {
    Ok(match value(deserializer)? {
        Value::Bool(flag) => Some(flag),
        Value::Number(number) => number.as_i64().and_then(|number| match number {
            0 => Some(false),
            1 => Some(true),
            _ => None,
        }),
        Value::String(text) => match text.trim().to_ascii_lowercase().as_str() {
            "true" | "1" => Some(true),
            "false" | "0" => Some(false),
            _ => None,
        },
        _ => None,
    })
}

/// An instant in any documented style, see [`timestamp::parse`].
pub fn instant<'de, D: Deserializer<'de>>(deserializer: D) -> Result<Option<OffsetDateTime>, D::Error> {
    Ok(instant_of(&value(deserializer)?))
}

/// See [`instant`].
pub fn instant_of(value: &Value) -> Option<OffsetDateTime> {
    let at = value.as_str().and_then(timestamp::parse);
    if at.is_none() && !value.is_null() {
        tracing::debug!("a time in a payload is not understood");
    }
    at
}

/// An object of its own, or nothing when it is another thing.
pub fn object<'de, D: Deserializer<'de>, T: serde::de::DeserializeOwned>(
    deserializer: D,
) -> Result<Option<T>, D::Error> {
    let value = value(deserializer)?;
    Ok(if value.is_object() {
        T::deserialize(value).ok()
    } else {
        None
    })
}

/// A value of any shape; null is nothing.
pub fn any<'de, D: Deserializer<'de>>(deserializer: D) -> Result<Option<Value>, D::Error> {
    Ok(Some(value(deserializer)?).filter(|value| !value.is_null()))
}

/// A whole number as a page number that can follow.
pub fn page_number(value: Option<i64>) -> Option<u32> {
    value
        .and_then(|number| u32::try_from(number).ok())
        .filter(|number| *number > 0)
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    #[derive(Debug, Default, Deserialize)]
    #[serde(default)]
    struct Payload {
        #[serde(deserialize_with = "id")]
        id: Option<String>,
        #[serde(deserialize_with = "text")]
        text: Option<String>,
        #[serde(deserialize_with = "integer")]
        integer: Option<i64>,
        #[serde(deserialize_with = "flag")]
        flag: Option<bool>,
        #[serde(deserialize_with = "instant")]
        at: Option<OffsetDateTime>,
        #[serde(deserialize_with = "object")]
        inner: Option<Box<Payload>>,
    }

    #[test]
    fn no_shape_of_a_field_fails_the_object() {
        for odd in [
            json!(null),
            json!(true),
            json!(-1),
            json!(1.5),
            json!(1e300),
            json!(""),
            json!("x"),
            json!([1]),
            json!({"a": 1}),
        ] {
            let all = json!({"id": odd, "text": odd, "integer": odd, "flag": odd, "at": odd, "inner": odd});
            let payload: Payload = serde_json::from_value(all).unwrap();
            assert_eq!(payload.at, None);
        }
    }

    #[test]
    fn other_spellings_are_read() {
        let payload: Payload = serde_json::from_value(json!({
            "id": 107, "text": " x ", "integer": "92", "flag": "true", "inner": {"integer": 92.0, "flag": 0},
        }))
        .unwrap();
        assert_eq!(
            (payload.id.as_deref(), payload.text.as_deref()),
            (Some("107"), Some("x"))
        );
        assert_eq!((payload.integer, payload.flag), (Some(92), Some(true)));
        let inner = payload.inner.unwrap();
        assert_eq!((inner.integer, inner.flag), (Some(92), Some(false)));
    }

    #[test]
    fn long_text_is_cut_between_characters_and_a_long_id_is_none() {
        let long = json!("é".repeat(2000));
        assert_eq!(text_of(&long).unwrap().len(), 1000);
        assert_eq!(text_of(&json!(format!("x{}", "é".repeat(2000)))).unwrap().len(), 999);
        assert_eq!(id_of(&long), None);
        assert_eq!(id_of(&json!("..")), None);
        assert_eq!(integer_of(&json!(u64::MAX)), None);
    }
}
