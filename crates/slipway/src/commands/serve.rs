//! `slipway serve` and `slipway sync`

mod reload;

use std::net::SocketAddr;
use std::sync::Arc;

use slipway_config::{OidcSettings, RuleSettings, Secret, Settings};
use slipway_core::{Clock, SystemClock};
use slipway_engine::SyncSettings;
use slipway_engine::logs::{LogSettings, Masks};
use slipway_engine::retention::RetentionSettings;
use slipway_engine::rules::{Rule, Rules};
use slipway_server::{Network, Oidc, Scope, Scopes, ServerSettings, Token, Tokens, WebhookSecrets};
use tokio::net::TcpListener;
use tokio::signal::unix::Signal;

use self::reload::Reload;
use crate::accounts::Loaded;
use crate::cli::{ConfigArgs, GatewayArgs};
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

pub(crate) async fn run(args: &GatewayArgs, roles: Roles) -> Result<(), Failure> {
    let may_migrate = args.migrate;
    let args = &args.config;
    let clock: Arc<dyn Clock> = Arc::new(SystemClock);
    let loaded = accounts::load(args, &clock)?;
    let settings = &loaded.settings;
    let traces = telemetry::start_with_traces(&settings.log, &settings.traces, &clock)?;
    let lifecycle = Lifecycle::listen()?;
    let hangups = reload::listen()?;
    // The address first: a taken one is the commonest fault, and it is found out in no time.
    let listener = if roles.api {
        Some(bind(settings.server.listen).await?.0)
    } else {
        None
    };
    let metrics = match settings.metrics.listen {
        Some(address) => Some(bind(address).await?.0),
        None => None,
    };
    let Some(database) = lifecycle
        .until_soft(Database::open(
            &settings.database,
            may_migrate || settings.database.migrate_on_start,
        ))
        .await
        .transpose()?
    else {
        return Ok(());
    };
    let served = serve(
        loaded,
        (args, hangups),
        clock,
        roles,
        (listener, metrics),
        &database,
        &lifecycle,
    )
    .await;
    let ended = lifecycle.until_hard(database.close()).await;
    traces.flush().await;
    served.and(ended)
}

async fn serve(
    loaded: Loaded,
    (args, hangups): (&ConfigArgs, Signal),
    clock: Arc<dyn Clock>,
    roles: Roles,
    (listener, metrics): (Option<TcpListener>, Option<TcpListener>),
    database: &Database,
    lifecycle: &Lifecycle,
) -> Result<(), Failure> {
    let Loaded {
        settings,
        registry,
        adapters,
        calls,
        freezes,
    } = loaded;
    if settings.accounts.is_empty() {
        tracing::warn!("no account is configured, so no deployment will appear");
    }
    let address = listener.as_ref().and_then(|listener| listener.local_addr().ok());
    let oidc = match &settings.auth.oidc {
        Some(oidc_settings) => Some(Arc::new(oidc(oidc_settings, &clock)?)),
        None => None,
    };
    let tokens = configured_tokens(&settings);
    let webhook_secrets = webhook_secrets(&settings);
    let api = listener.map(|listener| Api {
        listener,
        tokens: tokens.clone(),
        oidc,
        settings: ServerSettings {
            webhook_secrets: webhook_secrets.clone(),
            ..server_settings(&settings)
        },
    });
    let sync = roles.sync.then(|| sync_settings(&settings, &*clock, database));
    let parts = Parts {
        database,
        registry,
        calls: calls.clone(),
        clock: Arc::clone(&clock),
        sync,
        rules: rules(&settings),
        logs: log_settings(&settings)?,
        retention: RetentionSettings {
            history: settings.retention.history,
            payloads: settings.retention.payloads,
            events: settings.retention.events,
        },
        freezes,
        renames: accounts::renames(&settings),
        api,
        metrics,
    };
    let watched_at = metrics_address(&parts);
    let mut gateway = Gateway::start(parts, lifecycle).await?;
    if let Some(address) = watched_at {
        tracing::info!(%address, "metrics and health are served without a token");
    }
    match address {
        Some(address) => tracing::info!(%address, accounts = settings.accounts.len(), "the gateway serves"),
        None => tracing::info!(accounts = settings.accounts.len(), "the gateway syncs"),
    }
    let reload = Reload {
        args: args.clone(),
        clock,
        settings,
        context: gateway.context().clone(),
        writes: gateway.writes().clone(),
        adapters,
        calls,
        webhook_secrets,
        tokens,
    };
    let reloading = tokio::spawn(reload.run(hangups));
    let served = gateway.wait().await;
    reloading.abort();
    let ended = lifecycle.until_hard(gateway.stop()).await;
    served.and(ended)
}

