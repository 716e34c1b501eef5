//! Requests of the API, counted.

use std::collections::{BTreeMap, HashMap};
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Duration;

use http::{Method, StatusCode};
use parking_lot::{Mutex, RwLock};
use slipway_provider_http::Durations;

use crate::problem::Code;

/// The methods that are told apart; the others are one.
const METHODS: [&str; 8] = ["GET", "HEAD", "POST", "PUT", "PATCH", "DELETE", "OPTIONS", "other"];

/// How a request can end. The last: its client went away before there was an answer.
const ENDS: [&str; 6] = ["1xx", "2xx", "3xx", "4xx", "5xx", "aborted"];
const ABORTED: usize = ENDS.len() - 1;

/// What is counted of one method on one route.
#[derive(Debug)]
pub(crate) struct RouteFigures {
    method: &'static str,
    route: Box<str>,
    ended: [AtomicU64; ENDS.len()],
    durations: Durations,
}

impl RouteFigures {
    pub(crate) fn method(&self) -> &'static str {
        self.method
    }

    pub(crate) fn route(&self) -> &str {
        &self.route
    }

    /// How many ended in each way that has occurred.
    pub(crate) fn ended(&self) -> impl Iterator<Item = (&'static str, u64)> {
        let counts = self.ended.iter().map(|count| count.load(Ordering::Relaxed));
        ENDS.into_iter().zip(counts).filter(|(_, count)| *count > 0)
    }

    /// How long those took that were answered.
    pub(crate) fn durations(&self) -> &Durations {
        &self.durations
    }
}

type Routes = HashMap<Box<str>, Arc<RouteFigures>>;

/// All requests since the process began.
#[derive(Debug, Default)]
pub(crate) struct RequestFigures {
    /// By method, then by route.
    routes: RwLock<[Routes; METHODS.len()]>,
    begun: AtomicU64,
    over: AtomicU64,
    problems: Mutex<BTreeMap<&'static str, u64>>,
}

impl RequestFigures {
    /// The figures of a route, which is the template of a path or a word for none.
    pub(crate) fn route(&self, method: &Method, route: &str) -> Arc<RouteFigures> {
        let other = METHODS.len() - 1;
        let place = METHODS
            .iter()
            .position(|known| *known == method.as_str())
            .unwrap_or(other);
        let known = self
            .routes
            .read()
            .get(place)
            .and_then(|routes| routes.get(route).cloned());
        if let Some(known) = known {
            return known;
        }
        let new = || RouteFigures {
            method: METHODS.get(place).copied().unwrap_or("other"),
            route: route.into(),
            ended: Default::default(),
            durations: Durations::default(),
        };
        match self.routes.write().get_mut(place) {
            Some(routes) => Arc::clone(routes.entry(route.into()).or_insert_with(|| Arc::new(new()))),
            None => Arc::new(new()),
        }
    }

    /// A request begins.
    pub(crate) fn begin(&self, route: Arc<RouteFigures>) -> UnderWay<'_> {
        self.begun.fetch_add(1, Ordering::Relaxed);
        UnderWay {
            figures: self,
            route,
            end: ABORTED,
        }
    }

    pub(crate) fn note_problem(&self, code: Code) {
        *self.problems.lock().entry(code.as_str()).or_default() += 1;
    }

    /// How many are being answered.
    pub(crate) fn in_flight(&self) -> u64 {
        let over = self.over.load(Ordering::Relaxed);
        self.begun.load(Ordering::Relaxed).saturating_sub(over)
    }

    /// How often each code was answered that has occurred.
    pub(crate) fn problems(&self) -> BTreeMap<&'static str, u64> {
        self.problems.lock().clone()
    }

    /// Every method and route that has occurred, in order.
    pub(crate) fn routes(&self) -> Vec<Arc<RouteFigures>> {
        let mut all: Vec<_> = self.routes.read().iter().flat_map(HashMap::values).cloned().collect();
        all.sort_by(|one, other| (&one.route, one.method).cmp(&(&other.route, other.method)));
        all
    }
}

/// A request that is being answered.
pub(crate) struct UnderWay<'a> {
    figures: &'a RequestFigures,
    route: Arc<RouteFigures>,
    end: usize,
}

impl UnderWay<'_> {
    pub(crate) fn route(&self) -> &Arc<RouteFigures> {
        &self.route
    }

    /// It was answered.
    pub(crate) fn end(mut self, status: StatusCode, took: Duration) {
        self.end = usize::from(status.as_u16() / 100).clamp(1, 5) - 1;
        self.route.durations.note(took);
    }
}

impl Drop for UnderWay<'_> {
    fn drop(&mut self) {
        self.figures.over.fetch_add(1, Ordering::Relaxed);
        if let Some(count) = self.route.ended.get(self.end) {
            count.fetch_add(1, Ordering::Relaxed);
        }
    }
}
