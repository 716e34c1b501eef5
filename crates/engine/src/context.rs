//! What every part of the engine works with.

use std::ops::{Deref, DerefMut};
use std::sync::{Arc, Mutex, PoisonError};

use slipway_core::Clock;
use slipway_core::provider::ProviderRegistry;
use slipway_store::pool::PoolConnection;
use slipway_store::{PgConnection, PgPool, StoreError};
use time::{Duration, OffsetDateTime};
use tokio::sync::{OwnedSemaphorePermit, Semaphore};

use crate::figures::Figures;
use crate::logs::LogSettings;
use crate::retention::RetentionSettings;
use crate::rules::Rules;
use crate::setup::Setup;

/// The database, the adapters and the time.
#[derive(Debug, Clone)]
pub struct Context {
    /// Connections to the history.
    pub pool: PgPool,
    /// The accounts with their adapters, and the rules.
    pub setup: Setup,
    /// This process's clock.
    pub clock: Arc<dyn Clock>,
    /// What is kept of logs, and what is masked everywhere.
    pub logs: Arc<LogSettings>,
    /// How long everything else is kept.
    pub retention: Arc<RetentionSettings>,
    /// What the work came to.
    pub figures: Arc<Figures>,
    /// How the database's clock differs from ours.
    offset: Arc<Mutex<Duration>>,
    /// Half of the pool: the other half is for those who read, however much there is to sync.
    connections: Arc<Semaphore>,
}

/// A connection of the pool, within the engine's share of it.
#[derive(Debug)]
pub(crate) struct Connection {
    connection: PoolConnection,
    _share: Option<OwnedSemaphorePermit>,
}

impl Deref for Connection {
    type Target = PgConnection;

    fn deref(&self) -> &PgConnection {
        &self.connection
    }
}

impl DerefMut for Connection {
    fn deref_mut(&mut self) -> &mut PgConnection {
        &mut self.connection
    }
}

impl Context {
    /// A context whose clock is taken to agree with the database's until the first look at it.
    pub fn new(pool: PgPool, registry: ProviderRegistry, clock: Arc<dyn Clock>) -> Self {
        let share = usize::try_from(pool.options().get_max_connections() / 2)
            .unwrap_or(1)
            .max(1);
        Self {
            connections: Arc::new(Semaphore::new(share)),
            pool,
            setup: Setup::new(registry),
            clock,
            logs: Arc::default(),
            retention: Arc::default(),
            figures: Arc::default(),
            offset: Arc::default(),
        }
    }

    /// The same with rules.
    pub fn with_rules(mut self, rules: Rules) -> Self {
        self.setup = self.setup.with_rules(rules);
        self
    }

    /// The same with what is kept of logs.
    pub fn with_logs(mut self, logs: LogSettings) -> Self {
        self.logs = Arc::new(logs);
        self
    }

    /// The same with how long everything else is kept.
    pub fn with_retention(mut self, retention: RetentionSettings) -> Self {
        self.retention = Arc::new(retention);
        self
    }

    /// A connection to the database. Waits for its turn for as long as others of the engine have theirs; only then does the
    /// pool's own patience begin. Never take a second one while holding one.
    pub(crate) async fn connection(&self) -> Result<Connection, StoreError> {
        // Closed never, so a turn always comes.
        let share = Arc::clone(&self.connections).acquire_owned().await.ok();
        Ok(Connection {
            connection: self.pool.acquire().await?,
            _share: share,
        })
    }

    /// A connection for what somebody waits for: it does not queue behind the sync.
    pub(crate) async fn connection_of_a_write(&self) -> Result<Connection, StoreError> {
        Ok(Connection {
            connection: self.pool.acquire().await?,
            _share: None,
        })
    }

    /// Notes what the database's clock says now.
    pub fn note_database_time(&self, database_now: OffsetDateTime) {
        *self.offset.lock().unwrap_or_else(PoisonError::into_inner) = database_now - self.clock.now();
    }

    /// The time by the database's clock: what `asked_at` is told in, so that replicas with clocks of their own agree on the
    /// order of what they asked for.
    pub fn database_now(&self) -> OffsetDateTime {
        let offset = *self.offset.lock().unwrap_or_else(PoisonError::into_inner);
        slipway_core::clock::to_stored_precision(self.clock.now() + offset)
    }
}