fn metrics_address(parts: &Parts<'_>) -> Option<SocketAddr> {
    parts.metrics.as_ref()?.local_addr().ok()
}

fn configured_tokens(settings: &Settings) -> Tokens {
    let secret = |secret: &Option<Secret>| secret.as_ref().map(|secret| secret.expose().to_owned());
    let auth = &settings.auth;
    tokens(
        secret(&auth.read_token).as_deref(),
        secret(&auth.admin_token).as_deref(),
    )
}

/// These tokens.
pub(crate) fn tokens(read: Option<&str>, admin: Option<&str>) -> Tokens {
    let read = read.map(|secret| Token::from_secret("read", Scopes::READ, secret));
    let admin = admin.map(|secret| Token::from_secret("admin", Scopes::ADMIN, secret));
    read.into_iter().chain(admin).collect()
}

fn webhook_secrets(settings: &Settings) -> WebhookSecrets {
    let accounts = settings.accounts.iter();
    let secrets =
        accounts.filter_map(|account| Some((account.name.as_str(), account.webhook_secret.as_ref()?.expose())));
    secrets.collect()
}

fn server_settings(settings: &Settings) -> ServerSettings {
    let server = &settings.server;
    let network = |(address, prefix): &(std::net::IpAddr, u8)| Network {
        address: *address,
        prefix: *prefix,
    };
    ServerSettings {
        streams_per_principal: server.streams_per_token,
        requests_per_minute: server.requests_per_minute,
        failed_logins_per_minute: server.failed_logins_per_minute,
        answer_cache_bytes: server.answer_cache_bytes,
        public_url: server.public_url.clone(),
        trusted_proxies: server.trusted_proxies.iter().map(network).collect(),
        cors_origins: server.cors_origins.clone(),
        open_access: settings.auth.open_access,
        begin_traces: settings.traces.endpoint.is_some(),
        ..ServerSettings::default()
    }
}

fn oidc(settings: &OidcSettings, clock: &Arc<dyn Clock>) -> Result<Oidc, Failure> {
    let mut scopes = Vec::new();
    for (value, words) in &settings.scopes {
        let unknown = words.iter().find(|word| Scope::parse(word).is_none());
        if let Some(unknown) = unknown {
            return Err(Failure::new(format!(
                "auth.oidc.scopes gives {value:?} the scope `{unknown}`, which does not exist"
            )));
        }
        scopes.push((value.clone(), Scopes::from_words(words.iter().map(String::as_str))));
    }
    let restrictions = settings.restrictions.clone();
    let settings = slipway_server::OidcSettings {
        issuer: settings.issuer.clone(),
        audience: settings.audience.clone(),
        claim: settings.claim.clone(),
        scopes,
        restrictions: slipway_server::OidcRestrictions {
            providers: restrictions.providers,
            accounts: restrictions.accounts,
            applications: restrictions.applications,
            environments: restrictions.environments,
        },
        key_hosts: settings.key_hosts.clone(),
    };
    Oidc::new(settings, Arc::clone(clock)).map_err(|error| Failure::new(format!("auth.oidc cannot be used: {error}")))
}

fn rules(settings: &Settings) -> Rules {
    let rule = |rule: &RuleSettings| {
        let RuleSettings {
            providers,
            accounts,
            names,
            git_repositories,
            environments,
            environment,
            owner,
            labels,
        } = rule.clone();
        Rule {
            providers,
            accounts,
            names,
            git_repositories,
            environments,
            environment,
            owner,
            labels,
        }
    };
    Rules::new(settings.rules.iter().map(rule).collect())
}

fn log_settings(settings: &Settings) -> Result<LogSettings, Failure> {
    let logs = &settings.logs;
    let masks = Masks::new(&logs.mask_patterns)
        .map_err(|error| Failure::new(format!("logs.mask_patterns cannot be used: {error}")))?;
    Ok(LogSettings {
        masks,
        max_bytes: logs.max_bytes,
        keep_for: logs.keep_for,
        ..LogSettings::default()
    })
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
