//! A throw-away PostgreSQL that lives as long as a task.

use slipway_builtin_postgres::{BuiltinPostgres, Settings};
use tokio::runtime::Runtime;

use crate::run::{Context, Result};

pub(crate) struct Postgres {
    // In this order: the server's end needs its runtime.
    server: Option<BuiltinPostgres>,
    runtime: Runtime,
}

impl Postgres {
    pub(crate) fn start() -> Result<Self> {
        let runtime = tokio::runtime::Builder::new_multi_thread()
            .worker_threads(1)
            .enable_all()
            .build()
            .context("the system gives no threads")?;
        let mut settings = Settings::throwaway();
        settings.max_connections = 300;
        let server = runtime
            .block_on(BuiltinPostgres::start(settings))
            .context("no PostgreSQL")?;
        Ok(Self {
            server: Some(server),
            runtime,
        })
    }

    pub(crate) fn url(&self) -> String {
        self.server.as_ref().map(BuiltinPostgres::url).unwrap_or_default()
    }

    pub(crate) fn version(&self) -> String {
        self.server
            .as_ref()
            .map(|server| server.version().to_owned())
            .unwrap_or_default()
    }

    /// Applies the migrations of the root folder.
    pub(crate) fn migrate(&self) -> Result<()> {
        let Some(server) = &self.server else { return Ok(()) };
        let options = server.connect_options();
        self.runtime
            .block_on(async {
                let pool = sqlx::postgres::PgPoolOptions::new()
                    .max_connections(1)
                    .connect_with(options)
                    .await?;
                let migrator = sqlx::migrate::Migrator::new(crate::run::root().join("migrations")).await?;
                migrator.run(&pool).await?;
                pool.close().await;
                Ok::<_, sqlx::Error>(())
            })
            .context("the migrations cannot be applied")
    }
}

impl Drop for Postgres {
    fn drop(&mut self) {
        if let Some(server) = self.server.take() {
            drop(self.runtime.block_on(server.stop()));
        }
    }
}
