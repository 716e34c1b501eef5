//! The database of a command: the built-in one, or that of a URL.

use std::path::PathBuf;
use std::time::{Duration, Instant};

use slipway_builtin_postgres::{BuiltinPostgres, Settings};
use slipway_config::DatabaseSettings;
use slipway_store::pooler::{self, Pooler};
use slipway_store::schema::{self, SchemaState};
use slipway_store::{PgConnectOptions, PgPool, StoreError, pool};
use tokio::sync::oneshot;
use tokio::task::JoinHandle;

use crate::failure::{Failure, chain};

/// A database that is just being started, as in a compose file, is waited for.
const CONNECT_PATIENCE: Duration = Duration::from_secs(10);
const FIRST_PAUSE: Duration = Duration::from_millis(100);
const LONGEST_PAUSE: Duration = Duration::from_secs(10);

/// Said where it can be known beforehand, instead of queries that fail at random.
pub(crate) const FORGETFUL_POOLER: &str = "database.url goes through a transaction pooler that forgets prepared statements, \
     which every query of the gateway is: with PgBouncer set max_prepared_statements (1.21 or later), or \
     pool_mode = session";

pub(crate) struct Database {
    pub(crate) pool: PgPool,
    /// Past any transaction pooler.
    pub(crate) direct_options: PgConnectOptions,
    builtin: Option<Builtin>,
}

/// The task that owns the built-in database and starts it again when it ends.
struct Builtin {
    stop: oneshot::Sender<()>,
    task: JoinHandle<()>,
}

impl Database {
    /// The database of the configuration, with the schema of this release: what is missing of it is applied where
    /// `may_migrate`, and always to the built-in one, which nobody else uses.
    pub(crate) async fn open(settings: &DatabaseSettings, may_migrate: bool) -> Result<Self, Failure> {
        let database = match &settings.url {
            Some(url) => {
                let options = options(url.expose(), "database.url")?;
                let direct_options = match &settings.direct_url {
                    Some(url) => self::options(url.expose(), "database.direct_url")?,
                    None => options.clone(),
                };
                let database = Self {
                    pool: pool::connect_lazily(options.clone(), settings.max_connections),
                    direct_options,
                    builtin: None,
                };
                let waited = database.wait().await;
                // Statements that a pooler forgets may be why it failed, and if not yet, they will be.
                if pooler::find(&options)
                    .await
                    .is_ok_and(|found| found == Pooler::Forgetful)
                {
                    return Err(Failure::new(FORGETFUL_POOLER));
                }
                waited?;
                database
            }
            None => {
                let folder = settings
                    .data_dir
                    .clone()
                    .unwrap_or_else(slipway_builtin_postgres::default_data_dir);
                Self::start_builtin(folder, settings.max_connections).await?
            }
        };
        database.prepare(may_migrate || database.is_builtin()).await?;
        Ok(database)
    }

    /// The built-in database in a folder that an option of the command names, with the schema of this release.
    pub(crate) async fn open_builtin(folder: PathBuf, option: &str, max_connections: u32) -> Result<Self, Failure> {
        let started = Self::start_builtin(folder, max_connections).await;
        let database = started.map_err(|error| match error.is_about_the_folder() {
            true => Failure::new(format!("{error} ({option} names another folder)")),
            false => error.into(),
        })?;
        database.prepare(true).await?;
        Ok(database)
    }

    async fn start_builtin(folder: PathBuf, max_connections: u32) -> Result<Self, slipway_builtin_postgres::Error> {
        let mut settings = Settings::durable(folder);
        // Room for the listeners, which do not come from the pool, and for somebody who looks with psql.
        let wanted = u16::try_from(max_connections.saturating_add(20)).unwrap_or(u16::MAX);
        settings.max_connections = settings.max_connections.max(wanted);
        let server = BuiltinPostgres::start(settings).await?;
        let options = server.connect_options().application_name("slipway");
        let (stop, stopped) = oneshot::channel();
        Ok(Self {
            pool: pool::connect_lazily(options.clone(), max_connections),
            direct_options: options,
            builtin: Some(Builtin {
                stop,
                task: tokio::spawn(keep(server, stopped)),
            }),
        })
    }

