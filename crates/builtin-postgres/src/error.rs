//! What can go wrong with the built-in database, each as one sentence that an operator can act on.

use std::io;
use std::path::{Path, PathBuf};

use crate::child::Exit;
use crate::locate::OLDEST_MAJOR;

/// Why the built-in database did not start or stop. The text is complete: it holds its cause and the way out.
#[derive(Debug, thiserror::Error)]
pub enum Error {
    /// No usable PostgreSQL on this machine, and none could be fetched.
    #[error(
        "no PostgreSQL {wanted} was found (looked in {looked}{too_old}){download}: install one (Debian and Ubuntu: \
         `apt install postgresql`), or run `slipway serve` with `database.url` set to a running server"
    )]
    NotFound {
        /// The versions that would do.
        wanted: String,
        /// The places that were searched.
        looked: String,
        /// What was found and could not be used, or nothing.
        too_old: String,
        /// What came of the download, or nothing.
        download: String,
    },
    /// Another process holds the data folder.
    #[error(
        "the data folder {} is in use by {}: stop it first or choose another folder; several gateways share a database by the `database.url` of `slipway serve`",
        .folder.display(), holder(*.pid)
    )]
    InUse {
        /// The data folder.
        folder: PathBuf,
        /// The process that holds it, where it could be read.
        pid: Option<u32>,
    },
    /// A file or folder could not be used.
    #[error("cannot {action} {}: {cause}{}", .path.display(), advice(.path, .cause))]
    Folder {
        /// What was tried, as a verb.
        action: &'static str,
        /// On which path.
        path: PathBuf,
        /// The system's answer.
        cause: io::Error,
    },
    /// The unprivileged user of the database may not pass through a folder above its files.
    #[error(
        "the database runs as user `{user}`, because PostgreSQL refuses to run as root, and that user may not enter {} \
         (mode {mode:03o}), which leads to {}: choose another data folder, for example /var/lib/slipway, or `chmod o+x {}`",
        .blocked.display(), .target.display(), .blocked.display()
    )]
    NotPassable {
        /// The database's user.
        user: String,
        /// The folder that may not be entered.
        blocked: PathBuf,
        /// Its permission bits.
        mode: u32,
        /// Where the way should lead.
        target: PathBuf,
    },
    /// The data folder was made by another major version than the one installed.
    #[error(
        "the data folder {} was made by PostgreSQL {found}, but this machine has {installed}: install PostgreSQL {found}, move \
         the data over with `pg_upgrade` or a dump, or choose another data folder",
        .folder.display()
    )]
    OtherMajor {
        /// The database's part of the data folder.
        folder: PathBuf,
        /// The major version that made it.
        found: String,
        /// What is installed, in words.
        installed: String,
    },
    /// The data folder's version file holds no version.
    #[error(
        "{} holds {content:?} instead of a PostgreSQL version: restore the data folder from a backup or choose another",
        .file.display()
    )]
    BadVersionFile {
        /// The file.
        file: PathBuf,
        /// Its content.
        content: String,
    },
    /// A program could not be started.
    #[error("cannot start {}: {cause}", .program.display())]
    Spawn {
        /// The program.
        program: PathBuf,
        /// The system's answer.
        cause: io::Error,
    },
    /// `initdb` or the single-user server failed.
    #[error("{program} failed ({exit}): {output}")]
    Setup {
        /// The program's name.
        program: &'static str,
        /// How it ended.
        exit: Exit,
        /// What it said last.
        output: String,
    },
    /// The server ended before it took connections.
    #[error("PostgreSQL did not start ({exit}); the end of {}: {tail}", .log.display())]
    ExitedAtStart {
        /// How it ended.
        exit: Exit,
        /// Its log file.
        log: PathBuf,
        /// The last lines that it wrote.
        tail: String,
    },
    /// The server lives but took no connection in time.
    #[error("PostgreSQL took no connection within {seconds} s; the end of {}: {tail}", .log.display())]
    NotReady {
        /// How long was waited.
        seconds: u64,
        /// Its log file.
        log: PathBuf,
        /// The last lines that it wrote.
        tail: String,
    },
    /// The stored password is not the database's.
    #[error(
        "the password in {} is not the database's: delete that file, and the next start sets a new one",
        .file.display()
    )]
    Password {
        /// The password file.
        file: PathBuf,
    },
    /// The server answered the first connection with an error.
    #[error("the built-in PostgreSQL refused the first connection: {0}")]
    Connect(Box<sqlx::Error>),
    /// A server that an earlier gateway left behind does not go.
    #[error(
        "a PostgreSQL (pid {pid}) that an earlier run left behind still uses {} and did not end within {seconds} s: end it \
         and start again",
        .folder.display()
    )]
    Orphan {
        /// Its process id.
        pid: u32,
        /// The data folder that it uses.
        folder: PathBuf,
        /// How long was waited.
        seconds: u64,
    },
    /// A server option with an impossible name.
    #[error("`{0}` is not the name of a PostgreSQL setting")]
    OptionName(String),
    /// A setting that this crate decides itself.
    #[error("the PostgreSQL setting `{0}` is decided by the built-in database and cannot be set")]
    OptionReserved(String),
    /// The asynchronous runtime ended in the middle of a start.
    #[error("the start of the database was cut short, because the program is ending")]
    Cancelled,
}

impl Error {
    /// Whether another data folder would be a way out.
    pub const fn is_about_the_folder(&self) -> bool {
        matches!(
            self,
            Self::InUse { .. }
                | Self::Folder { .. }
                | Self::NotPassable { .. }
                | Self::OtherMajor { .. }
                | Self::BadVersionFile { .. }
                | Self::Orphan { .. }
        )
    }

    pub(crate) fn folder(action: &'static str, path: &Path, cause: io::Error) -> Self {
        Self::Folder {
            action,
            path: path.to_owned(),
            cause,
        }
    }

    pub(crate) fn not_found(major: Option<u32>, looked: String, too_old: String, download: String) -> Self {
        let wanted = major.map_or_else(|| format!("{OLDEST_MAJOR} or later"), |major| major.to_string());
        Self::NotFound {
            wanted,
            looked,
            too_old,
            download,
        }
    }
}

fn holder(pid: Option<u32>) -> String {
    pid.map_or_else(|| "another process".to_owned(), |pid| format!("process {pid}"))
}

/// The way out where there is one that is true for every caller.
fn advice(path: &Path, cause: &io::Error) -> &'static str {
    match cause.kind() {
        io::ErrorKind::PermissionDenied | io::ErrorKind::ReadOnlyFilesystem => {
            " (give this user the right to write there, or choose another data folder)"
        }
        io::ErrorKind::StorageFull | io::ErrorKind::QuotaExceeded => " (free some space)",
        io::ErrorKind::NotADirectory => " (choose another data folder)",
        io::ErrorKind::AlreadyExists if path.is_file() => " (a file is in the way: choose another data folder)",
        _ => "",
    }
}
