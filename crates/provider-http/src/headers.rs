//! What we read of an answer's headers.

use std::time::Duration;

use http::header::{CONTENT_TYPE, HeaderMap, RETRY_AFTER};
use time::OffsetDateTime;

/// The longest wait that we let a provider ask for.
const MAX_RETRY_AFTER: Duration = Duration::from_secs(3600);

fn text<'a>(headers: &'a HeaderMap, name: &str) -> Option<&'a str> {
    headers.get(name)?.to_str().ok().map(str::trim)
}

pub(crate) fn number(headers: &HeaderMap, name: &str) -> Option<u32> {
    text(headers, name)?.parse().ok()
}

pub(crate) fn content_type(headers: &HeaderMap) -> String {
    let value = text(headers, CONTENT_TYPE.as_str()).unwrap_or_default();
    value.split(';').next().unwrap_or_default().trim().to_ascii_lowercase()
}

/// When the answer was made, by the clock of whoever made it.
pub(crate) fn date(headers: &HeaderMap) -> Option<OffsetDateTime> {
    let value = headers.get(http::header::DATE)?.to_str().ok()?;
    OffsetDateTime::parse(value, &time::format_description::well_known::Rfc2822).ok()
}

/// Seconds or a date, as RFC 9110 has it; at least a second, at most an hour.
pub(crate) fn retry_after(headers: &HeaderMap, now: OffsetDateTime) -> Option<Duration> {
    let value = text(headers, RETRY_AFTER.as_str())?;
    let wait = match value.parse::<u64>() {
        Ok(seconds) => Duration::from_secs(seconds),
        Err(_) => {
            // RFC 2822 wants a numeric zone or one of the old names; an HTTP date always says GMT, which is one.
            let at = OffsetDateTime::parse(value, &time::format_description::well_known::Rfc2822).ok()?;
            Duration::try_from(at - now).unwrap_or_default()
        }
    };
    Some(wait.clamp(Duration::from_secs(1), MAX_RETRY_AFTER))
}
