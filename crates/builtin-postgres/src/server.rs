//! Starts the `postgres` program and waits until it takes connections.

use std::ffi::OsString;
use std::iter;
use std::os::unix::ffi::{OsStrExt, OsStringExt};
use std::path::Path;
use std::time::{Duration, Instant};

use rustix::process::Signal;
use sqlx::postgres::{PgConnectOptions, PgConnection, PgSslMode};
use sqlx::{ConnectOptions, Connection};

use crate::child::Child;
use crate::cluster::NAME;
use crate::folder::Folder;
use crate::locate::Installation;
use crate::log::Log;
use crate::{Error, Settings, socket};

/// Recovery after a crash reads at most the log since the last checkpoint, some gigabytes.
const PATIENCE: Duration = Duration::from_secs(300);

/// Starts the server; nothing may use the cluster any more. Blocks for some milliseconds.
pub(crate) fn spawn(
    folder: &Folder,
    installation: &Installation,
    settings: &Settings,
    socket_dir: &Path,
) -> Result<(Child, Log), Error> {
    socket::clear(socket_dir)?;
    let (log, file) = Log::open(folder.log())?;
    let log_failed = |cause| Error::folder("write", &log.path, cause);
    let program = installation.program("postgres");
    let data = folder.data();
    let mut command = folder.user.command(&program, &data);
    command.arg("-D").arg(&data);
    for (name, value) in options(settings, folder, socket_dir) {
        let mut setting = OsString::from(name);
        setting.push("=");
        setting.push(value);
        command.arg("-c").arg(setting);
    }
    command.stdout(file.try_clone().map_err(log_failed)?).stderr(file);
    // The signal for a clean stop that does not wait for clients: ours die with us anyway.
    let child = Child::spawn(command, Signal::INT).map_err(|cause| folder.user.explain(&program, &data, cause))?;
    Ok((child, log))
}

fn options(settings: &Settings, folder: &Folder, socket_dir: &Path) -> Vec<(String, OsString)> {
    let on_or_off = |on: bool| if on { "on" } else { "off" };
    let mut options: Vec<(String, OsString)> = vec![
        ("cluster_name".into(), folder.cluster_name().into()),
        ("timezone".into(), "UTC".into()),
        ("log_timezone".into(), "UTC".into()),
        ("logging_collector".into(), "off".into()),
        ("log_destination".into(), "stderr".into()),
        ("log_checkpoints".into(), "off".into()),
    ];
    if !settings.fsync {
        options.push(("synchronous_commit".into(), "off".into()));
        options.push(("full_page_writes".into(), "off".into()));
    }
    options.extend(
        settings
            .options
            .iter()
            .map(|(name, value)| (name.clone(), value.into())),
    );
    // Last, so that they win.
    options.push(("fsync".into(), on_or_off(settings.fsync).into()));
    options.push(("max_connections".into(), settings.max_connections.to_string().into()));
    options.push(("listen_addresses".into(), OsString::new()));
    options.push(("port".into(), "5432".into()));
    options.push(("unix_socket_directories".into(), quoted(socket_dir)));
    options.push(("unix_socket_permissions".into(), "0700".into()));
    options
}

/// A folder as one item of a list setting: in quotes, with the quotes in it doubled.
fn quoted(dir: &Path) -> OsString {
    let doubled = dir
        .as_os_str()
        .as_bytes()
        .iter()
        .flat_map(|byte| iter::repeat_n(*byte, 1 + usize::from(*byte == b'"')));
    OsString::from_vec(iter::once(b'"').chain(doubled).chain(iter::once(b'"')).collect())
}

/// How to connect. Everything that `PG…` variables of our environment could change is set.
pub(crate) fn connect_options(socket_dir: &Path, password: &str, database: &str) -> PgConnectOptions {
    PgConnectOptions::new_without_pgpass()
        .socket(socket_dir)
        .port(5432)
        .username(NAME)
        .password(password)
        .database(database)
        .ssl_mode(PgSslMode::Disable)
}

/// Waits until the server takes connections and makes the database if it is missing.
pub(crate) async fn wait_until_ready(
    child: &Child,
    log: &Log,
    folder: &Folder,
    socket_dir: &Path,
    password: &str,
) -> Result<(), Error> {
    let ready = async {
        let begin = Instant::now();
        let mut next_word = Duration::from_secs(5);
        loop {
            match connect(socket_dir, password, NAME).await {
                Ok(connection) => {
                    drop(connection.close().await);
                    return Ok(());
                }
                Err(error) => match refusal(&error) {
                    Refusal::NotYet => {}
                    Refusal::NoDatabase => create_database(socket_dir, password).await?,
                    Refusal::Password => {
                        return Err(Error::Password {
                            file: folder.password_file(),
                        });
                    }
                    Refusal::Final => return Err(Error::Connect(Box::new(error))),
                },
            }
            if begin.elapsed() > PATIENCE {
                return Err(Error::NotReady {
                    seconds: PATIENCE.as_secs(),
                    log: log.path.clone(),
                    tail: log.tail(),
                });
            }
            if begin.elapsed() > next_word {
                tracing::info!(
                    waited_s = begin.elapsed().as_secs(),
                    last = log.tail(),
                    "waiting for the database"
                );
                next_word += Duration::from_secs(5);
            }
            tokio::time::sleep(Duration::from_millis(5)).await;
        }
    };
    tokio::select! {
        biased;
        exit = child.exited() => {
            Err(Error::ExitedAtStart { exit, log: log.path.clone(), tail: log.tail() })
        }
        result = ready => result,
    }
}

async fn connect(socket_dir: &Path, password: &str, database: &str) -> Result<PgConnection, sqlx::Error> {
    connect_options(socket_dir, password, database).connect().await
}

async fn create_database(socket_dir: &Path, password: &str) -> Result<(), Error> {
    let boxed = |error| Error::Connect(Box::new(error));
    let mut connection = connect(socket_dir, password, "postgres").await.map_err(boxed)?;
    sqlx::query("CREATE DATABASE slipway")
        .execute(&mut connection)
        .await
        .map_err(boxed)?;
    connection.close().await.map_err(boxed)
}

enum Refusal {
    NotYet,
    NoDatabase,
    Password,
    Final,
}

fn refusal(error: &sqlx::Error) -> Refusal {
    match error {
        sqlx::Error::Io(_) => Refusal::NotYet,
        sqlx::Error::Database(error) => match error.code().as_deref() {
            // Starting, stopping after a crash, or full.
            Some("57P03" | "57P02" | "57P01" | "53300") => Refusal::NotYet,
            Some("3D000") => Refusal::NoDatabase,
            Some("28P01" | "28000") => Refusal::Password,
            _ => Refusal::Final,
        },
        _ => Refusal::Final,
    }
}
