//! What stands between us and the database: nothing, or a pooler that hands out a backend for a transaction at a time.

use std::time::Duration;

use sqlx::postgres::{PgConnectOptions, PgConnection};
use sqlx::{Connection, Row};

use crate::Result;

/// A pooler with a single backend lets the second connection wait, and one that does not reach the database both.
const PATIENCE: Duration = Duration::from_secs(3);

/// What lies before the database.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Pooler {
    /// Nothing, or a pooler that gives each connection a backend of its own (`pool_mode = session`).
    None,
    /// One that gives backends out for a transaction and keeps prepared statements, as `PgBouncer` does from 1.21 on with
    /// `max_prepared_statements`: <https://www.pgbouncer.org/config.html#max_prepared_statements>.
    Transactions,
    /// One that gives backends out for a transaction and forgets prepared statements. Every query of ours is one.
    Forgetful,
}

/// Looks with two connections: what one does in a transaction is not seen by the other, unless they share backends.
///
/// # Errors
/// When the database cannot be reached.
pub async fn find(options: &PgConnectOptions) -> Result<Pooler> {
    let mut one = connect(options).await?;
    let mut other = connect(options).await?;
    let before = backend(&mut one).await?;
    let moved = tokio::time::timeout(PATIENCE, async {
        // The backend that was just given back is the next to be handed out.
        sqlx::raw_sql("BEGIN").execute(&mut other).await?;
        backend(&mut other).await?;
        backend(&mut one).await
    });
    // Whoever is kept waiting by a transaction of somebody else's shares its backend.
    let is_pooler = moved
        .await
        .map_or(Ok(true), |after| after.map(|after| after != before))?;
    drop(other);
    if !is_pooler {
        return Ok(Pooler::None);
    }
    let kept = prepared_statements_are_kept(options).await?;
    Ok(if kept { Pooler::Transactions } else { Pooler::Forgetful })
}

async fn connect(options: &PgConnectOptions) -> sqlx::Result<PgConnection> {
    let connected = tokio::time::timeout(PATIENCE, PgConnection::connect_with(options)).await;
    connected.unwrap_or(Err(sqlx::Error::PoolTimedOut))
}

async fn backend(connection: &mut PgConnection) -> sqlx::Result<i32> {
    // Not prepared, which is what is in question.
    sqlx::raw_sql("SELECT pg_backend_pid()")
        .fetch_one(connection)
        .await?
        .try_get(0)
}

/// Prepares on two connections by turns. Both call their first statement the same, so that a pooler which knows nothing of it
/// has two of one name on a backend, or none where it is asked for.
async fn prepared_statements_are_kept(options: &PgConnectOptions) -> sqlx::Result<bool> {
    let mut connections = [connect(options).await?, connect(options).await?];
    for _ in 0..3 {
        for connection in &mut connections {
            let asked = sqlx::query("SELECT 1").execute(connection).await;
            if asked.as_ref().is_err_and(|error| error.as_database_error().is_some()) {
                return Ok(false);
            }
            asked?;
        }
    }
    Ok(true)
}
