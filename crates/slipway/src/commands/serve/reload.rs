//! SIGHUP: the configuration is read again. Accounts with their tokens and secrets, rules and freeze windows are put in force
//! while everything goes on; a configuration with faults changes nothing.

use std::fmt::Debug;
use std::sync::Arc;

use slipway_config::Settings;
use slipway_core::Clock;
use slipway_core::provider::ProviderRegistry;
use slipway_engine::Writes;
use slipway_provider_http::CallBook;
use slipway_server::WebhookSecrets;
use tokio::signal::unix::{Signal, SignalKind, signal};

use crate::accounts::{self, Loaded};
use crate::cli::ConfigArgs;
use crate::failure::Failure;

/// What a running gateway reads its configuration again with.
pub(super) struct Reload {
    pub(super) args: ConfigArgs,
    pub(super) clock: Arc<dyn Clock>,
    /// What is in force.
    pub(super) settings: Settings,
    pub(super) writes: Writes,
    /// The adapters of the accounts.
    pub(super) adapters: ProviderRegistry,
    pub(super) calls: CallBook,
    pub(super) webhook_secrets: WebhookSecrets,
}

/// From here on a SIGHUP ends nothing.
pub(super) fn listen() -> Result<Signal, Failure> {
    signal(SignalKind::hangup()).map_err(|error| Failure::new(format!("the system refuses signal handlers: {error}")))
}

impl Reload {
    /// Reads the configuration again on every SIGHUP.
    pub(super) async fn run(mut self, mut hangups: Signal) {
        while hangups.recv().await.is_some() {
            self.reload();
        }
    }

    fn reload(&mut self) {
        let setup = self.writes.setup();
        let before = (&self.settings, &self.adapters, &self.calls);
        let loaded = accounts::read(&self.args, &self.clock, Some(before));
        let Loaded {
            settings,
            registry,
            adapters,
            freezes,
            ..
        } = match loaded {
            Ok(loaded) => loaded,
            Err(faults) => {
                for fault in faults.iter() {
                    tracing::error!(
                        fault.place = fault.place,
                        fault.key = fault.key,
                        fault.message = fault.message,
                        "the configuration has a fault and was not put in force; everything stays as it was"
                    );
                }
                return;
            }
        };
        self.writes.share_budgets(&registry);
        setup.replace(registry, super::rules(&settings));
        self.adapters = adapters;
        self.writes.replace_freezes(freezes);
        self.webhook_secrets.replace(super::webhook_secrets(&settings));
        let waiting = needs_restart(&self.settings, &settings);
        if !waiting.is_empty() {
            tracing::warn!(
                sections = waiting.join(", "),
                "these sections were changed and are put in force by a restart only"
            );
        }
        tracing::info!(
            accounts = settings.accounts.len(),
            rules = settings.rules.len(),
            freezes = settings.freezes.len(),
            "the configuration was read again"
        );
        self.settings = Settings {
            accounts: settings.accounts,
            rules: settings.rules,
            freezes: settings.freezes,
            status_mappings: settings.status_mappings,
            ..self.settings.clone()
        };
    }
}

/// The changed sections that only a start reads.
fn needs_restart(before: &Settings, now: &Settings) -> Vec<&'static str> {
    let differs = |one: &dyn Debug, other: &dyn Debug| format!("{one:?}") != format!("{other:?}");
    // Debug output does not show secrets.
    let secrets = |settings: &Settings| {
        let (auth, database) = (&settings.auth, &settings.database);
        let auth = [auth.read_token.clone(), auth.admin_token.clone()];
        (auth, [database.url.clone(), database.direct_url.clone()])
    };
    let (before_secrets, now_secrets) = (secrets(before), secrets(now));
    let sections = [
        ("server", differs(&before.server, &now.server)),
        (
            "database",
            differs(&before.database, &now.database) || before_secrets.1 != now_secrets.1,
        ),
        (
            "auth",
            differs(&before.auth, &now.auth) || before_secrets.0 != now_secrets.0,
        ),
        ("sync", differs(&before.sync, &now.sync)),
        ("logs", differs(&before.logs, &now.logs)),
        ("metrics", differs(&before.metrics, &now.metrics)),
        ("traces", differs(&before.traces, &now.traces)),
        ("log", differs(&before.log, &now.log)),
    ];
    let changed = sections.into_iter().filter(|(_, differs)| *differs);
    changed.map(|(name, _)| name).collect()
}
