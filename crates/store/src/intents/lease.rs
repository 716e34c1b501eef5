//! Whose turn it is: one process at a time works on an intent.

use sqlx::PgConnection;
use time::{Duration, OffsetDateTime};
use uuid::Uuid;

use super::{Intent, IntentRow, row_vec};
use crate::{Result, sync_targets};

/// The turn to call: only the holder of the token wins it, and only once, but for a cancel, which may be repeated. Who was not
/// told that it won asks again with the same `calling_at`. Notes when, and the highest number among the provider's ids.
/// Answers the intent as it is from then on.
pub async fn begin_call(
    conn: &mut PgConnection,
    id: Uuid,
    lease_token: Uuid,
    lease: Duration,
    calling_at: OffsetDateTime,
) -> Result<Option<Intent>> {
    let row = sqlx::query_as!(
        IntentRow,
        r#"
        UPDATE intents AS intent
        SET state = 'calling', calling_at = $4, lease_expires_at = now() + $3::bigint * interval '1 millisecond',
            highest_known_id = (
                SELECT max(provider_deployment_id::bigint)::text FROM deployments AS known
                WHERE known.application_id = intent.application_id AND known.provider_deployment_id ~ '^[0-9]{1,18}$')
        WHERE id = $1 AND lease_token = $2 AND (state = 'waiting' OR (state = 'calling' AND (action = 'cancel' OR calling_at = $4)))
        RETURNING id, application_id, account, target_deployment_id, deployment_id, request, overrides_freeze,
                  principal_id, principal, request_id, client_address, created_at, state, lease_token, calling_at,
                  highest_known_id, outcome, answer
        "#,
        id,
        lease_token,
        sync_targets::milliseconds(lease),
        calling_at
    );
    row.fetch_optional(conn).await?.map(Intent::try_from).transpose()
}

/// Puts off the next look at an intent, and gives it back.
pub async fn postpone(conn: &mut PgConnection, id: Uuid, lease_token: Uuid, due_at: OffsetDateTime) -> Result<()> {
    sqlx::query!(
        "UPDATE intents SET due_at = $3, lease_token = NULL, lease_expires_at = NULL WHERE id = $1 AND lease_token = $2",
        id,
        lease_token,
        due_at
    )
    .execute(conn)
    .await?;
    Ok(())
}

/// Takes, for `lease`, at most `limit` intents of these accounts that are due at `now` and that nobody works on.
pub async fn acquire_due(
    conn: &mut PgConnection,
    accounts: &[String],
    now: OffsetDateTime,
    lease: Duration,
    limit: i64,
) -> Result<Vec<Intent>> {
    let rows = sqlx::query_as!(
        IntentRow,
        r#"
        WITH due AS (
            SELECT id FROM intents
            WHERE state <> 'settled' AND account = ANY($1) AND due_at <= $2
              AND (lease_expires_at IS NULL OR lease_expires_at < now())
            ORDER BY due_at LIMIT $4 FOR UPDATE SKIP LOCKED
        )
        UPDATE intents AS intent
        SET lease_token = gen_random_uuid(), lease_expires_at = now() + $3::bigint * interval '1 millisecond'
        FROM due WHERE intent.id = due.id
        RETURNING intent.id, application_id, account, target_deployment_id, deployment_id, request, overrides_freeze,
                  principal_id, principal, request_id, client_address, created_at, state, lease_token, calling_at,
                  highest_known_id, outcome, answer
        "#,
        accounts,
        now,
        sync_targets::milliseconds(lease),
        limit
    );
    row_vec(rows.fetch_all(conn).await?)
}

/// Gives back every intent of the time before `before`, for a process that began then and knows itself to be the only one.
pub async fn release_all(conn: &mut PgConnection, before: OffsetDateTime) -> Result<()> {
    sqlx::query!(
        "UPDATE intents SET lease_token = NULL, lease_expires_at = NULL WHERE state <> 'settled' AND created_at < $1",
        before
    )
    .execute(conn)
    .await?;
    Ok(())
}
