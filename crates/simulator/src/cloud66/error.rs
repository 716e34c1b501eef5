//! Error bodies of Cloud 66: `{"error","error_description","details"}`.

use axum::Json;
use axum::http::StatusCode;
use axum::response::{IntoResponse, Response};
use serde_json::json;

pub(crate) fn error(status: StatusCode, id: &str, description: &str) -> Response {
    (
        status,
        Json(json!({ "error": id, "error_description": description, "details": "" })),
    )
        .into_response()
}

pub(crate) fn unauthenticated() -> Response {
    error(
        StatusCode::UNAUTHORIZED,
        "unauthenticated",
        "Your access token is missing or not valid",
    )
}

pub(crate) fn forbidden(scope: &str) -> Response {
    error(
        StatusCode::FORBIDDEN,
        "forbidden",
        &format!("The access token lacks the scope {scope}"),
    )
}

pub(crate) fn not_found() -> Response {
    error(
        StatusCode::NOT_FOUND,
        "not_found",
        "The specified resource could not be found",
    )
}

/// Over the limit: 503, not 429, without Retry-After.
pub(crate) fn throttled() -> Response {
    let text = "You have exceeded your request limit, retry in the next hourly interval";
    error(StatusCode::SERVICE_UNAVAILABLE, "throttled", text)
}

/// The body that goes with any status, for faults.
pub(crate) fn of_status(status: StatusCode) -> Response {
    let id = match status.as_u16() {
        400 => "bad_request",
        401 => "unauthenticated",
        402 => "trial_expired",
        403 => "forbidden",
        404 => "not_found",
        408 => "time_out",
        409 => "conflict",
        429 => "throttled",
        503 => "unavailable",
        _ => "internal_server_error",
    };
    error(status, id, status.canonical_reason().unwrap_or("Unknown"))
}
