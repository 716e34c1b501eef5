//! What a token must allow.

use axum::Extension;
use axum::extract::Request;
use axum::middleware::Next;
use axum::response::{IntoResponse, Response};

use crate::auth::{Principal, Scope};

/// Lets through who has a scope.
pub(crate) async fn require(
    scopes: &'static [Scope],
    Extension(principal): Extension<Principal>,
    request: Request,
    next: Next,
) -> Response {
    match principal.require_any(scopes) {
        Ok(()) => next.run(request).await,
        Err(problem) => problem.into_response(),
    }
}
