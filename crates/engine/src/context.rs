//! What every part of the engine works with.

use std::sync::{Arc, Mutex, PoisonError};

use slipway_core::Clock;
use slipway_core::provider::ProviderRegistry;
use slipway_store::PgPool;
use time::{Duration, OffsetDateTime};

use crate::rules::Rules;

/// The database, the adapters and the time.
#[derive(Debug, Clone)]
pub struct Context {
    /// Connections to the history.
    pub pool: PgPool,
    /// The accounts and their adapters.
    pub registry: ProviderRegistry,
    /// This process's clock.
    pub clock: Arc<dyn Clock>,
    /// What gives environments, owners and labels.
    pub rules: Arc<Rules>,
    /// How the database's clock differs from ours.
    offset: Arc<Mutex<Duration>>,
}

impl Context {
    /// A context whose clock is taken to agree with the database's until the first look at it.
    pub fn new(pool: PgPool, registry: ProviderRegistry, clock: Arc<dyn Clock>) -> Self {
        Self {
            pool,
            registry,
            clock,
            rules: Arc::default(),
            offset: Arc::default(),
        }
    }

    /// The same with rules.
    pub fn with_rules(mut self, rules: Rules) -> Self {
        self.rules = Arc::new(rules);
        self
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
