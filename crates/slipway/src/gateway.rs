//! The running gateway: engine, feed and API over one database.

use std::net::SocketAddr;
use std::sync::Arc;
use std::time::Duration;

use slipway_core::Clock;
use slipway_core::provider::ProviderRegistry;
use slipway_engine::freezes::Freezes;
use slipway_engine::logs::LogSettings;
use slipway_engine::renames::Rename;
use slipway_engine::retention::RetentionSettings;
use slipway_engine::rules::Rules;
use slipway_engine::supervisor::Supervisor;
use slipway_engine::{Context, Engine, SyncSettings, Writes, budget, renames};
use slipway_feed::{Feed, FeedSettings};
use slipway_provider_http::CallBook;
use slipway_server::{AppState, Monitored, Oidc, ServerSettings, Services, Tokens};
use slipway_store::pool;
use tokio::net::TcpListener;
use tokio::task::JoinHandle;

use crate::database::Database;
use crate::failure::{Failure, chain};
use crate::lifecycle::Lifecycle;

/// Streams, pollers and listeners end within two seconds; the rest is for a machine that is busy.
const TASKS_PATIENCE: Duration = Duration::from_secs(5);

/// How long the answers of providers to writes are waited for.
const WRITES_PATIENCE: Duration = Duration::from_secs(15);

/// What a gateway is put together from.
pub(crate) struct Parts<'a> {
    pub(crate) database: &'a Database,
    pub(crate) registry: ProviderRegistry,
    /// Where its adapters count what they ask.
    pub(crate) calls: CallBook,
    pub(crate) clock: Arc<dyn Clock>,
    /// None: no background work.
    pub(crate) sync: Option<SyncSettings>,
    /// What gives environments, owners and labels.
    pub(crate) rules: Rules,
    /// What is kept of the logs of deployments.
    pub(crate) logs: LogSettings,
    /// How long everything else is kept.
    pub(crate) retention: RetentionSettings,
    /// When nothing is deployed.
    pub(crate) freezes: Freezes,
    /// Accounts that were called something else before.
    pub(crate) renames: Vec<Rename>,
    /// None: no API.
    pub(crate) api: Option<Api>,
    /// Where health and metrics are served without a token.
    pub(crate) metrics: Option<TcpListener>,
}

pub(crate) struct Api {
    pub(crate) listener: TcpListener,
    pub(crate) tokens: Tokens,
    pub(crate) oidc: Option<Arc<Oidc>>,
    pub(crate) settings: ServerSettings,
}

pub(crate) struct Gateway {
    supervisor: Supervisor,
    context: Context,
    writes: Writes,
    lifecycle: Lifecycle,
    server: Option<JoinHandle<std::io::Result<()>>>,
}

impl Gateway {
    /// Starts everything; answers as soon as the API takes requests.
    pub(crate) async fn start(parts: Parts<'_>, lifecycle: &Lifecycle) -> Result<Self, Failure> {
        let Parts {
            database,
            registry,
            calls,
            clock,
            sync,
            rules,
            logs,
            retention,
            freezes,
            renames,
            api,
            metrics,
        } = parts;
        let supervisor = Supervisor::new(Arc::clone(&clock), lifecycle.soft.clone());
        let context = Context::new(database.pool.clone(), registry, Arc::clone(&clock))
            .with_rules(rules)
            .with_logs(logs)
            .with_retention(retention);
        note_database_time(&context).await;
        renames::apply(&context, &context.setup.account_names(), &renames)
            .await
            .map_err(|error| Failure::new(chain(&error)))?;
        budget::share(&context, &context.setup.now().registry);
        let writes = Writes::new(context.clone(), freezes);
        if let Some(settings) = sync {
            Engine::of(settings, context.clone())
                .with_writes(writes.clone())
                .spawn(&supervisor);
        }
        let tasks = supervisor.clone();
        let mut monitored = Monitored {
            pool: database.pool.clone(),
            setup: context.setup.clone(),
            clock,
            tasks: Arc::new(move || tasks.statuses()),
            figures: Arc::clone(&context.figures),
            calls,
            shutdown: supervisor.shutdown().clone(),
            api: None,
        };
        let server = match api {
            None => None,
            Some(api) => {
                let state = api_state(&api, &monitored, database, writes.clone(), &supervisor).await?;
                monitored.api = Some(state.clone());
                Some(tokio::spawn(slipway_server::serve(
                    api.listener,
                    slipway_server::router(state, slipway_dashboard::router()),
                    lifecycle.soft.clone(),
                )))
            }
        };
        if let Some(listener) = metrics {
            // Ends with the process; until then whoever watches sees how it stops.
            let router = slipway_server::operations_router(monitored);
            tokio::spawn(slipway_server::serve(listener, router, lifecycle.hard.clone()));
        }
        Ok(Self {
            supervisor,
            context,
            writes,
            lifecycle: lifecycle.clone(),
            server,
        })
    }

