//! Where the server comes from: named by the environment, a container, or the built-in one.

use std::io::Write;
use std::str::FromStr;
use std::time::{Duration, Instant};

use slipway_builtin_postgres::{BuiltinPostgres, Settings};
use sqlx::postgres::{PgConnectOptions, PgConnection};
use sqlx::{ConnectOptions, Connection};
use testcontainers::{ContainerAsync, GenericImage};

use crate::{Error, container};

/// The environment variable that names a server.
const VARIABLE: &str = "TEST_DATABASE_URL";

/// A server, and what must be kept for it to live.
pub(crate) struct Source {
    pub(crate) url: String,
    /// For people, for example `testcontainers`.
    pub(crate) name: &'static str,
    pub(crate) kept: Kept,
}

pub(crate) enum Kept {
    Nothing,
    Container(Box<ContainerAsync<GenericImage>>),
    Builtin(Box<BuiltinPostgres>),
}

impl Source {
    pub(crate) async fn find() -> Result<Self, Error> {
        if let Ok(url) = std::env::var(VARIABLE)
            && !url.trim().is_empty()
        {
            return Ok(Self {
                url,
                name: VARIABLE,
                kept: Kept::Nothing,
            });
        }
        if container::engine_answers().await {
            match container::start().await {
                Ok((container, url)) => {
                    return Ok(Self {
                        url,
                        name: "testcontainers",
                        kept: Kept::Container(Box::new(container)),
                    });
                }
                Err(error) => announce(&format!(
                    "no PostgreSQL from Docker ({error}); starting the built-in one"
                )),
            }
        }
        let mut settings = Settings::throwaway();
        settings.max_connections = 300;
        let server = BuiltinPostgres::start(settings)
            .await
            .map_err(|error| Error::new(format!("{error} (or set {VARIABLE}, or start Docker)")))?;
        Ok(Self {
            url: server.url(),
            name: "the built-in server",
            kept: Kept::Builtin(Box::new(server)),
        })
    }

    /// A connection to the server's own database, whose name tells other test processes that this one lives.
    pub(crate) async fn connect(&self, application_name: &str, patience: Duration) -> Result<PgConnection, Error> {
        let options = options(&self.url)?.application_name(application_name);
        let deadline = Instant::now() + patience;
        loop {
            match options.connect().await {
                Ok(connection) => return Ok(connection),
                Err(error) if Instant::now() >= deadline => {
                    return Err(Error::new(format!("{} does not take connections: {error}", self.name)));
                }
                Err(_) => tokio::time::sleep(Duration::from_millis(50)).await,
            }
        }
    }

    pub(crate) async fn stop(self) {
        match self.kept {
            Kept::Nothing => {}
            // The container also removes itself; whoever comes first.
            Kept::Container(container) => drop(container.rm().await),
            Kept::Builtin(server) => drop(server.stop_within(Duration::from_secs(2)).await),
        }
    }
}

/// Says which server the tests use, for example `PostgreSQL 17.2 from testcontainers`.
pub(crate) async fn describe(source: &Source, connection: &mut PgConnection) {
    let version = sqlx::query_scalar::<_, String>("SHOW server_version")
        .fetch_one(connection)
        .await;
    let version = version.unwrap_or_default();
    let number = version.split_whitespace().next().unwrap_or("of unknown version");
    announce(&format!("tests use PostgreSQL {number} from {}", source.name));
}

/// Past the capture of the test harness, so that one sees it also when all tests pass.
pub(crate) fn announce(line: &str) {
    drop(writeln!(std::io::stderr(), "{line}"));
}

pub(crate) fn options(url: &str) -> Result<PgConnectOptions, Error> {
    PgConnectOptions::from_str(url).map_err(|error| Error::new(format!("{VARIABLE} cannot be read: {error}")))
}

/// The same server, another database.
pub(crate) fn url_of(server_url: &str, database: &str) -> Result<String, Error> {
    let mut url =
        url::Url::parse(server_url).map_err(|error| Error::new(format!("{VARIABLE} cannot be read: {error}")))?;
    url.set_path(database);
    Ok(url.into())
}

/// Closes a connection politely; if that fails the server finds out by itself.
pub(crate) async fn close(connection: PgConnection) {
    drop(connection.close().await);
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn another_database_of_the_same_server_keeps_everything_else() {
        let url = url_of(
            "postgres://u:p%40@localhost:5432/u?host=/tmp/a%20b&sslmode=disable",
            "other",
        )
        .unwrap();
        assert_eq!(
            url,
            "postgres://u:p%40@localhost:5432/other?host=/tmp/a%20b&sslmode=disable"
        );
        assert_eq!(options(&url).unwrap().get_database(), Some("other"));
    }
}
