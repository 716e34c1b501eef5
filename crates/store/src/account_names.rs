//! The names of accounts, which stand in every table, and what it takes to change one.

use slipway_core::Application;
use sqlx::PgConnection;
use time::OffsetDateTime;
use uuid::Uuid;

use crate::{Result, applications, restamps};

/// Names the lock under which names are changed, until the transaction ends.
const LOCK: i64 = 0x736c_6970_6e61_6d65;

/// An account that has applications.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct HistoryRow {
    /// Its name.
    pub account: String,
    /// Its kind of platform.
    pub provider: String,
    /// How many applications stand under the name.
    pub applications: i64,
}

/// Waits for whoever changes names.
pub async fn lock(conn: &mut PgConnection) -> Result<()> {
    sqlx::query!("SELECT pg_advisory_xact_lock($1)", LOCK)
        .execute(conn)
        .await?;
    Ok(())
}

/// Of these names, those under which applications stand.
pub async fn list_histories(conn: &mut PgConnection, names: &[String]) -> Result<Vec<HistoryRow>> {
    Ok(sqlx::query_as!(
        HistoryRow,
        r#"
        SELECT account, min(provider) AS "provider!", count(*) AS "applications!" FROM applications
        WHERE account = ANY($1) GROUP BY account ORDER BY account
        "#,
        names
    )
    .fetch_all(conn)
    .await?)
}

/// Notes that these names are in use, whatever they were before.
pub async fn reclaim(conn: &mut PgConnection, names: &[String]) -> Result<()> {
    sqlx::query!("DELETE FROM account_renames WHERE former = ANY($1)", names)
        .execute(conn)
        .await?;
    Ok(())
}

/// Gives an account another name, with all that belongs to it, and answers its applications as they are then, their versions
/// raised by one. The caller holds the lock of names and owes each `application.updated`. The deployments follow in batches:
/// they are noted to be gone through. What is under way with a lease of the account is fenced off.
pub async fn rename(
    conn: &mut PgConnection,
    former: &str,
    name: &str,
    now: OffsetDateTime,
) -> Result<Vec<Application>> {
    // First of all, as every write does; and once more when nobody can hold the account's lease any longer.
    let mut ids = rename_applications(conn, former, name, now).await?;
    // What was noted under the new name before there was any application of it.
    sqlx::query!(
        r#"
        DELETE FROM sync_targets AS new WHERE account = $2 AND application_id IS NULL
          AND EXISTS (SELECT FROM sync_targets AS old WHERE old.account = $1 AND old.application_id IS NULL)
        "#,
        former,
        name
    )
    .execute(&mut *conn)
    .await?;
    sqlx::query!(
        r#"
        UPDATE sync_targets SET account = $2, lease_token = NULL, lease_holder = NULL, lease_expires_at = NULL
        WHERE account = $1
        "#,
        former,
        name
    )
    .execute(&mut *conn)
    .await?;
    ids.extend(rename_applications(conn, former, name, now).await?);
    rename_rest(conn, former, name).await?;
    sqlx::query!(
        r#"
        INSERT INTO account_renames (former, name, renamed_at) VALUES ($1, $2, $3)
        ON CONFLICT (former) DO UPDATE SET name = excluded.name, renamed_at = excluded.renamed_at
        "#,
        former,
        name,
        now
    )
    .execute(&mut *conn)
    .await?;
    restamps::insert(conn, &ids).await?;
    applications::list_by_ids(conn, &ids).await
}

async fn rename_applications(
    conn: &mut PgConnection,
    former: &str,
    name: &str,
    now: OffsetDateTime,
) -> Result<Vec<Uuid>> {
    // In the order in which everybody locks several.
    sqlx::query!(
        "SELECT id FROM applications WHERE account = $1 ORDER BY id FOR NO KEY UPDATE",
        former
    )
    .fetch_all(&mut *conn)
    .await?;
    // Rules and what providers can do may depend on the name.
    Ok(sqlx::query_scalar!(
        r#"
        UPDATE applications SET account = $2, version = version + 1, updated_at = $3, rules_hash = NULL, view_hash = NULL
        WHERE account = $1 RETURNING id
        "#,
        former,
        name,
        now
    )
    .fetch_all(conn)
    .await?)
}

async fn rename_rest(conn: &mut PgConnection, former: &str, name: &str) -> Result<()> {
    sqlx::query!("UPDATE intents SET account = $2 WHERE account = $1", former, name)
        .execute(&mut *conn)
        .await?;
    sqlx::query!(
        "UPDATE deployment_logs SET account = $2 WHERE account = $1",
        former,
        name
    )
    .execute(&mut *conn)
    .await?;
    sqlx::query!(
        "UPDATE tokens SET accounts = array_replace(accounts, $1, $2) WHERE $1 = ANY(accounts)",
        former,
        name
    )
    .execute(&mut *conn)
    .await?;
    sqlx::query!("DELETE FROM webhook_inbox WHERE account = $1", name)
        .execute(&mut *conn)
        .await?;
    sqlx::query!("UPDATE webhook_inbox SET account = $2 WHERE account = $1", former, name)
        .execute(&mut *conn)
        .await?;
    sqlx::query!("DELETE FROM rate_budgets WHERE account = $1", name)
        .execute(&mut *conn)
        .await?;
    sqlx::query!("UPDATE rate_budgets SET account = $2 WHERE account = $1", former, name)
        .execute(&mut *conn)
        .await?;
    sqlx::query!("DELETE FROM views_in_force WHERE account IN ($1, $2)", former, name)
        .execute(conn)
        .await?;
    Ok(())
}
