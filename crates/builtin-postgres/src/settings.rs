//! What the caller decides about the database, and where its folder lies by default.

use std::path::PathBuf;

use rand::distr::{Alphanumeric, SampleString};

use crate::Error;

/// How the built-in database is run. Made by [`Settings::durable`] or [`Settings::throwaway`].
#[derive(Debug, Clone)]
pub struct Settings {
    /// The data folder; made if it is missing. It belongs to one process at a time.
    pub data_dir: PathBuf,
    /// Whether a commit waits for the disk. Off only where losing everything in a power cut is fine, as in tests.
    pub fsync: bool,
    /// How many connections the server takes.
    pub max_connections: u16,
    /// Further server settings, name and value; they win over this crate's tuning.
    pub options: Vec<(String, String)>,
    pub(crate) throwaway: bool,
}

/// Settings that hold the promises of this crate, and so are not the caller's.
const RESERVED: [&str; 8] = [
    "fsync",
    "max_connections",
    "listen_addresses",
    "port",
    "unix_socket_directories",
    "unix_socket_permissions",
    "data_directory",
    "hba_file",
];

impl Settings {
    /// A database that keeps what it acknowledged, in this folder.
    pub fn durable(data_dir: impl Into<PathBuf>) -> Self {
        Self {
            data_dir: data_dir.into(),
            fsync: true,
            max_connections: 100,
            options: Vec::new(),
            throwaway: false,
        }
    }

    /// A database for tests: in a temporary folder of its own that goes away with it (also when the process is
    /// killed), and without waiting for the disk.
    pub fn throwaway() -> Self {
        let name = format!("slipway-postgres-{}", Alphanumeric.sample_string(&mut rand::rng(), 12));
        Self {
            fsync: false,
            throwaway: true,
            ..Self::durable(std::env::temp_dir().join(name))
        }
    }

    pub(crate) fn check(&self) -> Result<(), Error> {
        for (name, _) in &self.options {
            let legal = |byte: u8| byte.is_ascii_alphanumeric() || byte == b'_' || byte == b'.';
            if name.is_empty() || !name.bytes().all(legal) {
                return Err(Error::OptionName(name.clone()));
            }
            if RESERVED.contains(&name.to_ascii_lowercase().as_str()) {
                return Err(Error::OptionReserved(name.clone()));
            }
        }
        Ok(())
    }
}

/// Where the gateway keeps its data when nobody says otherwise: `/var/lib/slipway` for root, else
/// `$XDG_DATA_HOME/slipway`, else `~/.local/share/slipway`.
pub fn default_data_dir() -> PathBuf {
    if rustix::process::geteuid().is_root() {
        return PathBuf::from("/var/lib/slipway");
    }
    xdg_dir("XDG_DATA_HOME", ".local/share").unwrap_or_else(|| PathBuf::from("slipway-data"))
}

/// Where fetched PostgreSQL binaries are kept; shared by all data folders.
pub(crate) fn default_cache_dir() -> Option<PathBuf> {
    if rustix::process::geteuid().is_root() {
        return Some(PathBuf::from("/var/cache/slipway/postgresql"));
    }
    xdg_dir("XDG_CACHE_HOME", ".cache").map(|dir| dir.join("postgresql"))
}

fn xdg_dir(variable: &str, below_home: &str) -> Option<PathBuf> {
    let named = std::env::var_os(variable)
        .map(PathBuf::from)
        .filter(|path| path.is_absolute());
    let base = named.or_else(|| Some(std::env::home_dir().filter(|home| home.is_absolute())?.join(below_home)))?;
    Some(base.join("slipway"))
}
