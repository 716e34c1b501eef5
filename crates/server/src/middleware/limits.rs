//! How much and how long.

use axum::extract::{Request, State};
use axum::middleware::Next;
use axum::response::{IntoResponse, Response};

use crate::problem::{Code, Problem};
use crate::state::AppState;

/// Refuses what is longer than any URI of this API.
pub(crate) async fn limit_uri(State(state): State<AppState>, request: Request, next: Next) -> Response {
    let limit = state.settings().uri_limit_bytes;
    let length = request.uri().path_and_query().map_or(0, |uri| uri.as_str().len());
    if length > limit {
        return Problem::new(Code::UriTooLong)
            .with_detail(format!("at most {limit} bytes"))
            .into_response();
    }
    next.run(request).await
}

/// Bounds how many requests are served at once, and for how long. Not for those that wait by design.
pub(crate) async fn limit(State(state): State<AppState>, request: Request, next: Next) -> Response {
    let Ok(_permit) = state.requests().try_acquire() else {
        return Problem::new(Code::Overloaded).into_response();
    };
    match tokio::time::timeout(state.settings().request_timeout, next.run(request)).await {
        Ok(response) => response,
        Err(_) => Problem::new(Code::Timeout).into_response(),
    }
}
