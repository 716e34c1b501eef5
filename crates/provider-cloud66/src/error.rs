//! What each status means.

use std::time::Duration;

use slipway_core::provider::{ErrorKind, ProviderError};
use slipway_provider_http::{Answer, Throttle};
use time::OffsetDateTime;

/// How often one request finds out whether throttling is over.
const PROBE_EVERY: Duration = Duration::from_secs(300);
const HOUR_SECONDS: i64 = 3600;

/// 429, or a 503 that says "throttled": closed until the next full hour, unless `Retry-After` says when.
pub(crate) fn throttle(answer: &Answer, now: OffsetDateTime) -> Option<Throttle> {
    if !(answer.status == 429 || answer.status == 503 && says(answer, "throttled")) {
        return None;
    }
    let seconds = HOUR_SECONDS - now.unix_timestamp().rem_euclid(HOUR_SECONDS);
    let until_full_hour = Duration::from_secs(seconds.unsigned_abs());
    Some(match answer.retry_after {
        Some(retry_after) => Throttle {
            retry_after,
            resets_at: Some(now + retry_after),
        },
        None => Throttle {
            retry_after: until_full_hour.min(PROBE_EVERY),
            resets_at: Some(now + until_full_hour),
        },
    })
}

/// 5xx, unless it only says that there is no such function.
pub(crate) fn is_trouble(answer: &Answer) -> bool {
    answer.status >= 500 && !says(answer, "not_implemented")
}

/// The error that an answer stands for; nothing for a success.
pub(crate) fn check(answer: Answer) -> Result<Answer, ProviderError> {
    if answer.is_success() {
        return Ok(answer);
    }
    let kind = match answer.status {
        400 | 422 => ErrorKind::InvalidRequest,
        401 => ErrorKind::Unauthenticated,
        402 | 403 => ErrorKind::PermissionDenied,
        // Only the API itself can say that a thing is not there; a proxy's or a wrong path's page says nothing of it.
        404 if is_error_body(&answer) => ErrorKind::NotFound,
        409 => ErrorKind::Conflict,
        503 if says(&answer, "not_implemented") => ErrorKind::Unsupported,
        408 | 500..=599 => ErrorKind::Unavailable,
        _ => ErrorKind::Protocol,
    };
    Err(answer
        .error(kind, format!("the provider answered {}", answer.status))
        .with_retry_after(answer.retry_after))
}

fn is_error_body(answer: &Answer) -> bool {
    answer.json_object().is_some_and(|body| body.contains_key("error"))
}

fn says(answer: &Answer, word: &str) -> bool {
    String::from_utf8_lossy(&answer.body)
        .to_ascii_lowercase()
        .contains(word)
}

#[cfg(test)]
mod tests {
    use super::*;
    use time::macros::datetime;

    fn answer(status: u16, body: &'static str) -> Answer {
        Answer {
            provider: "cloud66",
            operation: "get_deployment",
            status,
            content_type: String::new(),
            retry_after: None,
            body: body.into(),
            is_write: false,
        }
    }

    #[test]
    fn every_documented_status_has_its_kind() {
        for (status, body, kind) in [
            (400, r#"{"error":"bad_request"}"#, ErrorKind::InvalidRequest),
            (401, r#"{"error":"unauthenticated"}"#, ErrorKind::Unauthenticated),
            (402, r#"{"error":"trial_expired"}"#, ErrorKind::PermissionDenied),
            (403, r#"{"error":"forbidden"}"#, ErrorKind::PermissionDenied),
            (
                404,
                r#"{"error":"not_found","error_description":"x"}"#,
                ErrorKind::NotFound,
            ),
            (404, "<html>not found</html>", ErrorKind::Protocol),
            (404, "[]", ErrorKind::Protocol),
            (404, "", ErrorKind::Protocol),
            (408, r#"{"error":"time_out"}"#, ErrorKind::Unavailable),
            (409, r#"{"error":"conflict"}"#, ErrorKind::Conflict),
            (422, "{}", ErrorKind::InvalidRequest),
            (418, "{}", ErrorKind::Protocol),
            (500, "", ErrorKind::Unavailable),
            (503, r#"{"error":"not_implemented"}"#, ErrorKind::Unsupported),
            (503, "<h1>Service Unavailable</h1>", ErrorKind::Unavailable),
        ] {
            assert_eq!(check(answer(status, body)).unwrap_err().kind, kind, "{status} {body}");
        }
    }

    #[test]
    fn throttling_ends_at_the_full_hour_and_is_probed_before() {
        let now = datetime!(2026-11-22 10:50 UTC);
        let throttled = throttle(&answer(503, r#"{"error":"Throttled"}"#), now).unwrap();
        assert_eq!(throttled.retry_after, Duration::from_secs(300));
        assert_eq!(throttled.resets_at, Some(datetime!(2026-11-22 11:00 UTC)));
        let throttled = throttle(&answer(429, ""), datetime!(2026-11-22 10:59 UTC)).unwrap();
        assert_eq!(throttled.retry_after, Duration::from_secs(60));
        let named = Answer {
            retry_after: Some(Duration::from_secs(7)),
            ..answer(503, "throttled")
        };
        assert_eq!(throttle(&named, now).unwrap().retry_after, Duration::from_secs(7));
        assert_eq!(throttle(&answer(503, r#"{"error":"not_implemented"}"#), now), None);
    }
}
