//! Counts requests by the template of their path, never by the path itself: there are only so many templates.

use std::sync::Arc;
use std::time::Instant;

use axum::extract::{MatchedPath, Request, State};
use axum::middleware::Next;
use axum::response::Response;

use crate::problem::Code;
use crate::state::AppState;

/// What matched no route.
const UNMATCHED: &str = "unmatched";

/// Measures from the head of a request to the head of its answer; a stream counts as answered when it begins.
pub(crate) async fn measure(State(state): State<AppState>, request: Request, next: Next) -> Response {
    let figures = state.request_figures();
    let route = request.extensions().get::<MatchedPath>();
    let route = figures.route(request.method(), route.map_or(UNMATCHED, MatchedPath::as_str));
    let under_way = figures.begin(Arc::clone(&route));
    let began = Instant::now();
    let response = next.run(request).await;
    under_way.end(response.status(), began.elapsed());
    if let Some(code) = response.extensions().get::<Code>() {
        figures.note_problem(*code);
    }
    response
}
