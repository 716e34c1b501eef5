//! Error bodies of Scalingo, which differ by status.

use axum::Json;
use axum::http::{StatusCode, header};
use axum::response::{IntoResponse, Response};
use serde_json::json;

pub(crate) fn not_found(resource: &str) -> Response {
    (
        StatusCode::NOT_FOUND,
        Json(json!({ "resource": resource, "error": "not found" })),
    )
        .into_response()
}

pub(crate) fn unauthorized() -> Response {
    of_text(StatusCode::UNAUTHORIZED, "The access token is invalid or has expired")
}

pub(crate) fn invalid(field: &str, message: &str) -> Response {
    (
        StatusCode::UNPROCESSABLE_ENTITY,
        Json(json!({ "errors": { field: [message] } })),
    )
        .into_response()
}

pub(crate) fn of_text(status: StatusCode, text: &str) -> Response {
    (status, Json(json!({ "error": text }))).into_response()
}

/// Over the limit: plain text, no Retry-After, no rate-limit headers.
pub(crate) fn throttled() -> Response {
    (
        StatusCode::TOO_MANY_REQUESTS,
        [(header::CONTENT_TYPE, "text/plain; charset=utf-8")],
        "Retry later",
    )
        .into_response()
}

/// The body that goes with any status, for faults.
pub(crate) fn of_status(status: StatusCode) -> Response {
    match status.as_u16() {
        404 => not_found("app"),
        422 => invalid("base", "is invalid"),
        429 => throttled(),
        500 => of_text(status, "Internal error occured, we're on it!"),
        _ => of_text(status, status.canonical_reason().unwrap_or("Unknown")),
    }
}
