//! Webhooks of providers, each of them once.

use sqlx::PgConnection;
use time::OffsetDateTime;

use crate::Result;

/// A webhook that came in.
#[derive(Debug, Clone, Copy)]
pub struct NewWebhook<'a> {
    /// The account that it came for.
    pub account: &'a str,
    /// What is the same when it comes again.
    pub delivery_hash: &'a [u8],
    /// The provider's word for what happened.
    pub event_type: Option<&'a str>,
    /// The provider's id of the application, where it names one.
    pub provider_application_id: Option<&'a str>,
}

/// Keeps a webhook. False when it came before.
pub async fn insert(conn: &mut PgConnection, webhook: &NewWebhook<'_>) -> Result<bool> {
    let done = sqlx::query!(
        r#"
        INSERT INTO webhook_inbox (account, delivery_hash, event_type, provider_application_id) VALUES ($1, $2, $3, $4)
        ON CONFLICT DO NOTHING
        "#,
        webhook.account,
        webhook.delivery_hash,
        webhook.event_type,
        webhook.provider_application_id
    )
    .execute(conn)
    .await?;
    Ok(done.rows_affected() == 1)
}

/// Forgets at most `limit` webhooks that came before `before`: one that comes again after that is a new one.
pub async fn delete_before(conn: &mut PgConnection, before: OffsetDateTime, limit: i64) -> Result<u64> {
    let done = sqlx::query!(
        r#"
        DELETE FROM webhook_inbox WHERE (account, delivery_hash) IN (
            SELECT account, delivery_hash FROM webhook_inbox WHERE received_at <= $1
            ORDER BY received_at LIMIT $2 FOR UPDATE SKIP LOCKED
        )
        "#,
        before,
        limit
    )
    .execute(conn)
    .await?;
    Ok(done.rows_affected())
}
