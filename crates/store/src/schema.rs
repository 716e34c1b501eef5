//! The schema: what of it is applied, and applying the rest.

use std::borrow::Cow;
use std::time::Duration;

use sqlx::migrate::{MigrateError, Migrator};
use sqlx::{PgConnection, PgPool};

use crate::{Result, StoreError};

/// The migrations of this release, built in.
pub static MIGRATOR: Migrator = sqlx::migrate!("../../migrations");

/// Names the lock under which migrations are applied.
const LOCK: i64 = 0x736c_6970_7363_6865;
const LOOK_EVERY: Duration = Duration::from_millis(200);

/// A migration that waits for a lock holds up everybody who comes after it: rather it fails, and is tried again when whoever
/// holds the lock is done.
const GIVE_UP_WAITING: &str = "SET lock_timeout = '5s'";

/// How the schema of a database compares with that of this release.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct SchemaState {
    /// Migrations of this release that are not applied. An empty database lacks them all.
    pub pending: usize,
    /// Migrations that were applied by a later release, and that this one does not know.
    pub unknown: usize,
}

/// Applies what is missing of the schema, one process at a time, so that several may try at once.
///
/// # Errors
/// When the database is that of a later release, or when a migration fails; those before it stay applied.
pub async fn migrate(pool: &PgPool) -> Result<()> {
    let mut conn = pool.acquire().await?;
    // Asked for again and again: who waited within a statement would hold up an index that is built concurrently, which waits
    // for every statement that began before it.
    while !try_lock(&mut conn).await? {
        tokio::time::sleep(LOOK_EVERY).await;
    }
    let migrated = apply(&mut conn).await;
    // Also when it failed: the connection may go back to its pool.
    sqlx::query("RESET lock_timeout").execute(&mut *conn).await?;
    sqlx::query("SELECT pg_advisory_unlock($1)")
        .bind(LOCK)
        .execute(&mut *conn)
        .await?;
    migrated
}

async fn try_lock(conn: &mut PgConnection) -> Result<bool> {
    Ok(sqlx::query_scalar("SELECT pg_try_advisory_lock($1)")
        .bind(LOCK)
        .fetch_one(conn)
        .await?)
}

async fn apply(conn: &mut PgConnection) -> Result<()> {
    sqlx::query(GIVE_UP_WAITING).execute(&mut *conn).await?;
    drop_broken_indexes(conn).await?;
    let migrator = Migrator {
        migrations: Cow::Borrowed(&MIGRATOR.migrations),
        // Ours is held.
        locking: false,
        ..Migrator::DEFAULT
    };
    // Not `run`: its future cannot be sent to another thread.
    migrator.run_direct(None, conn, false).await.map_err(error)
}

/// An index whose concurrent building broke off is there and of no use; its migration builds it anew.
async fn drop_broken_indexes(conn: &mut PgConnection) -> Result<()> {
    let broken: Vec<String> = sqlx::query_scalar(
        "SELECT format('%I.%I', space.nspname, class.relname) FROM pg_index AS index
         JOIN pg_class AS class ON class.oid = index.indexrelid JOIN pg_namespace AS space ON space.oid = class.relnamespace
         WHERE NOT index.indisvalid AND space.nspname = current_schema()",
    )
    .fetch_all(&mut *conn)
    .await?;
    for name in broken {
        tracing::warn!(
            index.name = name,
            "an index that was not built to its end is removed, to be built anew"
        );
        let drop = sqlx::AssertSqlSafe(format!("DROP INDEX IF EXISTS {name}"));
        sqlx::query(drop).execute(&mut *conn).await?;
    }
    Ok(())
}

/// How the schema compares with that of this release.
pub async fn find_state(pool: &PgPool) -> Result<SchemaState> {
    let table = sqlx::query_scalar::<_, bool>("SELECT to_regclass('_sqlx_migrations') IS NOT NULL")
        .fetch_one(pool)
        .await?;
    let applied = match table {
        true => {
            sqlx::query_scalar::<_, i64>("SELECT version FROM _sqlx_migrations WHERE success")
                .fetch_all(pool)
                .await?
        }
        false => Vec::new(),
    };
    let pending = MIGRATOR
        .iter()
        .filter(|migration| !applied.contains(&migration.version));
    Ok(SchemaState {
        pending: pending.count(),
        unknown: applied
            .iter()
            .filter(|version| !MIGRATOR.version_exists(**version))
            .count(),
    })
}

fn error(error: MigrateError) -> StoreError {
    match error {
        MigrateError::Execute(error) => error.into(),
        error => StoreError::Migration(error),
    }
}
