//! Idempotency keys: the same request again gets the same answer. A key points to the intent that holds the answer, and is
//! forgotten after 24 hours.

use sqlx::PgConnection;
use time::OffsetDateTime;
use uuid::Uuid;

use crate::Result;

/// What a caller's key stands for.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct IdempotencyKey {
    /// Whose key it is.
    pub principal_id: String,
    /// The method of the request.
    pub method: String,
    /// The path of the request.
    pub path: String,
    /// The key.
    pub key: String,
    /// Stands for the body.
    pub fingerprint: Vec<u8>,
}

/// A request that was made with a key.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct KeyedRequest {
    /// Stands for its body.
    pub fingerprint: Vec<u8>,
    /// What came of it.
    pub intent_id: Uuid,
}

/// The request that was made with this key after `since`.
pub async fn find(
    conn: &mut PgConnection,
    key: &IdempotencyKey,
    since: OffsetDateTime,
) -> Result<Option<KeyedRequest>> {
    Ok(sqlx::query_as!(
        KeyedRequest,
        r#"
        SELECT fingerprint, intent_id FROM idempotency_keys
        WHERE principal_id = $1 AND method = $2 AND path = $3 AND key = $4 AND created_at > $5
        "#,
        key.principal_id,
        key.method,
        key.path,
        key.key,
        since
    )
    .fetch_optional(conn)
    .await?)
}

/// Takes a key for an intent, in the transaction that commits the intent. False when it was taken after `since`: waits for
/// whoever is at it.
pub async fn insert(
    conn: &mut PgConnection,
    key: &IdempotencyKey,
    intent_id: Uuid,
    created_at: OffsetDateTime,
    since: OffsetDateTime,
) -> Result<bool> {
    let done = sqlx::query!(
        r#"
        INSERT INTO idempotency_keys AS known (principal_id, method, path, key, fingerprint, created_at, intent_id)
        VALUES ($1, $2, $3, $4, $5, $6, $7)
        ON CONFLICT (principal_id, method, path, key) DO UPDATE
        SET fingerprint = excluded.fingerprint, created_at = excluded.created_at, intent_id = excluded.intent_id
        WHERE known.created_at <= $8
        "#,
        key.principal_id,
        key.method,
        key.path,
        key.key,
        key.fingerprint,
        created_at,
        intent_id,
        since
    )
    .execute(conn)
    .await?;
    Ok(done.rows_affected() == 1)
}

/// Frees the key of an intent that came to nothing and may be asked for again.
pub async fn release(conn: &mut PgConnection, intent_id: Uuid) -> Result<()> {
    sqlx::query!("DELETE FROM idempotency_keys WHERE intent_id = $1", intent_id)
        .execute(conn)
        .await?;
    Ok(())
}

/// Forgets at most `limit` keys taken before `before`.
pub async fn delete_before(conn: &mut PgConnection, before: OffsetDateTime, limit: i64) -> Result<u64> {
    let done = sqlx::query!(
        r#"
        DELETE FROM idempotency_keys
        WHERE (principal_id, method, path, key) IN (
            SELECT principal_id, method, path, key FROM idempotency_keys WHERE created_at <= $1
            ORDER BY created_at LIMIT $2 FOR UPDATE SKIP LOCKED
        )
        "#,
        before,
        limit
    )
    .execute(conn)
    .await?;
    Ok(done.rows_affected())
}
