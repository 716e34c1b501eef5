//! What every handler can reach.

use std::fmt;
use std::ops::DerefMut;
use std::sync::Arc;
use std::time::Duration;

use slipway_core::Clock;
use slipway_engine::supervisor::TaskStatus;
use slipway_engine::{Figures, Setup, Writes};
use slipway_feed::{Feed, LogTails};
use slipway_provider_http::CallBook;
use slipway_store::readers::Readers;
use slipway_store::{PgConnection, PgPool, StoreError};
use tokio::sync::Semaphore;
use tokio_util::sync::CancellationToken;
use url::Url;
use uuid::Uuid;

use crate::auth::{Access, Network, Oidc, RateLimiter, Refusals, Tokens};
use crate::freshness::FreshnessCache;
use crate::gather::Gather;
use crate::hot::HotAnswers;
use crate::metrics::RequestFigures;
use crate::routes::{
    ApplicationsAnswer, ApplicationsQuestion, DeploymentAnswer, ListAnswer, ListQuestion, WebhookSecrets,
};
use crate::sse::StreamCounter;

/// So many connections are kept for reads of one statement, beside those of the pool.
pub(crate) const READERS: usize = 4;

/// Limits and intervals.
#[derive(Debug, Clone)]
pub struct ServerSettings {
    /// How often a stream says that it is alive.
    pub heartbeat_interval: Duration,
    /// How many streams and waiting requests a principal may have open at once.
    pub streams_per_principal: usize,
    /// How many requests are served at once, those that wait apart.
    pub concurrent_requests: usize,
    /// How much memory answers may take that are kept while nothing touches them; 0 keeps none.
    pub answer_cache_bytes: u64,
    /// How long a request may take, those that wait apart.
    pub request_timeout: Duration,
    /// The largest body, in bytes.
    pub body_limit_bytes: usize,
    /// The longest URI, in bytes.
    pub uri_limit_bytes: usize,
    /// How long `min_cursor` waits.
    pub min_cursor_wait: Duration,
    /// How many requests a principal may make in a minute; 0 for any number.
    pub requests_per_minute: u32,
    /// How many tokens that are not known an address may send in a minute; 0 for any number.
    pub failed_logins_per_minute: u32,
    /// How long refusals of one kind count as one in the audit log.
    pub refusals_window: Duration,
    /// How clients reach the gateway, where that is not what they call it in `Host`.
    pub public_url: Option<Url>,
    /// Which accounts take webhooks of their providers.
    pub webhook_secrets: WebhookSecrets,
    /// How many webhooks are taken for an account in a minute; 0 for any number.
    pub webhooks_per_minute: u32,
    /// Whose `X-Forwarded-For` is believed.
    pub trusted_proxies: Vec<Network>,
    /// Pages of these origins may read what the API answers.
    pub cors_origins: Vec<url::Origin>,
    /// Whether a request that belongs to no trace begins one. What it costs is worth it only where traces are kept.
    pub begin_traces: bool,
    /// Whether everybody may read who reaches the gateway. For listeners of this machine only.
    pub open_access: bool,
    /// Where access is open: whether everybody may also deploy and read raw answers. For simulated platforms.
    pub open_writes: bool,
}

