//! SIGHUP: the configuration is read again. Accounts with their tokens and secrets, mappings of statuses, rules, freeze windows
//! and the tokens of the API are put in force
//! while everything goes on; a configuration with faults changes nothing.

use std::fmt::Debug;
use std::sync::Arc;

use slipway_config::{AuthSettings, Settings};
use slipway_core::Clock;
use slipway_core::provider::ProviderRegistry;
use slipway_engine::{Context, Writes, renames};
use slipway_provider_http::CallBook;
use slipway_server::{Tokens, WebhookSecrets};
use tokio::signal::unix::{Signal, SignalKind, signal};

use crate::accounts::{self, Loaded};
use crate::cli::ConfigArgs;
use crate::failure::{Failure, chain};

/// What a running gateway reads its configuration again with.
pub(super) struct Reload {
    pub(super) args: ConfigArgs,
    pub(super) clock: Arc<dyn Clock>,
    /// What is in force.
    pub(super) settings: Settings,
    pub(super) context: Context,
    pub(super) writes: Writes,
    /// The adapters of the accounts.
    pub(super) adapters: ProviderRegistry,
    pub(super) calls: CallBook,
    pub(super) webhook_secrets: WebhookSecrets,
    /// Those of the API.
    pub(super) tokens: Tokens,
}

/// From here on a SIGHUP ends nothing.
pub(super) fn listen() -> Result<Signal, Failure> {
    signal(SignalKind::hangup()).map_err(|error| Failure::new(format!("the system refuses signal handlers: {error}")))
}

impl Reload {
    /// Reads the configuration again on every SIGHUP.
    pub(super) async fn run(mut self, mut hangups: Signal) {
        while hangups.recv().await.is_some() {
            self.reload().await;
        }
    }

    async fn reload(&mut self) {
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
        let names: Vec<_> = settings.accounts.iter().map(|account| account.name.clone()).collect();
        let renamed = renames::apply(&self.context, &names, &accounts::renames(&settings)).await;
        if let Err(error) = renamed {
            tracing::error!(
                error = chain(&error),
                "the configuration was not put in force; everything stays as it was"
            );
            return;
        }
        self.writes.share_budgets(&registry);
        self.context.setup.replace(registry, super::rules(&settings));
        self.adapters = adapters;
        self.writes.replace_freezes(freezes);
        self.webhook_secrets.replace(super::webhook_secrets(&settings));
        self.tokens.replace(&super::configured_tokens(&settings));
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
            auth: AuthSettings {
                read_token: settings.auth.read_token,
                admin_token: settings.auth.admin_token,
                ..self.settings.auth.clone()
            },
            ..self.settings.clone()
        };
    }
}

/// The changed sections that only a start reads.
fn needs_restart(before: &Settings, now: &Settings) -> Vec<&'static str> {
    let differs = |one: &dyn Debug, other: &dyn Debug| format!("{one:?}") != format!("{other:?}");
    // Debug output does not show secrets.
    let secrets = |settings: &Settings| {
        let database = &settings.database;
        [database.url.clone(), database.direct_url.clone()]
    };
    let auth = |settings: &Settings| AuthSettings {
        read_token: None,
        admin_token: None,
        ..settings.auth.clone()
    };
    let (before_secrets, now_secrets) = (secrets(before), secrets(now));
    let sections = [
        ("server", differs(&before.server, &now.server)),
        (
            "database",
            differs(&before.database, &now.database) || before_secrets != now_secrets,
        ),
        ("auth", differs(&auth(before), &auth(now))),
        ("sync", differs(&before.sync, &now.sync)),
        ("logs", differs(&before.logs, &now.logs)),
        ("retention", differs(&before.retention, &now.retention)),
        ("metrics", differs(&before.metrics, &now.metrics)),
        ("traces", differs(&before.traces, &now.traces)),
        ("log", differs(&before.log, &now.log)),
    ];
    let changed = sections.into_iter().filter(|(_, differs)| *differs);
    changed.map(|(name, _)| name).collect()
}