    /// What everything works with.
    pub(crate) fn context(&self) -> &Context {
        &self.context
    }

    /// What changes something at providers, with the accounts and their adapters.
    pub(crate) fn writes(&self) -> &Writes {
        &self.writes
    }

    /// Waits until the end begins, or until the API ends by itself, which is a failure.
    pub(crate) async fn wait(&mut self) -> Result<(), Failure> {
        let soft = self.lifecycle.soft.clone();
        let Some(server) = &mut self.server else {
            soft.cancelled().await;
            return Ok(());
        };
        let ended = tokio::select! {
            () = soft.cancelled() => return Ok(()),
            ended = &mut *server => ended,
        };
        self.server = None;
        if soft.is_cancelled() {
            return Ok(());
        }
        soft.cancel();
        let reason = match ended {
            Ok(Ok(())) => "it ended by itself".to_owned(),
            Ok(Err(error)) => error.to_string(),
            Err(error) => error.to_string(),
        };
        Err(Failure::new(format!("the API cannot go on: {reason}")))
    }

    /// Waits for streams, requests and background tasks to end.
    pub(crate) async fn stop(self) {
        self.lifecycle.soft.cancel();
        if let Some(server) = self.server
            && let Ok(Err(error)) = server.await
        {
            tracing::error!(%error, "the API did not end cleanly");
        }
        let unfinished = self.supervisor.join(TASKS_PATIENCE).await;
        if !unfinished.is_empty() {
            tracing::warn!(tasks = unfinished.join(", "), "background tasks did not end in time");
        }
        // Else every rolling restart would leave writes of which nobody knows what came of them.
        if !self.writes.is_idle() {
            tracing::info!("waiting for the answers of providers to writes");
        }
        if tokio::time::timeout(WRITES_PATIENCE, self.writes.finish())
            .await
            .is_err()
        {
            tracing::warn!(
                "a provider did not answer a write in time; another process or the next start goes on with it"
            );
        }
    }
}

async fn api_state(
    api: &Api,
    monitored: &Monitored,
    database: &Database,
    writes: Writes,
    supervisor: &Supervisor,
) -> Result<AppState, Failure> {
    let (pool, direct) = (database.pool.clone(), database.direct_options.clone());
    let feed = Feed::start(pool, direct, FeedSettings::default(), Arc::clone(&monitored.clock))
        .await
        .map_err(|error| Failure::new(format!("the event log cannot be read: {}", chain(&error))))?;
    let (task_feed, task_shutdown) = (feed.clone(), monitored.shutdown.clone());
    supervisor.spawn("feed", move || {
        let (feed, shutdown) = (task_feed.clone(), task_shutdown.clone());
        async move { feed.run(shutdown).await }
    });
    let watched = monitored.clone();
    Ok(AppState::new(Services {
        pool: watched.pool,
        feed,
        writes,
        clock: watched.clock,
        tokens: api.tokens.clone(),
        oidc: api.oidc.clone(),
        tasks: watched.tasks,
        figures: watched.figures,
        calls: watched.calls,
        settings: api.settings.clone(),
        shutdown: watched.shutdown,
    }))
}

/// How the database's clock differs from ours, for a process that does not sync; one that does keeps looking.
async fn note_database_time(context: &Context) {
    let time = async {
        let mut connection = context.pool.acquire().await?;
        pool::find_time(&mut connection).await
    };
    match time.await {
        Ok(now) => context.note_database_time(now),
        Err(error) => tracing::warn!(%error, "the database does not tell its time; it is taken to be ours"),
    }
}

/// Takes the address, and says which one it became.
pub(crate) async fn bind(address: SocketAddr) -> Result<(TcpListener, SocketAddr), Failure> {
    let refused = |error: std::io::Error| {
        let way_out = match error.kind() {
            std::io::ErrorKind::AddrInUse => {
                "it is in use; stop the program that uses it, or name another address (`:0` takes a free port)"
            }
            std::io::ErrorKind::PermissionDenied => "ports below 1024 need a privilege; name a higher one",
            std::io::ErrorKind::AddrNotAvailable => "this machine does not have that address",
            _ => "name another address",
        };
        Failure::new(format!("cannot listen on {address}: {way_out} ({error})"))
    };
    let listener = TcpListener::bind(address).await.map_err(refused)?;
    let bound = listener.local_addr().map_err(refused)?;
    Ok((listener, bound))
}
