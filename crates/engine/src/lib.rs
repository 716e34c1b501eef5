#![doc = include_str!("../README.md")]

pub mod budget;
mod context;
mod figures;
pub mod freezes;
mod freshness;
pub mod inbox;
pub mod ingest;
pub mod logs;
pub mod mappings;
pub mod relabel;
mod remap;
pub mod renames;
pub mod retention;
pub mod rules;
mod setup;
pub mod supervisor;
pub mod sync;
mod views;
pub mod writes;

use std::sync::Arc;

use slipway_core::Clock;
use slipway_core::provider::ProviderRegistry;
use slipway_store::PgPool;

pub use context::Context;
pub use figures::Figures;
pub use setup::{Configured, Setup};
pub use sync::SyncSettings;
pub use writes::Writes;

use supervisor::Supervisor;

/// The background work of a process.
#[derive(Debug, Clone)]
pub struct Engine {
    context: Context,
    settings: SyncSettings,
    writes: Option<Writes>,
}

impl Engine {
    /// An engine that is not at work yet.
    pub fn new(settings: SyncSettings, pool: PgPool, registry: ProviderRegistry, clock: Arc<dyn Clock>) -> Self {
        Self {
            context: Context::new(pool, registry, clock),
            settings,
            writes: None,
        }
    }

    /// The same that also ends the writes of these callers that a crash or a lost answer left open.
    #[must_use]
    pub fn with_writes(mut self, writes: Writes) -> Self {
        self.writes = Some(writes);
        self
    }

    /// An engine over what others work with, too.
    pub fn of(settings: SyncSettings, context: Context) -> Self {
        Self {
            context,
            settings,
            writes: None,
        }
    }

    /// The same with rules that give environments, owners and labels.
    pub fn with_rules(mut self, rules: rules::Rules) -> Self {
        self.context = self.context.with_rules(rules);
        self
    }

    /// The same with what is kept of logs, and what is masked.
    pub fn with_logs(mut self, logs: logs::LogSettings) -> Self {
        self.context = self.context.with_logs(logs);
        self
    }

    /// What the engine works with, for callers that bring observations in themselves.
    pub fn context(&self) -> &Context {
        &self.context
    }

    /// Starts the background tasks; they end when the supervisor's token is cancelled.
    pub fn spawn(&self, supervisor: &Supervisor) {
        let (context, settings, shutdown) = (
            self.context.clone(),
            self.settings.clone(),
            supervisor.shutdown().clone(),
        );
        supervisor.spawn("sync", move || {
            sync::run(context.clone(), settings.clone(), shutdown.clone())
        });
        let (context, shutdown) = (self.context.clone(), supervisor.shutdown().clone());
        supervisor.spawn("freshness", move || {
            freshness::announce(context.clone(), shutdown.clone())
        });
        if let Some(writes) = self.writes.clone() {
            let (is_only_process, shutdown) = (self.settings.is_only_process, supervisor.shutdown().clone());
            supervisor.spawn("writes", move || {
                writes::reconcile(writes.clone(), is_only_process, shutdown.clone())
            });
        }
        let (context, shutdown) = (self.context.clone(), supervisor.shutdown().clone());
        let relabel = Arc::new(relabel::Relabel::default());
        supervisor.spawn("relabel", move || {
            relabel::run(Arc::clone(&relabel), context.clone(), shutdown.clone())
        });
        let (context, shutdown) = (self.context.clone(), supervisor.shutdown().clone());
        supervisor.spawn("logs", move || logs::fetch::run(context.clone(), shutdown.clone()));
        let (context, shutdown) = (self.context.clone(), supervisor.shutdown().clone());
        supervisor.spawn("log_retention", move || {
            logs::retention::run(context.clone(), shutdown.clone())
        });
        let (context, shutdown) = (self.context.clone(), supervisor.shutdown().clone());
        supervisor.spawn("retention", move || retention::run(context.clone(), shutdown.clone()));
    }
}
