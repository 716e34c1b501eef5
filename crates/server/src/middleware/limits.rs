//! How much and how long.

use axum::body::{Body, HttpBody};
use axum::extract::{DefaultBodyLimit, Request};
use axum::middleware::Next;
use axum::response::{IntoResponse, Response};
use http::header;
use http_body_util::Limited;

use crate::problem::{Code, Problem};
use crate::state::AppState;

/// Refuses what is longer than any URI of this API.
pub(crate) fn limit_uri(state: &AppState, request: &Request) -> Result<(), Problem> {
    let limit = state.settings().uri_limit_bytes;
    let length = request.uri().path_and_query().map_or(0, |uri| uri.as_str().len());
    if length > limit {
        return Err(Problem::new(Code::UriTooLong).with_detail(format!("at most {limit} bytes")));
    }
    Ok(())
}

/// Refuses a body that says that it is too long, and will cut off one that turns out to be.
pub(crate) fn limit_body(state: &AppState, request: &mut Request) -> Result<(), Problem> {
    let limit = state.settings().body_limit_bytes;
    let length = request.headers().get(header::CONTENT_LENGTH);
    let length = length.and_then(|length| length.to_str().ok()?.parse::<usize>().ok());
    if length.is_some_and(|length| length > limit) {
        return Err(Problem::new(Code::PayloadTooLarge));
    }
    if !request.body().is_end_stream() {
        // Ours alone counts: the extractors have a limit of their own.
        DefaultBodyLimit::disable().apply(request);
        let body = std::mem::take(request.body_mut());
        *request.body_mut() = Body::new(Limited::new(body, length.unwrap_or(limit)));
    }
    Ok(())
}

/// Bounds how many requests are served at once, and for how long. Not for those that wait by design.
pub(crate) async fn limit(state: &AppState, request: Request, next: Next) -> Response {
    let Ok(_permit) = state.requests().try_acquire() else {
        return Problem::new(Code::Overloaded).into_response();
    };
    match tokio::time::timeout(state.settings().request_timeout, next.run(request)).await {
        Ok(response) => response,
        Err(_) => Problem::new(Code::Timeout).into_response(),
    }
}
