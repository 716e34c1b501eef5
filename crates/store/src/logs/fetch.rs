//! Which final texts are to be fetched from the providers, and who does it.

use sqlx::PgConnection;
use time::{Duration, OffsetDateTime};
use uuid::Uuid;

use crate::Result;
use crate::sync_targets::milliseconds;

/// A final text that this process may fetch until the lease expires.
#[derive(Debug, Clone)]
pub struct DueFetch {
    /// Of which deployment.
    pub deployment_id: Uuid,
    /// Proves that the lease is ours.
    pub lease_token: Uuid,
    /// The account.
    pub account: String,
    /// The application.
    pub application_id: Uuid,
    /// The provider's id of the application.
    pub provider_application_id: String,
    /// The application's name.
    pub application_name: String,
    /// The provider's id of the deployment.
    pub provider_deployment_id: String,
    /// Somebody waits for it.
    pub is_wanted: bool,
    /// How often it failed.
    pub attempts: i32,
}

/// How an attempt without a text ended.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Fetched {
    /// It failed; again after this time.
    Again {
        /// Why, as a short code.
        error: &'static str,
        /// How long to wait.
        after: Duration,
        /// Whether it counts as an attempt: not when the provider was not asked.
        counts: bool,
    },
    /// It failed for good; only who asks for the log makes it tried again.
    GivenUp {
        /// Why, as a short code.
        error: &'static str,
    },
}

/// Notes that the final texts of these deployments are to be fetched, `delay` from now.
pub async fn request_fetches(
    conn: &mut PgConnection,
    deployment_ids: &[Uuid],
    delay: Duration,
    now: OffsetDateTime,
) -> Result<()> {
    sqlx::query!(
        r#"
        INSERT INTO deployment_logs AS log (deployment_id, application_id, account, written_at, fetch_at)
        SELECT id, application_id, account, $3, now() + $2::bigint * interval '1 millisecond'
        FROM deployments WHERE id = ANY($1)
        ON CONFLICT (deployment_id) DO UPDATE
        SET fetch_at = excluded.fetch_at, fetch_attempts = 0, fetch_error = NULL, state = 'open'
        "#,
        deployment_ids,
        milliseconds(delay),
        now
    )
    .execute(conn)
    .await?;
    Ok(())
}

/// Notes that somebody waits for the final text of a finished deployment: it is fetched before the others, however often that
/// failed before. Nothing to do for one that is stored, or that somebody else has asked for a moment ago.
pub async fn request(conn: &mut PgConnection, deployment_id: Uuid, now: OffsetDateTime) -> Result<()> {
    sqlx::query!(
        r#"
        INSERT INTO deployment_logs AS log (deployment_id, application_id, account, written_at, fetch_at, is_wanted)
        SELECT id, application_id, account, $2, now(), true FROM deployments
        WHERE id = $1 AND is_finished AND log_state = 'open' AND provider_deployment_id IS NOT NULL
        ON CONFLICT (deployment_id) DO UPDATE
        SET fetch_at = coalesce(CASE WHEN log.is_wanted THEN log.fetch_at ELSE least(log.fetch_at, now()) END, now()),
            is_wanted = true, fetch_attempts = CASE WHEN log.fetch_at IS NULL THEN 0 ELSE log.fetch_attempts END
        WHERE log.state = 'open' AND NOT (log.is_wanted AND log.fetch_at IS NOT NULL)
        "#,
        deployment_id,
        now
    )
    .execute(conn)
    .await?;
    Ok(())
}

/// Whether a final text is to be fetched, and nobody has begun to.
pub async fn is_untouched(conn: &mut PgConnection, deployment_id: Uuid) -> Result<bool> {
    let untouched = sqlx::query_scalar!(
        r#"
        SELECT (fetch_at IS NOT NULL AND lease_token IS NULL AND fetch_attempts = 0 AND fetch_error IS NULL) AS "untouched!"
        FROM deployment_logs WHERE deployment_id = $1
        "#,
        deployment_id
    );
    Ok(untouched.fetch_optional(conn).await?.unwrap_or(false))
}

/// Takes, for `lease`, at most `limit` texts of these accounts that are due, those that somebody waits for first. What another
/// process fetches is passed over until its lease has expired, by the database's clock.
pub async fn acquire_fetches(
    conn: &mut PgConnection,
    accounts: &[String],
    lease: Duration,
    limit: i64,
) -> Result<Vec<DueFetch>> {
    Ok(sqlx::query_as!(
        DueFetch,
        r#"
        WITH due AS (
            SELECT deployment_id FROM deployment_logs
            WHERE fetch_at <= now() AND account = ANY($1) AND (lease_expires_at IS NULL OR lease_expires_at < now())
            ORDER BY is_wanted DESC, fetch_at LIMIT $2 FOR UPDATE SKIP LOCKED
        )
        UPDATE deployment_logs AS log
        SET lease_token = gen_random_uuid(), lease_expires_at = now() + $3::bigint * interval '1 millisecond'
        FROM due, deployments AS deployment, applications AS application
        WHERE log.deployment_id = due.deployment_id AND deployment.id = due.deployment_id
          AND application.id = deployment.application_id AND deployment.provider_deployment_id IS NOT NULL
        RETURNING log.deployment_id, log.lease_token AS "lease_token!", log.account, log.application_id,
                  application.provider_application_id, application.name AS application_name,
                  deployment.provider_deployment_id AS "provider_deployment_id!", log.is_wanted, log.fetch_attempts AS attempts
        "#,
        accounts,
        limit,
        milliseconds(lease)
    )
    .fetch_all(conn)
    .await?)
}

/// Whether the lease is still ours, and keeps it so until the end of the transaction.
pub async fn hold_fetch(conn: &mut PgConnection, deployment_id: Uuid, lease_token: Uuid) -> Result<bool> {
    let held = sqlx::query_scalar!(
        r#"
        SELECT lease_expires_at > now() AS "valid!" FROM deployment_logs
        WHERE deployment_id = $1 AND lease_token = $2 FOR NO KEY UPDATE
        "#,
        deployment_id,
        lease_token
    )
    .fetch_optional(conn)
    .await?;
    Ok(held.unwrap_or(false))
}

/// Writes down how an attempt without a text ended and gives the lease back. False when it is no longer ours.
pub async fn release_fetch(
    conn: &mut PgConnection,
    deployment_id: Uuid,
    lease_token: Uuid,
    fetched: Fetched,
) -> Result<bool> {
    let (error, after, counts) = match fetched {
        Fetched::Again { error, after, counts } => (error, Some(milliseconds(after)), counts),
        Fetched::GivenUp { error } => (error, None, true),
    };
    let done = sqlx::query!(
        r#"
        UPDATE deployment_logs
        SET lease_token = NULL, lease_expires_at = NULL, fetch_error = $3,
            fetch_at = now() + $4::bigint * interval '1 millisecond',
            fetch_attempts = fetch_attempts + CASE WHEN $5 THEN 1 ELSE 0 END, is_wanted = is_wanted AND $4 IS NOT NULL
        WHERE deployment_id = $1 AND lease_token = $2
        "#,
        deployment_id,
        lease_token,
        error,
        after,
        counts
    )
    .execute(conn)
    .await?;
    Ok(done.rows_affected() == 1)
}
