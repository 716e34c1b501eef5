//! What is older than what is kept: found, removed in batches, and told of by a horizon that only ever moves on.

use slipway_core::ApplicationId;
use sqlx::PgConnection;
use time::OffsetDateTime;
use uuid::Uuid;

use crate::Result;

/// Names the lock that one process at a time removes under.
const LOCK: i64 = 0x736c_6970_7265_7400;

/// What is removed when it is old.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Kind {
    /// Deployments that have ended, with all that belongs to them.
    History,
    /// The last whole answers of providers.
    Payloads,
    /// Events.
    Events,
    /// Texts of logs.
    Logs,
}

impl Kind {
    /// All of them.
    pub const ALL: [Self; 4] = [Self::History, Self::Payloads, Self::Events, Self::Logs];

    /// The stored spelling, also that of metrics.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::History => "history",
            Self::Payloads => "payloads",
            Self::Events => "events",
            Self::Logs => "logs",
        }
    }
}

/// How far a kind was removed.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct HorizonRow {
    /// The kind.
    pub kind: String,
    /// What is older may be gone.
    pub removed_before: OffsetDateTime,
    /// How many rows are gone.
    pub removed_count: i64,
}

/// Takes the turn to remove until the transaction ends; false while another process has it.
pub async fn try_lock(conn: &mut PgConnection) -> Result<bool> {
    Ok(
        sqlx::query_scalar!(r#"SELECT pg_try_advisory_xact_lock($1) AS "is_ours!""#, LOCK)
            .fetch_one(conn)
            .await?,
    )
}

/// Notes that so many rows of a kind are gone, and that everything before an instant may be.
pub async fn note(conn: &mut PgConnection, kind: Kind, removed_before: OffsetDateTime, removed: u64) -> Result<()> {
    sqlx::query!(
        r#"
        INSERT INTO retention_horizons AS known (kind, removed_before, removed_count) VALUES ($1, $2, $3)
        ON CONFLICT (kind) DO UPDATE
        SET removed_before = greatest(known.removed_before, excluded.removed_before),
            removed_count = known.removed_count + excluded.removed_count
        "#,
        kind.as_str(),
        removed_before,
        i64::try_from(removed).unwrap_or(i64::MAX)
    )
    .execute(conn)
    .await?;
    Ok(())
}

/// How far each kind was removed.
pub async fn list_horizons(conn: &mut PgConnection) -> Result<Vec<HorizonRow>> {
    Ok(sqlx::query_as!(
        HorizonRow,
        "SELECT kind, removed_before, removed_count FROM retention_horizons ORDER BY kind"
    )
    .fetch_all(conn)
    .await?)
}

/// Before which instant history may not be whole; none where nothing was ever removed of it.
pub async fn find_history_horizon(conn: &mut PgConnection) -> Result<Option<OffsetDateTime>> {
    Ok(
        sqlx::query_scalar!("SELECT removed_before FROM retention_horizons WHERE kind = 'history'")
            .fetch_optional(conn)
            .await?,
    )
}

/// Removes events from the beginning of the log, at most `limit`, up to the first that was written at `before` or later. The
/// last event always stays: a reader that stands before it learns by it that others are gone.
pub async fn delete_events(conn: &mut PgConnection, before: OffsetDateTime, limit: i64) -> Result<u64> {
    let done = sqlx::query!(
        r#"
        WITH oldest AS (SELECT seq, recorded_at FROM events ORDER BY seq LIMIT $2)
        DELETE FROM events
        WHERE seq < coalesce((SELECT min(seq) FROM oldest WHERE recorded_at >= $1), (SELECT max(seq) + 1 FROM oldest))
          AND seq < (SELECT max(seq) FROM events)
        "#,
        before,
        limit
    )
    .execute(conn)
    .await?;
    Ok(done.rows_affected())
}

/// Removes at most `limit` payloads that were stored before an instant, but none of a deployment that runs, is live or is its
/// application's newest.
pub async fn delete_payloads(conn: &mut PgConnection, before: OffsetDateTime, limit: i64) -> Result<u64> {
    let done = sqlx::query!(
        r#"
        DELETE FROM deployment_payloads WHERE deployment_id IN (
            SELECT payload.deployment_id FROM deployment_payloads AS payload
            JOIN deployments AS deployment ON deployment.id = payload.deployment_id
            WHERE payload.recorded_at < $1 AND deployment.is_finished AND NOT deployment.is_latest
              AND deployment.is_live IS NOT TRUE
            ORDER BY payload.recorded_at LIMIT $2)
        "#,
        before,
        limit
    )
    .execute(conn)
    .await?;
    Ok(done.rows_affected())
}

/// At most `limit` deployments of one application, the one with the oldest, that were created and had ended before an
/// instant. Never one that is live or its application's newest, nor one that an open intent is about.
pub async fn find_removable(
    conn: &mut PgConnection,
    before: OffsetDateTime,
    limit: i64,
) -> Result<Option<(ApplicationId, Vec<Uuid>)>> {
    let oldest = sqlx::query_scalar!(
        r#"
        SELECT application_id FROM deployments
        WHERE (created_at AT TIME ZONE 'UTC') < ($1::timestamptz AT TIME ZONE 'UTC') AND is_finished AND NOT is_latest
          AND is_live IS NOT TRUE AND coalesce(finished_at, created_at) < $1
          AND NOT id = ANY(array_remove(ARRAY(
              SELECT unnest(ARRAY[deployment_id, target_deployment_id]) FROM intents WHERE state <> 'settled'), NULL))
        ORDER BY (created_at AT TIME ZONE 'UTC'), id LIMIT 1
        "#,
        before
    );
    let Some(application_id) = oldest.fetch_optional(&mut *conn).await? else {
        return Ok(None);
    };
    let ids = list_removable(conn, ApplicationId(application_id), before, limit).await?;
    Ok(Some((ApplicationId(application_id), ids)))
}

/// The same of an application that is known. Under its lock they stay removable until the transaction ends.
pub async fn list_removable(
    conn: &mut PgConnection,
    application_id: ApplicationId,
    before: OffsetDateTime,
    limit: i64,
) -> Result<Vec<Uuid>> {
    Ok(sqlx::query_scalar!(
        r#"
        SELECT id FROM deployments
        WHERE application_id = $1 AND created_at < $2 AND is_finished AND NOT is_latest
          AND is_live IS NOT TRUE AND coalesce(finished_at, created_at) < $2
          AND NOT id = ANY(array_remove(ARRAY(
              SELECT unnest(ARRAY[deployment_id, target_deployment_id]) FROM intents WHERE state <> 'settled'), NULL))
        ORDER BY created_at, id LIMIT $3
        "#,
        application_id.0,
        before,
        limit
    )
    .fetch_all(conn)
    .await?)
}

/// Removes deployments with their timelines, payloads and logs, and with the settled intents that made them. The caller holds
/// the application's lock and owes it `application.history_changed`.
pub async fn delete_deployments(conn: &mut PgConnection, ids: &[Uuid]) -> Result<u64> {
    sqlx::query!(
        "DELETE FROM intents WHERE deployment_id = ANY($1) AND state = 'settled'",
        ids
    )
    .execute(&mut *conn)
    .await?;
    let done = sqlx::query!("DELETE FROM deployments WHERE id = ANY($1)", ids)
        .execute(conn)
        .await?;
    Ok(done.rows_affected())
}
