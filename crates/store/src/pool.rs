//! Connections.

use std::time::Duration;

use sqlx::postgres::{PgConnectOptions, PgPool, PgPoolOptions};
use sqlx::{Connection, PgConnection, Postgres, Transaction};

use crate::Result;

/// A connection that goes back to its pool when it is dropped.
pub type PoolConnection = sqlx::pool::PoolConnection<Postgres>;

/// A process that is stopped or cut off in the middle of a transaction would hold its locks for as long as it pleases, the
/// event log's counter among them, and every other replica would wait. Nothing of ours pauses within a transaction.
///
/// And no statement here is worth compiling: those that are asked often read a page, and a plan that is thought to be dear,
/// because nobody has counted a new table yet, would be compiled for longer than it runs.
const SETTINGS: &str = "SET idle_in_transaction_session_timeout = '5s'; SET jit = off";

/// Makes a connection what ours are.
pub(crate) async fn prepare(conn: &mut PgConnection) -> sqlx::Result<()> {
    sqlx::raw_sql(SETTINGS).execute(conn).await?;
    Ok(())
}

/// A pool of at most `max_connections`. Does not connect yet: a database that is away is found out by the first statement,
/// which then waits 3 seconds at most.
pub fn connect_lazily(options: PgConnectOptions, max_connections: u32) -> PgPool {
    PgPoolOptions::new()
        .max_connections(max_connections)
        .acquire_timeout(Duration::from_secs(3))
        .after_connect(|conn, _| Box::pin(prepare(conn)))
        .after_release(|conn, _| Box::pin(end_forgotten_transaction(conn)))
        // A ping before every use costs a round trip; a dead connection is found out by the statement itself.
        .test_before_acquire(false)
        .connect_lazy_with(options)
}

/// Rolls back what a canceled `BEGIN` left open. A request whose client went away, or any future that is dropped while it
/// waits for the answer to `BEGIN`, leaves a connection that sqlx 0.9.0 takes for idle and the server does not
/// (<https://github.com/transact-rs/sqlx/issues/4393>): who got it next read an old state, or wrote what was never kept.
///
/// Beginning with an empty statement asks for nothing but the server's view: it succeeds only within a transaction. That
/// is one round trip after the caller is done; it can go when sqlx is released with its own mending.
async fn end_forgotten_transaction(conn: &mut PgConnection) -> sqlx::Result<bool> {
    match conn.begin_with("").await {
        Ok(forgotten) => forgotten.rollback().await.map(|()| true),
        Err(sqlx::Error::BeginFailed) => Ok(true),
        Err(error) => Err(error),
    }
}

/// A transaction in which every statement sees the same state: what a list shows, and the position of the log it shows.
pub async fn begin_snapshot(pool: &PgPool) -> Result<Transaction<'static, Postgres>> {
    Ok(pool
        .begin_with("BEGIN ISOLATION LEVEL REPEATABLE READ READ ONLY")
        .await?)
}

/// Whether the database answers at all.
pub async fn ping(pool: &PgPool) -> Result<()> {
    sqlx::query("SELECT 1").execute(pool).await?;
    Ok(())
}

/// What the database's clock says.
pub async fn find_time(conn: &mut PgConnection) -> Result<time::OffsetDateTime> {
    Ok(sqlx::query_scalar!(r#"SELECT now() AS "now!""#).fetch_one(conn).await?)
}
