#![doc = include_str!("../README.md")]

mod child;
mod cluster;
mod download;
mod error;
mod folder;
mod locate;
mod lock;
mod log;
mod orphan;
mod server;
mod settings;
mod socket;
mod throwaway;
mod user;

use std::os::unix::ffi::OsStrExt;
use std::sync::Arc;
use std::time::Duration;

use sqlx::postgres::PgConnectOptions;

use crate::child::Child;
use crate::folder::Folder;
use crate::lock::Lock;
use crate::socket::SocketDir;
use crate::throwaway::Throwaway;

pub use crate::child::Exit;
pub use crate::error::Error;
pub use crate::locate::{Installation, OLDEST_MAJOR, SearchPlaces, locate};
pub use crate::settings::{Settings, default_data_dir};

/// How long a clean stop may take.
const STOP_PATIENCE: Duration = Duration::from_secs(10);

/// A running PostgreSQL that belongs to this process.
///
/// Dropped without [`BuiltinPostgres::stop`] it ends at once, as in a crash: nothing committed is lost, but the next
/// start has to recover. The drop waits for that end, usually a few milliseconds.
#[derive(Debug)]
pub struct BuiltinPostgres {
    // In the order in which they must go: the server first, the lock last.
    child: Child,
    socket: SocketDir,
    _throwaway: Option<Throwaway>,
    parts: Arc<Parts>,
}

/// What stays the same when the server is started anew.
#[derive(Debug)]
struct Parts {
    settings: Settings,
    installation: Installation,
    folder: Folder,
    password: String,
    _lock: Lock,
}

impl BuiltinPostgres {
    /// Starts the database of this folder with a PostgreSQL of this machine, and fetches one if there is none.
    /// Returns when it takes connections: after about a second on a new folder, after a fraction of that on an old one.
    ///
    /// # Errors
    /// Every [`Error`] is one sentence with the way out.
    pub async fn start(settings: Settings) -> Result<Self, Error> {
        Self::start_with(settings, &SearchPlaces::system()).await
    }

    /// As [`BuiltinPostgres::start`], with other places to look for PostgreSQL.
    ///
    /// # Errors
    /// As [`BuiltinPostgres::start`].
    pub async fn start_with(settings: Settings, places: &SearchPlaces) -> Result<Self, Error> {
        settings.check()?;
        let (settings, folder, lock, throwaway) = blocking(move || {
            let (folder, lock) = Folder::open(&settings.data_dir)?;
            let throwaway = settings
                .throwaway
                .then(|| Throwaway::watch(folder.root.clone()))
                .transpose()?;
            Ok((settings, folder, lock, throwaway))
        })
        .await?;
        let installation = installation_for(&folder, places).await?;
        let (parts, child, log, socket) = blocking(move || {
            orphan::clear_the_way(&folder)?;
            let password = cluster::ensure(&folder, &installation, settings.fsync)?;
            let socket = SocketDir::make(&folder)?;
            let (child, log) = server::spawn(&folder, &installation, &settings, &socket.path)?;
            let parts = Arc::new(Parts {
                settings,
                installation,
                folder,
                password,
                _lock: lock,
            });
            Ok((parts, child, log, socket))
        })
        .await?;
        let this = Self {
            child,
            socket,
            _throwaway: throwaway,
            parts,
        };
        this.wait_until_ready(&log).await?;
        tracing::debug!(pid = this.pid(), version = this.version(), "the built-in database runs");
        Ok(this)
    }

    /// Starts the server anew after it [exited](BuiltinPostgres::exited); the ways to connect stay the same. A server
    /// that still runs is stopped first.
    ///
    /// # Errors
    /// As [`BuiltinPostgres::start`].
    pub async fn restart(&mut self) -> Result<(), Error> {
        if self.child.exit().is_none() {
            self.child.stop(STOP_PATIENCE).await;
        }
        let parts = Arc::clone(&self.parts);
        let socket_dir = self.socket.path.clone();
        let (child, log) = blocking(move || {
            orphan::clear_the_way(&parts.folder)?;
            server::spawn(&parts.folder, &parts.installation, &parts.settings, &socket_dir)
        })
        .await?;
        self.child = child;
        self.wait_until_ready(&log).await
    }

