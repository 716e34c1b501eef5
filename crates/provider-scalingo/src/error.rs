//! What each status means.

use slipway_core::provider::{ErrorKind, ProviderError};
use slipway_provider_http::Answer;

/// The error that an answer stands for; nothing for a success. A 429 never comes here: the client knows it.
pub(crate) fn check(answer: Answer) -> Result<Answer, ProviderError> {
    if answer.is_success() {
        return Ok(answer);
    }
    let kind = match answer.status {
        400 | 422 => ErrorKind::InvalidRequest,
        401 => ErrorKind::Unauthenticated,
        402 | 403 => ErrorKind::PermissionDenied,
        // Only the API itself can say that a thing is not there; an HTML page says nothing of it.
        404 if is_error_body(&answer) => ErrorKind::NotFound,
        409 => ErrorKind::Conflict,
        408 | 500..=599 => ErrorKind::Unavailable,
        _ => ErrorKind::Protocol,
    };
    Err(answer
        .error(kind, format!("the provider answered {}", answer.status))
        .with_retry_after(answer.retry_after))
}

/// 5xx; but where the logs are kept may fail alone, and that must not keep us from the rest.
pub(crate) fn is_trouble(answer: &Answer) -> bool {
    answer.status >= 500 && answer.operation != "read_log"
}

fn is_error_body(answer: &Answer) -> bool {
    answer.json_object().is_some_and(|body| body.contains_key("error"))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_documented_status_has_its_kind() {
        for (status, body, kind) in [
            (400, r#"{"error":"bad"}"#, ErrorKind::InvalidRequest),
            (401, r#"{"error":"OTP Required"}"#, ErrorKind::Unauthenticated),
            (402, r#"{"error":"x","url":"y"}"#, ErrorKind::PermissionDenied),
            (403, r#"{"error":"x","code":"y"}"#, ErrorKind::PermissionDenied),
            (404, r#"{"resource":"app","error":"not found"}"#, ErrorKind::NotFound),
            (404, r#"{"error":"not found"}"#, ErrorKind::NotFound),
            (404, "<!DOCTYPE html><html>", ErrorKind::Protocol),
            (409, r#"{"error":"x"}"#, ErrorKind::Conflict),
            (422, r#"{"errors":{"git_ref":["is bad"]}}"#, ErrorKind::InvalidRequest),
            (
                500,
                r#"{"error":"Internal error occured, we're on it!"}"#,
                ErrorKind::Unavailable,
            ),
            (503, "", ErrorKind::Unavailable),
            (418, "", ErrorKind::Protocol),
        ] {
            let answer = Answer {
                is_write: false,
                provider: "scalingo",
                operation: "get_deployment",
                status,
                content_type: String::new(),
                retry_after: None,
                body: body.into(),
            };
            assert_eq!(check(answer).unwrap_err().kind, kind, "{status} {body}");
        }
    }
}
