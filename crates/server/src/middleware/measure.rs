//! Counts requests by the template of their path, never by the path itself: there are only so many templates.

use std::sync::Arc;
use std::time::Instant;

use axum::extract::{MatchedPath, Request};
use axum::response::Response;

use crate::metrics::{RequestFigures, RouteFigures, UnderWay};
use crate::problem::Code;

/// What matched no route.
const UNMATCHED: &str = "unmatched";

/// A request that is measured from its head to the head of its answer; a stream counts as answered when it begins.
pub(crate) struct Measured<'a> {
    figures: &'a RequestFigures,
    under_way: UnderWay<'a>,
    began: Instant,
}

impl<'a> Measured<'a> {
    /// It has come.
    pub(crate) fn begin(figures: &'a RequestFigures, request: &Request) -> Self {
        let route = request.extensions().get::<MatchedPath>();
        let route = figures.route(request.method(), route.map_or(UNMATCHED, MatchedPath::as_str));
        Self::begin_on(figures, route, Instant::now())
    }

    /// The same on a route that is known, for one that came a moment ago.
    pub(crate) fn begin_on(figures: &'a RequestFigures, route: Arc<RouteFigures>, began: Instant) -> Self {
        Self {
            figures,
            under_way: figures.begin(route),
            began,
        }
    }

    /// On which route.
    pub(crate) fn route(&self) -> &Arc<RouteFigures> {
        self.under_way.route()
    }

    /// It was answered. Without this it counts as aborted.
    pub(crate) fn end(self, response: &Response) {
        self.under_way.end(response.status(), self.began.elapsed());
        if let Some(code) = response.extensions().get::<Code>() {
            self.figures.note_problem(*code);
        }
    }
}