    /// Completes when the server has ended, whoever ended it; the caller decides whether to
    /// [restart](BuiltinPostgres::restart) it.
    pub fn exited(&self) -> impl Future<Output = Exit> + Send + use<> {
        self.child.exited()
    }

    /// How to connect: database and user are both called `slipway`.
    pub fn connect_options(&self) -> PgConnectOptions {
        server::connect_options(&self.socket.path, &self.parts.password, cluster::NAME)
    }

    /// The same as a URL with the password, for sqlx, `psql` and `DATABASE_URL`.
    pub fn url(&self) -> String {
        let host = percent_encode(self.socket.path.as_os_str().as_bytes());
        // The host before the path is a placeholder that URL parsers want; the parameter wins.
        format!(
            "postgres://{name}:{}@localhost:5432/{name}?host={host}&sslmode=disable",
            self.parts.password,
            name = cluster::NAME
        )
    }

    /// The server's version, for example `17.2`.
    pub fn version(&self) -> &str {
        &self.parts.installation.version
    }

    /// The process id of the server.
    pub fn pid(&self) -> u32 {
        self.child.id()
    }

    /// Stops the server cleanly within ten seconds. One that takes longer is ended the hard way, which is logged; the
    /// next start recovers then.
    ///
    /// # Errors
    /// None at present: a database that does not want to stop is killed.
    pub async fn stop(self) -> Result<(), Error> {
        self.stop_within(STOP_PATIENCE).await
    }

    /// As [`BuiltinPostgres::stop`], with another time for the clean stop.
    ///
    /// # Errors
    /// As [`BuiltinPostgres::stop`].
    pub async fn stop_within(self, patience: Duration) -> Result<(), Error> {
        self.child.stop(patience).await;
        self.socket.remove();
        blocking(move || {
            drop(self);
            Ok(())
        })
        .await
    }

    async fn wait_until_ready(&self, log: &log::Log) -> Result<(), Error> {
        let parts = &self.parts;
        server::wait_until_ready(&self.child, log, &parts.folder, &self.socket.path, &parts.password).await
    }
}

/// The PostgreSQL for this folder: of the version that made it, if it is not new.
async fn installation_for(folder: &Folder, places: &SearchPlaces) -> Result<Installation, Error> {
    let made_by = folder.major()?;
    // Versions before 10 had two parts; none of them is supported, and none is installed under such a number.
    let major = made_by.as_ref().map(|text| text.parse().unwrap_or(0));
    let searched = places.clone();
    let any = move || searched.locate(None);
    let searched = places.clone();
    let Some(major) = major else {
        return match blocking(any).await {
            Err(not_found @ Error::NotFound { .. }) => download::fetch(places, None, not_found).await,
            result => result,
        };
    };
    let not_found = match blocking(move || searched.locate(Some(major))).await {
        Err(not_found @ Error::NotFound { .. }) => not_found,
        result => return result,
    };
    let found = made_by.unwrap_or_default();
    let other = |installed: String| Error::OtherMajor {
        folder: folder.data(),
        found,
        installed,
    };
    match blocking(any).await {
        Ok(installed) => Err(other(format!("PostgreSQL {}", installed.version))),
        Err(_) if major < OLDEST_MAJOR => Err(other("none that can read it".to_owned())),
        Err(_) => download::fetch(places, Some(major), not_found).await,
    }
}

async fn blocking<T: Send + 'static>(work: impl FnOnce() -> Result<T, Error> + Send + 'static) -> Result<T, Error> {
    match tokio::task::spawn_blocking(work).await {
        Ok(result) => result,
        Err(join) if join.is_panic() => std::panic::resume_unwind(join.into_panic()),
        Err(_) => Err(Error::Cancelled),
    }
}

fn percent_encode(bytes: &[u8]) -> String {
    use std::fmt::Write;

    let mut text = String::with_capacity(bytes.len());
    for byte in bytes {
        if byte.is_ascii_alphanumeric() || b"-._~/".contains(byte) {
            text.push(char::from(*byte));
        } else {
            // Writing to a string cannot fail.
            let _ = write!(text, "%{byte:02X}");
        }
    }
    text
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_path_with_anything_in_it_survives_the_url() {
        assert_eq!(
            percent_encode("/var/lib/a b&c%/ü".as_bytes()),
            "/var/lib/a%20b%26c%25/%C3%BC"
        );
    }
}
