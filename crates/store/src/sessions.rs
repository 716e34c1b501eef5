//! Sessions of browsers. Of a secret only its hash is kept.

use serde_json::Value;
use sqlx::PgConnection;
use time::OffsetDateTime;

use crate::Result;

/// A session.
#[derive(Debug, Clone)]
pub struct SessionRow {
    /// Whose it is, as the caller wrote it.
    pub principal: Value,
    /// When it ends.
    pub expires_at: OffsetDateTime,
}

/// Stores a session, and removes those that have ended.
pub async fn insert(
    conn: &mut PgConnection,
    secret_hash: &[u8],
    principal: &Value,
    created_at: OffsetDateTime,
    expires_at: OffsetDateTime,
) -> Result<()> {
    sqlx::query!("DELETE FROM sessions WHERE expires_at < $1", created_at)
        .execute(&mut *conn)
        .await?;
    sqlx::query!(
        "INSERT INTO sessions (secret_hash, principal, created_at, expires_at) VALUES ($1, $2, $3, $4)",
        secret_hash,
        principal,
        created_at,
        expires_at
    )
    .execute(conn)
    .await?;
    Ok(())
}

/// The session whose secret has this hash, also one that has ended.
pub async fn find(conn: &mut PgConnection, secret_hash: &[u8]) -> Result<Option<SessionRow>> {
    Ok(sqlx::query_as!(
        SessionRow,
        "SELECT principal, expires_at FROM sessions WHERE secret_hash = $1",
        secret_hash
    )
    .fetch_optional(conn)
    .await?)
}

/// Of these hashes, those whose sessions have not ended.
pub async fn list_open(
    conn: &mut PgConnection,
    secret_hashes: &[Vec<u8>],
    now: OffsetDateTime,
) -> Result<Vec<Vec<u8>>> {
    Ok(sqlx::query_scalar!(
        "SELECT secret_hash FROM sessions WHERE secret_hash = ANY($1) AND expires_at > $2",
        secret_hashes,
        now
    )
    .fetch_all(conn)
    .await?)
}

/// Ends a session. Answers whether there was one.
pub async fn delete(conn: &mut PgConnection, secret_hash: &[u8]) -> Result<bool> {
    let done = sqlx::query!("DELETE FROM sessions WHERE secret_hash = $1", secret_hash)
        .execute(conn)
        .await?;
    Ok(done.rows_affected() > 0)
}
