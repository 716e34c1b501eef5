//! The outermost layer: gives every request an id and a span, and turns every error into a problem document, also those
//! that the framework makes.

use std::any::Any;

use axum::body::Body;
use axum::extract::{MatchedPath, Request, State};
use axum::middleware::Next;
use axum::response::{IntoResponse, Response};
use http::{HeaderName, HeaderValue, header};
use slipway_core::TraceContext;
use slipway_core::id::new_id;
use tracing::Instrument;

use crate::problem::{Code, Problem};
use crate::state::AppState;

const X_REQUEST_ID: HeaderName = HeaderName::from_static("x-request-id");

/// <https://www.w3.org/TR/trace-context/>
const TRACEPARENT: HeaderName = HeaderName::from_static("traceparent");

/// The id of the request that is being answered.
#[derive(Debug, Clone)]
pub(crate) struct RequestId(pub(crate) std::sync::Arc<str>);

/// Gives the request an id and a span, and writes the problem document of an answer that is an error.
pub(crate) async fn problems(State(state): State<AppState>, mut request: Request, next: Next) -> Response {
    let id = request_id(&request).unwrap_or_else(|| new_id(state.clock().now()).to_string());
    let route = request
        .extensions()
        .get::<MatchedPath>()
        .map_or("", MatchedPath::as_str);
    let parent = request.headers().get(TRACEPARENT).and_then(|value| value.to_str().ok());
    let parent = parent.and_then(TraceContext::parse);
    let place = match parent {
        Some(parent) => Some(parent.child(rand::random())),
        None if state.settings().begin_traces => Some(TraceContext::root(rand::random(), rand::random())),
        None => None,
    };
    let span = tracing::info_span!(
        "server.request",
        request_id = id,
        http.method = %request.method(),
        http.route = route,
        http.status = tracing::field::Empty,
        principal = tracing::field::Empty,
        trace_id = place.map(TraceContext::trace_id),
        span_id = place.map(TraceContext::span_id),
        trace_flags = place.map(TraceContext::flags),
        parent_span_id = parent.map(TraceContext::span_id),
    );
    request.extensions_mut().insert(RequestId(id.as_str().into()));
    let mut response = next.run(request).instrument(span.clone()).await;
    let status = response.status();
    span.record("http.status", status.as_u16());
    if status.is_client_error() || status.is_server_error() {
        response = write_problem(response, &id);
    }
    span.in_scope(|| tracing::debug!("answered"));
    if let Ok(value) = HeaderValue::from_str(&id) {
        response.headers_mut().insert(X_REQUEST_ID, value);
    }
    response
}

/// A handler that panicked. What it said is for the log only.
pub(crate) fn handle_panic(panic: Box<dyn Any + Send>) -> Response {
    let text = panic
        .downcast_ref::<&str>()
        .copied()
        .or_else(|| panic.downcast_ref::<String>().map(String::as_str))
        .unwrap_or("without a message");
    tracing::error!(panic = text, "a handler panicked");
    Problem::new(Code::Internal).into_response()
}

/// The id that the caller gave, if it can stand in a log and in a header.
fn request_id(request: &Request) -> Option<String> {
    let text = request.headers().get(X_REQUEST_ID)?.to_str().ok()?;
    let is_sane = (1..=64).contains(&text.len())
        && text
            .bytes()
            .all(|byte| byte.is_ascii_alphanumeric() || matches!(byte, b'-' | b'_' | b'.' | b':'));
    is_sane.then(|| text.to_owned())
}

fn write_problem(response: Response, request_id: &str) -> Response {
    let (mut parts, _) = response.into_parts();
    let problem = parts
        .extensions
        .remove::<Problem>()
        .unwrap_or_else(|| Problem::for_status(parts.status));
    parts.status = problem.code().status();
    // For who counts them.
    parts.extensions.insert(problem.code());
    let body = serde_json::to_vec(&problem.view(request_id)).unwrap_or_default();
    parts.headers.remove(header::CONTENT_LENGTH);
    parts.headers.insert(
        header::CONTENT_TYPE,
        HeaderValue::from_static("application/problem+json"),
    );
    parts
        .headers
        .insert(header::CACHE_CONTROL, HeaderValue::from_static("no-store"));
    Response::from_parts(parts, Body::from(body))
}
