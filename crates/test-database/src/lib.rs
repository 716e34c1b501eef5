#![doc = include_str!("../README.md")]

mod container;
mod keeper;
mod names;
mod source;

use std::time::Duration;

use sqlx::postgres::PgPoolOptions;
pub use sqlx::postgres::{PgConnectOptions, PgPool};

/// Why there is no database for the test.
#[derive(Debug, Clone, thiserror::Error)]
#[error("no PostgreSQL for this test: {0}")]
pub struct Error(String);

impl Error {
    pub(crate) fn new(message: impl std::fmt::Display) -> Self {
        Self(message.to_string())
    }
}

/// An empty database with the whole schema, for one test. Dropping it drops the database, also while connections to it
/// are open.
#[derive(Debug)]
pub struct TestDatabase {
    /// At most ten connections, made when they are needed.
    pub pool: PgPool,
    /// How to connect, for what makes its own connections (listeners, further pools).
    pub options: PgConnectOptions,
    /// The same as a URL with the password, for other processes.
    pub url: String,
    /// The database's name on the server.
    pub name: String,
}

impl TestDatabase {
    /// A new database. The first call of a process starts the server, which takes some seconds.
    ///
    /// # Errors
    /// When no PostgreSQL could be found or started, with the way out.
    pub async fn create() -> Result<Self, Error> {
        let created = keeper::create().await?;
        let pool = PgPoolOptions::new()
            .max_connections(10)
            // Patient, for machines with more tests than processors.
            .acquire_timeout(Duration::from_secs(30))
            .connect_lazy_with(created.options.clone());
        Ok(Self {
            pool,
            options: created.options,
            url: created.url,
            name: created.name,
        })
    }

    /// The URL of a server for other test processes: a database without our schema, whose role may create databases.
    /// It lives as long as this process.
    ///
    /// # Errors
    /// As [`TestDatabase::create`].
    pub async fn server_url() -> Result<String, Error> {
        keeper::server_url().await
    }
}

impl Drop for TestDatabase {
    fn drop(&mut self) {
        keeper::remove(std::mem::take(&mut self.name));
    }
}
