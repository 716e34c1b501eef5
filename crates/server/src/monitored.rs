//! What health and metrics look at: a process, whether or not it serves the API.

use std::fmt;
use std::sync::Arc;

use axum::Router;
use axum::routing::get;
use slipway_core::Clock;
use slipway_engine::{Figures, Setup};
use slipway_provider_http::CallBook;
use slipway_store::PgPool;
use tokio_util::sync::CancellationToken;

use crate::routes::{health, metrics};
use crate::state::{AppState, TaskStatuses};

/// A process as whoever operates it sees it.
#[derive(Clone)]
pub struct Monitored {
    /// Its connections to the database.
    pub pool: PgPool,
    /// The configured accounts.
    pub setup: Setup,
    /// The time.
    pub clock: Arc<dyn Clock>,
    /// How its background tasks are.
    pub tasks: TaskStatuses,
    /// What its background work came to.
    pub figures: Arc<Figures>,
    /// What was asked of the providers.
    pub calls: CallBook,
    /// Cancelled when it stops.
    pub shutdown: CancellationToken,
    /// Its API, where it serves one.
    pub api: Option<AppState>,
}

impl fmt::Debug for Monitored {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Monitored").finish_non_exhaustive()
    }
}

impl AppState {
    /// The process that serves this API.
    pub fn monitored(&self) -> Monitored {
        let services = self.services();
        Monitored {
            pool: services.pool.clone(),
            setup: services.writes.setup().clone(),
            clock: Arc::clone(&services.clock),
            tasks: Arc::clone(&services.tasks),
            figures: Arc::clone(&services.figures),
            calls: services.calls.clone(),
            shutdown: services.shutdown.clone(),
            api: Some(self.clone()),
        }
    }
}

/// Health and metrics for a listener of their own, which asks for no token: only whoever operates the process may reach it.
pub fn operations_router(monitored: Monitored) -> Router {
    Router::new()
        .route("/livez", get(health::livez))
        .route("/readyz", get(health::readyz_of))
        .route("/healthz", get(health::healthz_of))
        .route("/metrics", get(metrics::metrics_of))
        .with_state(monitored)
}