    /// Whether nobody else can be on this database.
    pub(crate) const fn is_builtin(&self) -> bool {
        self.builtin.is_some()
    }

    async fn wait(&self) -> Result<(), Failure> {
        let deadline = Instant::now() + CONNECT_PATIENCE;
        let mut pause = FIRST_PAUSE;
        while let Err(error) = pool::ping(&self.pool).await {
            if Instant::now() + pause > deadline || !error.is_transient() {
                return Err(Failure::new(format!(
                    "the PostgreSQL of database.url cannot be used ({}): start it or correct the URL, or leave \
                     database.url out for the built-in one",
                    chain(&error)
                )));
            }
            tracing::warn!(error = chain(&error), "the database does not answer yet");
            tokio::time::sleep(pause).await;
            pause = (pause * 2).min(LONGEST_PAUSE);
        }
        Ok(())
    }

    async fn prepare(&self, may_migrate: bool) -> Result<(), Failure> {
        let direct = pool::connect_lazily(self.direct_options.clone(), 1);
        let prepared = prepare(&direct, may_migrate).await;
        direct.close().await;
        prepared
    }

    /// Closes the connections, and stops the built-in database cleanly.
    pub(crate) async fn close(self) {
        let Some(Builtin { stop, task }) = self.builtin else {
            self.pool.close().await;
            return;
        };
        // Its own stop ends the connections faster than waiting for each to be given back.
        let _ = stop.send(());
        drop(task.await);
    }
}

async fn prepare(direct: &PgPool, may_migrate: bool) -> Result<(), Failure> {
    let failed = |error: StoreError| {
        Failure::new(format!(
            "the database's schema cannot be brought up to date: {}",
            chain(&error)
        ))
    };
    let state = schema::find_state(direct).await.map_err(failed)?;
    if state.unknown > 0 {
        return Err(too_new(state));
    }
    if state.pending == 0 {
        return Ok(());
    }
    if !may_migrate {
        return Err(Failure::new(format!(
            "the database lacks {} of this release: run `slipway migrate` with the same configuration first, or start with \
             `serve --migrate` (database.migrate_on_start = true)",
            counted(state.pending)
        )));
    }
    schema::migrate(direct).await.map_err(failed)
}

/// A later release was here.
pub(crate) fn too_new(state: SchemaState) -> Failure {
    Failure::new(format!(
        "the database was migrated by a later release of slipway ({} that this one does not know): run that release, or \
         restore a backup from before it",
        counted(state.unknown)
    ))
}

fn counted(migrations: usize) -> String {
    match migrations {
        1 => "1 migration".to_owned(),
        count => format!("{count} migrations"),
    }
}

async fn keep(mut server: BuiltinPostgres, mut stopped: oneshot::Receiver<()>) {
    let mut pause = FIRST_PAUSE;
    loop {
        let since = Instant::now();
        tokio::select! {
            _ = &mut stopped => break,
            exit = server.exited() => tracing::error!(%exit, "the built-in database ended and is started again"),
        }
        if since.elapsed() > LONGEST_PAUSE * 6 {
            pause = FIRST_PAUSE;
        }
        tokio::select! {
            _ = &mut stopped => break,
            () = tokio::time::sleep(pause) => {}
        }
        pause = (pause * 2).min(LONGEST_PAUSE);
        match server.restart().await {
            Ok(()) => tracing::info!("the built-in database runs again"),
            Err(error) => tracing::error!(error = chain(&error), "the built-in database cannot be started"),
        }
    }
    if let Err(error) = server.stop().await {
        tracing::error!(error = chain(&error), "the built-in database did not stop cleanly");
    }
}

pub(crate) fn options(url: &str, key: &str) -> Result<PgConnectOptions, Failure> {
    // The parser's own text may quote the URL, and with it the password.
    let options = url.parse::<PgConnectOptions>().map_err(|_| {
        Failure::new(format!(
            "{key} cannot be read: it must look like postgres://user:password@host:5432/slipway"
        ))
    })?;
    Ok(options.application_name("slipway"))
}
