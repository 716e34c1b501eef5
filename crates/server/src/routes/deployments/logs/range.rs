//! Ranges of bytes, see RFC 9110 section 14.

use std::ops::Range;

use http::{HeaderMap, header};

/// What a request asks for.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum Wanted {
    /// Everything, also where the range is not understood or the text has changed since the client got its part.
    Whole,
    /// These bytes.
    Part(Range<i64>),
    /// Bytes that there are none of.
    Unsatisfiable,
}

/// What a request asks for of a text of `length` bytes with an entity tag.
pub(crate) fn wanted(headers: &HeaderMap, length: i64, tag: &str) -> Wanted {
    let text = |name: header::HeaderName| headers.get(name).and_then(|value| value.to_str().ok());
    let Some(range) = text(header::RANGE) else {
        return Wanted::Whole;
    };
    // A date never matches: there is no Last-Modified.
    if headers.contains_key(header::IF_RANGE) && text(header::IF_RANGE) != Some(tag) {
        return Wanted::Whole;
    }
    parse(range, length)
}

fn parse(range: &str, length: i64) -> Wanted {
    let spec = range
        .split_once('=')
        .filter(|(unit, _)| unit.trim().eq_ignore_ascii_case("bytes"))
        .map(|(_, spec)| spec.trim());
    // Several ranges may be answered with everything.
    let Some((first, last)) = spec
        .filter(|spec| !spec.contains(','))
        .and_then(|spec| spec.split_once('-'))
    else {
        return Wanted::Whole;
    };
    let number = |text: &str| -> Option<i64> {
        let is_plain = !text.is_empty() && text.bytes().all(|byte| byte.is_ascii_digit());
        // More than any text has is as good as all of it.
        is_plain.then(|| text.parse().unwrap_or(i64::MAX))
    };
    let (first, last) = (first.trim(), last.trim());
    let bytes = match (number(first), number(last)) {
        (Some(first), Some(last)) if first <= last => first..last.saturating_add(1).min(length),
        (Some(first), None) if last.is_empty() => first..length,
        (None, Some(count)) if first.is_empty() => (length - count).max(0)..length,
        _ => return Wanted::Whole,
    };
    if bytes.start < bytes.end {
        Wanted::Part(bytes)
    } else {
        Wanted::Unsatisfiable
    }
}

#[cfg(test)]
mod tests {
    use http::HeaderValue;

    use super::*;

    #[test]
    fn ranges_are_read_as_the_standard_says() {
        for (range, expected) in [
            ("bytes=0-4", Wanted::Part(0..5)),
            ("bytes=5-", Wanted::Part(5..10)),
            ("bytes=-3", Wanted::Part(7..10)),
            ("bytes=-30", Wanted::Part(0..10)),
            ("bytes=9-99999999999999999999", Wanted::Part(9..10)),
            ("Bytes = 0-0", Wanted::Part(0..1)),
            ("bytes=10-", Wanted::Unsatisfiable),
            ("bytes=-0", Wanted::Unsatisfiable),
            ("bytes=4-2", Wanted::Whole),
            ("bytes=0-1,3-4", Wanted::Whole),
            ("bytes=-", Wanted::Whole),
            ("bytes=a-b", Wanted::Whole),
            ("bytes=+1-2", Wanted::Whole),
            ("lines=0-1", Wanted::Whole),
            ("", Wanted::Whole),
        ] {
            assert_eq!(parse(range, 10), expected, "{range}");
        }
        assert_eq!(parse("bytes=0-", 0), Wanted::Unsatisfiable);
    }

    #[test]
    fn a_part_of_a_text_that_has_changed_is_not_given() {
        let mut headers = HeaderMap::new();
        headers.insert(header::RANGE, HeaderValue::from_static("bytes=0-1"));
        assert_eq!(wanted(&headers, 10, "\"a\""), Wanted::Part(0..2));
        headers.insert(header::IF_RANGE, HeaderValue::from_static("\"a\""));
        assert_eq!(wanted(&headers, 10, "\"a\""), Wanted::Part(0..2));
        assert_eq!(wanted(&headers, 10, "\"b\""), Wanted::Whole);
    }
}
