//! What can go wrong with the database, for programs.

use sqlx::error::ErrorKind;

/// A failed statement.
#[derive(Debug, thiserror::Error)]
pub enum StoreError {
    /// The database cannot be reached or is not ready: the same call may succeed later.
    #[error("the database is not available")]
    Unavailable(#[source] sqlx::Error),
    /// Another transaction got in the way: the same transaction may succeed when it is run again.
    #[error("the transaction conflicts with another one")]
    Conflict(#[source] sqlx::Error),
    /// The statement failed.
    #[error("the database refused a statement")]
    Statement(#[source] sqlx::Error),
    /// A row holds what this release does not understand, or a write hit another number of rows than it had to.
    #[error("{table}: {what}")]
    Inconsistent {
        /// Where.
        table: &'static str,
        /// What is wrong.
        what: String,
    },
    /// The schema could not be brought up to date.
    #[error("the migrations cannot be applied")]
    Migration(#[source] sqlx::migrate::MigrateError),
}

impl StoreError {
    /// A row that is not what it should be.
    pub(crate) fn inconsistent(table: &'static str, what: impl Into<String>) -> Self {
        Self::Inconsistent {
            table,
            what: what.into(),
        }
    }

    /// A statement that took longer than its caller waits.
    pub fn timed_out() -> Self {
        Self::Unavailable(sqlx::Error::Io(std::io::ErrorKind::TimedOut.into()))
    }

    /// Whether the same transaction may succeed later without anybody changing anything.
    pub fn is_transient(&self) -> bool {
        matches!(self, Self::Unavailable(_) | Self::Conflict(_))
    }
}

impl From<sqlx::Error> for StoreError {
    fn from(error: sqlx::Error) -> Self {
        match &error {
            sqlx::Error::Io(_)
            | sqlx::Error::Tls(_)
            | sqlx::Error::PoolTimedOut
            | sqlx::Error::PoolClosed
            | sqlx::Error::WorkerCrashed
            | sqlx::Error::Protocol(_) => Self::Unavailable(error),
            sqlx::Error::Database(database) => match database.code().as_deref() {
                // Serialization failure, deadlock, lock timeout.
                Some("40001" | "40P01" | "55P03") => Self::Conflict(error),
                // Connection exceptions, a lack of connections, memory or disk, an operator's intervention (canceled, shutting
                // down, starting up), read-only after a fail-over, no connections accepted, idle too long within a
                // transaction.
                Some(code)
                    if ["08", "53", "57"].iter().any(|class| code.starts_with(class))
                        || matches!(code, "25006" | "55000" | "25P03") =>
                {
                    Self::Unavailable(error)
                }
                _ if database.kind() == ErrorKind::UniqueViolation => Self::Conflict(error),
                _ => Self::Statement(error),
            },
            _ => Self::Statement(error),
        }
    }
}
