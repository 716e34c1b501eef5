//! What intents come to, and when they are forgotten.

use slipway_core::DeploymentId;
use sqlx::PgConnection;
use time::OffsetDateTime;
use uuid::Uuid;

use super::IntentState;
use crate::Result;

/// What an intent comes to.
#[derive(Debug, Clone)]
pub struct Settling {
    /// [`IntentState::Claimable`] or [`IntentState::Settled`].
    pub state: IntentState,
    /// `accepted`, `refused`, `unknown` or `never_sent`.
    pub outcome: &'static str,
    /// What the caller is told.
    pub answer: serde_json::Value,
    /// The deployment that the answer names.
    pub deployment_id: Option<DeploymentId>,
    /// When it was settled.
    pub at: OffsetDateTime,
    /// When to look again, where its deployment can still be claimed.
    pub due_at: OffsetDateTime,
}

/// Stores the answer, in the transaction of what it tells of. The caller holds the intent's lock.
pub async fn settle(conn: &mut PgConnection, id: Uuid, settling: &Settling) -> Result<()> {
    sqlx::query!(
        r#"
        UPDATE intents
        SET state = $2, outcome = $3, answer = $4, deployment_id = $5, settled_at = $6, due_at = $7,
            lease_token = NULL, lease_expires_at = NULL
        WHERE id = $1
        "#,
        id,
        settling.state.as_str(),
        settling.outcome,
        settling.answer,
        settling.deployment_id.map(|id| id.0),
        settling.at,
        settling.due_at
    )
    .execute(conn)
    .await?;
    Ok(())
}

/// Closes an intent whose answer is stored: its deployment was named, or given up. The caller holds the application's lock.
pub async fn close(conn: &mut PgConnection, id: Uuid) -> Result<()> {
    sqlx::query!(
        "UPDATE intents SET state = 'settled', lease_token = NULL, lease_expires_at = NULL WHERE id = $1",
        id
    )
    .execute(conn)
    .await?;
    Ok(())
}

/// Forgets at most `limit` settled intents that were committed before `before`. Those stay that a key points to, and those
/// that tell where the source of a deployment came from: it may be deployed again.
pub async fn delete_settled(conn: &mut PgConnection, before: OffsetDateTime, limit: i64) -> Result<u64> {
    let done = sqlx::query!(
        r#"
        DELETE FROM intents WHERE id IN (
            SELECT id FROM intents AS old
            WHERE state = 'settled' AND created_at <= $1 AND (deployment_id IS NULL OR request ->> 'source_url' IS NULL)
              AND NOT EXISTS (SELECT FROM idempotency_keys WHERE intent_id = old.id)
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
