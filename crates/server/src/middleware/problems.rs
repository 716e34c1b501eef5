//! The outermost layer: gives every request an id and a span, and turns every error into a problem document, also those
//! that the framework makes.

use std::any::Any;
use std::panic::AssertUnwindSafe;
use std::sync::Arc;

use axum::body::Body;
use axum::extract::{MatchedPath, Request};
use axum::response::{IntoResponse, Response};
use futures_util::FutureExt;
use http::{HeaderMap, HeaderName, HeaderValue, header};
use slipway_core::TraceContext;
use time::OffsetDateTime;
use tracing::{Instrument, Span};

use crate::problem::{Code, Problem};
use crate::state::AppState;

const X_REQUEST_ID: HeaderName = HeaderName::from_static("x-request-id");

/// <https://www.w3.org/TR/trace-context/>
const TRACEPARENT: HeaderName = HeaderName::from_static("traceparent");

/// The id of the request that is being answered.
#[derive(Debug, Clone)]
pub(crate) struct RequestId(pub(crate) Arc<str>);

/// A request with its id and its span.
pub(crate) struct Named {
    id: Arc<str>,
    span: Span,
}

impl Named {
    /// Gives a request an id and a span.
    pub(crate) fn begin(state: &AppState, request: &mut Request) -> Self {
        let route = request
            .extensions()
            .get::<MatchedPath>()
            .map_or("", MatchedPath::as_str);
        let named = Self::name(state, request, route);
        request.extensions_mut().insert(RequestId(Arc::clone(&named.id)));
        named
    }

    /// The same for a request whose handler logs nothing: without a span where nobody would see it.
    pub(crate) fn begin_silently<B>(state: &AppState, request: &http::Request<B>, route: &str) -> Self {
        if state.settings().begin_traces || tracing::enabled!(tracing::Level::DEBUG) {
            return Self::name(state, request, route);
        }
        Self {
            id: id_of(state, request),
            span: Span::none(),
        }
    }

    fn name<B>(state: &AppState, request: &http::Request<B>, route: &str) -> Self {
        let id = id_of(state, request);
        let parent = request.headers().get(TRACEPARENT).and_then(|value| value.to_str().ok());
        let parent = parent.and_then(TraceContext::parse);
        let place = match parent {
            Some(parent) => Some(parent.child(rand::random())),
            None if state.settings().begin_traces => Some(TraceContext::root(rand::random(), rand::random())),
            None => None,
        };
        let span = tracing::info_span!(
            "server.request",
            request_id = &*id,
            http.method = request.method().as_str(),
            http.route = route,
            http.status = tracing::field::Empty,
            principal = tracing::field::Empty,
            trace_id = place.map(TraceContext::trace_id),
            span_id = place.map(TraceContext::span_id),
            trace_flags = place.map(TraceContext::flags),
            parent_span_id = parent.map(TraceContext::span_id),
        );
        Self { id, span }
    }

    /// Notes whose request it is.
    pub(crate) fn note_principal(&self, name: &str) {
        self.span.record("principal", name);
    }

    /// Answers within the span, also for a handler that panics.
    pub(crate) async fn answer(&self, answer: impl Future<Output = Response>) -> Response {
        let answered = AssertUnwindSafe(answer).catch_unwind().instrument(self.span.clone());
        answered.await.unwrap_or_else(handle_panic)
    }

    /// Writes the problem document of an answer that is an error.
    pub(crate) fn end(self, mut response: Response) -> Response {
        let status = response.status();
        self.span.record("http.status", status.as_u16());
        if status.is_client_error() || status.is_server_error() {
            response = write_problem(response, &self.id);
        }
        tracing::debug!(parent: &self.span, "answered");
        if let Ok(value) = HeaderValue::from_str(&self.id) {
            response.headers_mut().insert(X_REQUEST_ID, value);
        }
        response
    }
}

/// What it said is for the log only.
fn handle_panic(panic: Box<dyn Any + Send>) -> Response {
    let text = panic
        .downcast_ref::<&str>()
        .copied()
        .or_else(|| panic.downcast_ref::<String>().map(String::as_str))
        .unwrap_or("without a message");
    tracing::error!(panic = text, "a handler panicked");
    Problem::new(Code::Internal).into_response()
}

fn id_of<B>(state: &AppState, request: &http::Request<B>) -> Arc<str> {
    match given_id(request.headers()) {
        Some(given) => given.into(),
        None => made_id(state.clock().now()).into(),
    }
}

/// An id in the order of time. Nobody has to be unable to guess it, so the system is not asked for randomness.
fn made_id(now: OffsetDateTime) -> String {
    let milliseconds = u64::try_from(now.unix_timestamp_nanos() / 1_000_000).unwrap_or(0);
    let id = uuid::Builder::from_unix_timestamp_millis(milliseconds, &rand::random());
    id.into_uuid().to_string()
}

/// The id that the caller gave, if it can stand in a log and in a header.
fn given_id(headers: &HeaderMap) -> Option<&str> {
    let text = headers.get(X_REQUEST_ID)?.to_str().ok()?;
    let is_sane = (1..=64).contains(&text.len())
        && text
            .bytes()
            .all(|byte| byte.is_ascii_alphanumeric() || matches!(byte, b'-' | b'_' | b'.' | b':'));
    is_sane.then_some(text)
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