impl Default for ServerSettings {
    fn default() -> Self {
        Self {
            heartbeat_interval: Duration::from_secs(15),
            streams_per_principal: 1000,
            concurrent_requests: 512,
            answer_cache_bytes: 64 * 1024 * 1024,
            request_timeout: Duration::from_secs(30),
            body_limit_bytes: 1024 * 1024,
            uri_limit_bytes: 8 * 1024,
            min_cursor_wait: Duration::from_secs(5),
            requests_per_minute: 0,
            failed_logins_per_minute: 0,
            refusals_window: Duration::from_secs(600),
            public_url: None,
            webhook_secrets: WebhookSecrets::default(),
            webhooks_per_minute: 120,
            trusted_proxies: Vec::new(),
            cors_origins: Vec::new(),
            begin_traces: false,
            open_access: false,
            open_writes: false,
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
    /// What changes something at providers, with the accounts and their adapters.
    pub writes: Writes,
    /// The time.
    pub clock: Arc<dyn Clock>,
    /// Who may ask, beside the tokens in the database.
    pub tokens: Tokens,
    /// An issuer whose tokens are trusted.
    pub oidc: Option<Arc<Oidc>>,
    /// How the background tasks are.
    pub tasks: TaskStatuses,
    /// What the background work of this process came to.
    pub figures: Arc<Figures>,
    /// What was asked of the providers.
    pub calls: CallBook,
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
    access: Arc<Access>,
    rates: Option<RateLimiter>,
    webhooks: Option<RateLimiter>,
    refusals: Refusals,
    freshness: FreshnessCache,
    streams: StreamCounter,
    log_tails: LogTails,
    requests: Semaphore,
    readers: Readers,
    gather: Gather,
    request_figures: RequestFigures,
    hot_lists: HotAnswers<ListQuestion, ListAnswer>,
    hot_deployments: HotAnswers<Uuid, DeploymentAnswer>,
    hot_applications: HotAnswers<ApplicationsQuestion, ApplicationsAnswer>,
}

impl AppState {
    /// Takes over the services.
    pub fn new(services: Services) -> Self {
        let access = Access::new(
            &services.pool,
            &services.clock,
            services.tokens.clone(),
            services.oidc.clone(),
            services.settings.failed_logins_per_minute,
        );
        let rates = RateLimiter::new(services.settings.requests_per_minute);
        let webhooks = RateLimiter::new(services.settings.webhooks_per_minute);
        let refusals = Refusals::new(services.settings.refusals_window);
        let freshness = FreshnessCache::new(services.pool.clone(), Arc::clone(&services.clock));
        let streams = StreamCounter::new(services.settings.streams_per_principal);
        let log_tails = LogTails::new(services.pool.clone());
        let requests = Semaphore::new(services.settings.concurrent_requests);
        let readers = Readers::new(services.pool.clone(), READERS);
        let gather = Gather::new(readers.clone());
        // Lists are the larger part.
        let bytes = services.settings.answer_cache_bytes;
        let hot_lists = HotAnswers::new(services.feed.clone(), bytes - bytes / 4 * 2);
        let hot_deployments = HotAnswers::new(services.feed.clone(), bytes / 4);
        let hot_applications = HotAnswers::new(services.feed.clone(), bytes / 4);
        Self(Arc::new(Inner {
            services,
            access: Arc::new(access),
            rates,
            webhooks,
            refusals,
            freshness,
            streams,
            log_tails,
            requests,
            readers,
            gather,
            request_figures: RequestFigures::default(),
            hot_lists,
            hot_deployments,
            hot_applications,
        }))
    }

    pub(crate) fn services(&self) -> &Services {
        &self.0.services
    }

    /// The configured accounts and their adapters.
    pub(crate) fn setup(&self) -> &Setup {
        self.0.services.writes.setup()
    }

    pub(crate) fn pool(&self) -> &PgPool {
        &self.0.services.pool
    }

    /// A connection for one statement after the other.
    pub(crate) async fn connection(&self) -> Result<impl DerefMut<Target = PgConnection> + use<>, StoreError> {
        Ok(self.pool().acquire().await?)
    }

    /// Connections for reads of one statement.
    pub(crate) fn readers(&self) -> &Readers {
        &self.0.readers
    }

    /// Reads of one deployment.
    pub(crate) fn gather(&self) -> &Gather {
        &self.0.gather
    }

    pub(crate) fn feed(&self) -> &Feed {
        &self.0.services.feed
    }

    pub(crate) fn access(&self) -> &Arc<Access> {
        &self.0.access
    }

    pub(crate) fn rates(&self) -> Option<&RateLimiter> {
        self.0.rates.as_ref()
    }

    pub(crate) fn webhooks(&self) -> Option<&RateLimiter> {
        self.0.webhooks.as_ref()
    }

    pub(crate) fn refusals(&self) -> &Refusals {
        &self.0.refusals
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

    pub(crate) fn log_tails(&self) -> &LogTails {
        &self.0.log_tails
    }

    pub(crate) fn hot_lists(&self) -> &HotAnswers<ListQuestion, ListAnswer> {
        &self.0.hot_lists
    }

    pub(crate) fn hot_deployments(&self) -> &HotAnswers<Uuid, DeploymentAnswer> {
        &self.0.hot_deployments
    }

    pub(crate) fn hot_applications(&self) -> &HotAnswers<ApplicationsQuestion, ApplicationsAnswer> {
        &self.0.hot_applications
    }

    pub(crate) fn request_figures(&self) -> &RequestFigures {
        &self.0.request_figures
    }

    pub(crate) fn requests(&self) -> &Semaphore {
        &self.0.requests
    }
}
