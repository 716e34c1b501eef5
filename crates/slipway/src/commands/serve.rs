//! `slipway serve` and `slipway sync`

use std::sync::Arc;

use slipway_config::Settings;
use slipway_core::provider::ProviderRegistry;
use slipway_core::{Clock, SystemClock};
use slipway_engine::SyncSettings;
use slipway_server::{Scope, ServerSettings, Token, Tokens};
use tokio::net::TcpListener;

use crate::cli::ConfigArgs;
use crate::database::Database;
use crate::failure::Failure;
use crate::gateway::{Api, Gateway, Parts, bind};
use crate::lifecycle::Lifecycle;
use crate::{accounts, telemetry};

/// What this replica does.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Roles {
    pub(crate) api: bool,
    pub(crate) sync: bool,
}

pub(crate) async fn run(args: &ConfigArgs, roles: Roles) -> Result<(), Failure> {
    let clock: Arc<dyn Clock> = Arc::new(SystemClock);
    let (settings, registry) = accounts::load(args, &clock)?;
    telemetry::start(&settings.log)?;
    let lifecycle = Lifecycle::listen()?;
    // The address first: a taken one is the commonest fault, and it is found out in no time.
    let listener = if roles.api {
        Some(bind(settings.server.listen).await?.0)
    } else {
        None
    };
    let Some(database) = lifecycle
        .until_soft(Database::open(&settings.database))
        .await
        .transpose()?
    else {
        return Ok(());
    };
    let served = serve(&settings, registry, clock, roles, listener, &database, &lifecycle).await;
    let ended = lifecycle.until_hard(database.close()).await;
    served.and(ended)
}

async fn serve(
    settings: &Settings,
    registry: ProviderRegistry,
    clock: Arc<dyn Clock>,
    roles: Roles,
    listener: Option<TcpListener>,
    database: &Database,
    lifecycle: &Lifecycle,
) -> Result<(), Failure> {
    if settings.accounts.is_empty() {
        tracing::warn!("no account is configured, so no deployment will appear");
    }
    let address = listener.as_ref().and_then(|listener| listener.local_addr().ok());
    let api = listener.map(|listener| Api {
        listener,
        tokens: tokens(settings.auth.read_token.expose(), settings.auth.admin_token.expose()),
        settings: ServerSettings {
            streams_per_principal: settings.server.streams_per_token,
            ..ServerSettings::default()
        },
    });
    let sync = roles.sync.then(|| sync_settings(settings, &*clock, database));
    let parts = Parts {
        database,
        registry,
        clock,
        sync,
        api,
    };
    let mut gateway = Gateway::start(parts, lifecycle).await?;
    match address {
        Some(address) => tracing::info!(%address, accounts = settings.accounts.len(), "the gateway serves"),
        None => tracing::info!(accounts = settings.accounts.len(), "the gateway syncs"),
    }
    let served = gateway.wait().await;
    let ended = lifecycle.until_hard(gateway.stop()).await;
    served.and(ended)
}

/// The tokens of the API.
pub(crate) fn tokens(read: &str, admin: &str) -> Tokens {
    [
        Token::from_secret("read", Scope::Read, read),
        Token::from_secret("admin", Scope::Admin, admin),
    ]
    .into_iter()
    .collect()
}

fn sync_settings(settings: &Settings, clock: &dyn Clock, database: &Database) -> SyncSettings {
    SyncSettings {
        account_interval: settings.sync.applications_every,
        running_interval: settings.sync.active_every,
        idle_interval: settings.sync.idle_every,
        ..sync_defaults(clock, database)
    }
}

/// What follows from the process and its database.
pub(crate) fn sync_defaults(clock: &dyn Clock, database: &Database) -> SyncSettings {
    SyncSettings {
        // In containers every process has the number 1.
        holder: format!("slipway-{}", slipway_core::id::new_id(clock.now())),
        is_only_process: database.is_builtin(),
        ..SyncSettings::default()
    }
}
