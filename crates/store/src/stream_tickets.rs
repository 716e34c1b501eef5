//! Tickets for streams. Of a secret only its hash is kept.

use serde_json::Value;
use sqlx::PgConnection;
use time::{Duration, OffsetDateTime};
use uuid::Uuid;

use crate::Result;

/// How long a ticket waits for its first use.
const FIRST_USE_WITHIN: Duration = Duration::seconds(30);

/// How long a ticket waits for the next connection once the last has gone.
const NEXT_USE_WITHIN: Duration = Duration::minutes(5);

/// A ticket that was taken by a connection.
#[derive(Debug, Clone)]
pub struct TakenTicketRow {
    /// Its id.
    pub id: Uuid,
    /// Whose it is, as the caller wrote it.
    pub principal: Value,
    /// When it ends whatever happens.
    pub expires_at: OffsetDateTime,
}

/// A new ticket.
#[derive(Debug, Clone)]
pub struct NewTicket<'a> {
    /// Its id.
    pub id: Uuid,
    /// SHA-256 of its secret.
    pub secret_hash: &'a [u8],
    /// Whose it is.
    pub principal: &'a Value,
    /// SHA-256 of the secret of the session that it was had with, if any: it ends with that.
    pub session_hash: Option<&'a [u8]>,
    /// When it is made.
    pub created_at: OffsetDateTime,
    /// When it ends whatever happens.
    pub expires_at: OffsetDateTime,
}

/// Stores a ticket, and removes those that have ended.
pub async fn insert(conn: &mut PgConnection, ticket: &NewTicket<'_>) -> Result<()> {
    sqlx::query!(
        "DELETE FROM stream_tickets WHERE expires_at < $1 OR (last_seen_at IS NULL AND created_at < $2)",
        ticket.created_at,
        ticket.created_at - FIRST_USE_WITHIN
    )
    .execute(&mut *conn)
    .await?;
    sqlx::query!(
        r#"
        INSERT INTO stream_tickets (id, secret_hash, principal, session_hash, created_at, expires_at)
        VALUES ($1, $2, $3, $4, $5, $6)
        "#,
        ticket.id,
        ticket.secret_hash,
        ticket.principal,
        ticket.session_hash,
        ticket.created_at,
        ticket.expires_at
    )
    .execute(conn)
    .await?;
    Ok(())
}

/// Gives a ticket to a connection, taking it from the one that had it. None for a ticket that is not known, that waited
/// too long for its first or next connection, or that has ended.
pub async fn take(
    conn: &mut PgConnection,
    secret_hash: &[u8],
    connection_id: Uuid,
    now: OffsetDateTime,
) -> Result<Option<TakenTicketRow>> {
    Ok(sqlx::query_as!(
        TakenTicketRow,
        r#"
        UPDATE stream_tickets SET connection_id = $2, last_seen_at = $3
        WHERE secret_hash = $1 AND expires_at > $3
          AND CASE WHEN last_seen_at IS NULL THEN created_at > $4 ELSE last_seen_at > $5 END
        RETURNING id, principal, expires_at
        "#,
        secret_hash,
        connection_id,
        now,
        now - FIRST_USE_WITHIN,
        now - NEXT_USE_WITHIN
    )
    .fetch_optional(conn)
    .await?)
}

/// Whether a ticket is still there: not ended with its session.
pub async fn exists(conn: &mut PgConnection, id: Uuid) -> Result<bool> {
    Ok(sqlx::query_scalar!(
        r#"SELECT EXISTS (SELECT FROM stream_tickets WHERE id = $1) AS "exists!""#,
        id
    )
    .fetch_one(conn)
    .await?)
}

/// Of these connections, those that still hold their ticket. Notes that they were there.
pub async fn touch(conn: &mut PgConnection, connection_ids: &[Uuid], now: OffsetDateTime) -> Result<Vec<Uuid>> {
    let rows = sqlx::query_scalar!(
        r#"
        UPDATE stream_tickets SET last_seen_at = greatest(last_seen_at, $2)
        WHERE connection_id = ANY($1) RETURNING connection_id AS "connection_id!"
        "#,
        connection_ids,
        now
    )
    .fetch_all(conn)
    .await?;
    Ok(rows)
}

/// The same without noting anything.
pub async fn list_holders(conn: &mut PgConnection, connection_ids: &[Uuid]) -> Result<Vec<Uuid>> {
    let rows = sqlx::query_scalar!(
        r#"SELECT connection_id AS "connection_id!" FROM stream_tickets WHERE connection_id = ANY($1)"#,
        connection_ids
    )
    .fetch_all(conn)
    .await?;
    Ok(rows)
}
