//! What every handler can reach.

use std::fmt;
use std::ops::DerefMut;
use std::sync::Arc;
use std::time::Duration;

use slipway_core::Clock;
use slipway_core::provider::ProviderRegistry;
use slipway_engine::supervisor::TaskStatus;
use slipway_feed::Feed;
use slipway_store::{PgConnection, PgPool, StoreError};
use tokio::sync::Semaphore;
use tokio_util::sync::CancellationToken;

use crate::freshness::FreshnessCache;
use crate::sse::StreamCounter;
use crate::tokens::Tokens;

/// Limits and intervals.
#[derive(Debug, Clone)]
pub struct ServerSettings {
    /// How often a stream says that it is alive.
    pub heartbeat_interval: Duration,
    /// How many streams and waiting requests a principal may have open at once.
    pub streams_per_principal: usize,
    /// How many requests are served at once, those that wait apart.
    pub concurrent_requests: usize,
    /// How long a request may take, those that wait apart.
    pub request_timeout: Duration,
    /// The largest body, in bytes.
    pub body_limit_bytes: usize,
    /// The longest URI, in bytes.
    pub uri_limit_bytes: usize,
    /// How long `min_cursor` waits.
    pub min_cursor_wait: Duration,
}

impl Default for ServerSettings {
    fn default() -> Self {
        Self {
            heartbeat_interval: Duration::from_secs(15),
            streams_per_principal: 1000,
            concurrent_requests: 512,
            request_timeout: Duration::from_secs(30),
            body_limit_bytes: 1024 * 1024,
            uri_limit_bytes: 8 * 1024,
            min_cursor_wait: Duration::from_secs(5),
        }
    }
}

/// Tells how the background tasks are.
pub type TaskStatuses = Arc<dyn Fn() -> Vec<TaskStatus> + Send + Sync>;

/// What the composition root hands over.
#[derive(Clone)]
pub struct Services {
    /// The database.
    pub pool: PgPool,
    /// The event log.
    pub feed: Feed,
    /// The configured accounts and their adapters.
    pub registry: Arc<ProviderRegistry>,
    /// The time.
    pub clock: Arc<dyn Clock>,
    /// Who may ask.
    pub tokens: Tokens,
    /// How the background tasks are.
    pub tasks: TaskStatuses,
    /// Limits and intervals.
    pub settings: ServerSettings,
    /// Cancelled when streams and waiting requests have to end.
    pub shutdown: CancellationToken,
}

impl fmt::Debug for Services {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Services")
            .field("settings", &self.settings)
            .finish_non_exhaustive()
    }
}

/// What every handler can reach. Clones share everything.
#[derive(Debug, Clone)]
pub struct AppState(Arc<Inner>);

#[derive(Debug)]
struct Inner {
    services: Services,
    freshness: FreshnessCache,
    streams: StreamCounter,
    requests: Semaphore,
}

impl AppState {
    /// Takes over the services.
    pub fn new(services: Services) -> Self {
        let freshness = FreshnessCache::new(services.pool.clone(), Arc::clone(&services.clock));
        let streams = StreamCounter::new(services.settings.streams_per_principal);
        let requests = Semaphore::new(services.settings.concurrent_requests);
        Self(Arc::new(Inner {
            services,
            freshness,
            streams,
            requests,
        }))
    }

    pub(crate) fn services(&self) -> &Services {
        &self.0.services
    }

    pub(crate) fn pool(&self) -> &PgPool {
        &self.0.services.pool
    }

    /// A connection for one statement after the other.
    pub(crate) async fn connection(&self) -> Result<impl DerefMut<Target = PgConnection> + use<>, StoreError> {
        Ok(self.pool().acquire().await?)
    }

    pub(crate) fn feed(&self) -> &Feed {
        &self.0.services.feed
    }

    pub(crate) fn settings(&self) -> &ServerSettings {
        &self.0.services.settings
    }

    pub(crate) fn clock(&self) -> &dyn Clock {
        &*self.0.services.clock
    }

    pub(crate) fn freshness(&self) -> &FreshnessCache {
        &self.0.freshness
    }

    pub(crate) fn streams(&self) -> &StreamCounter {
        &self.0.streams
    }

    pub(crate) fn requests(&self) -> &Semaphore {
        &self.0.requests
    }
}
