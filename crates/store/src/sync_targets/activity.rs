//! What an account's list tells of its applications, and how far their history was read.

use slipway_core::ApplicationId;
use sqlx::PgConnection;
use time::OffsetDateTime;
use uuid::Uuid;

use crate::Result;

/// Notes the marks of activity of an account's list, and makes due now every application whose mark is not the one that its
/// deployments were last read at; one that seems busy, and of which nothing unfinished is known, within 10 seconds. One that
/// keeps failing waits for its own time, and so does one that was held back, unless its mark is a new one.
/// Answers how many rows changed.
pub async fn note_activity(
    conn: &mut PgConnection,
    application_ids: &[Uuid],
    activities: &[Option<String>],
    busy: &[bool],
) -> Result<u64> {
    let done = sqlx::query!(
        r#"
        UPDATE sync_targets AS target
        SET listed_activity = listed.activity, missed_walks = 0,
            next_poll_at = CASE WHEN target.read_activity IS DISTINCT FROM listed.activity AND target.failure_count = 0
                                     AND (NOT target.is_held_back OR target.listed_activity IS DISTINCT FROM listed.activity)
                                THEN least(target.next_poll_at, now())
                                WHEN listed.busy AND NOT EXISTS (
                                    SELECT FROM deployments
                                    WHERE deployments.application_id = target.application_id AND NOT is_finished)
                                THEN least(target.next_poll_at, now() + interval '10 seconds')
                                ELSE target.next_poll_at END
        FROM UNNEST($1::uuid[], $2::text[], $3::boolean[]) AS listed (application_id, activity, busy)
        WHERE target.application_id = listed.application_id
          AND (target.listed_activity IS DISTINCT FROM listed.activity OR target.missed_walks <> 0
               OR (target.read_activity IS DISTINCT FROM listed.activity AND target.next_poll_at > now()
                   AND target.failure_count = 0 AND NOT target.is_held_back)
               OR (listed.busy AND target.next_poll_at > now() + interval '10 seconds' AND NOT EXISTS (
                   SELECT FROM deployments
                   WHERE deployments.application_id = target.application_id AND NOT is_finished)))
        "#,
        application_ids,
        activities as &[Option<String>],
        busy
    )
    .execute(conn)
    .await?;
    Ok(done.rows_affected())
}

/// After a complete walk over an account's list: counts a miss for every application that is not among `seen`, and answers
/// those, not archived yet, that two walks in a row or more have missed.
pub async fn count_missed(conn: &mut PgConnection, account: &str, seen: &[Uuid]) -> Result<Vec<Uuid>> {
    let rows = sqlx::query!(
        r#"
        UPDATE sync_targets AS target SET missed_walks = target.missed_walks + 1
        FROM applications AS application
        WHERE target.account = $1 AND target.application_id = application.id AND application.account = $1
          AND application.archived_at IS NULL
          AND NOT EXISTS (SELECT FROM UNNEST($2::uuid[]) AS seen (id) WHERE seen.id = application.id)
        RETURNING application.id, target.missed_walks
        "#,
        account,
        seen
    )
    .fetch_all(conn)
    .await?;
    Ok(rows
        .into_iter()
        .filter(|row| row.missed_walks >= 2)
        .map(|row| row.id)
        .collect())
}

/// The mark of activity that the account's list now shows for a target.
pub async fn find_listed_activity(conn: &mut PgConnection, id: Uuid) -> Result<Option<String>> {
    let found = sqlx::query_scalar!("SELECT listed_activity FROM sync_targets WHERE id = $1", id);
    Ok(found.fetch_optional(conn).await?.flatten())
}

/// Makes an application's target due now, also when a look at it is under way that may not see what it is asked for: then it
/// is due again after that. False when there is none.
pub async fn make_due(conn: &mut PgConnection, application_id: ApplicationId) -> Result<bool> {
    let done = sqlx::query!(
        "UPDATE sync_targets SET next_poll_at = least(next_poll_at, now()), is_requested = true WHERE application_id = $1",
        application_id.0
    )
    .execute(conn)
    .await?;
    Ok(done.rows_affected() == 1)
}

/// Makes an application's target due because a webhook points to it, two seconds after its last read at the earliest, so that
/// a flood costs few reads. False when no such application is known.
pub async fn hint_application(conn: &mut PgConnection, account: &str, provider_application_id: &str) -> Result<bool> {
    let done = sqlx::query!(
        r#"
        UPDATE sync_targets AS target
        SET next_poll_at = least(target.next_poll_at, greatest(now(), target.last_attempt_at + interval '2 seconds')),
            is_requested = true, is_hinted = true
        FROM applications AS application
        WHERE target.application_id = application.id AND application.account = $1
          AND application.provider_application_id = $2
        "#,
        account,
        provider_application_id
    )
    .execute(conn)
    .await?;
    Ok(done.rows_affected() > 0)
}

/// Makes an account's list due because a webhook points to nothing that is known, ten seconds after its last read at the
/// earliest.
pub async fn hint_account(conn: &mut PgConnection, account: &str) -> Result<bool> {
    let done = sqlx::query!(
        r#"
        UPDATE sync_targets
        SET next_poll_at = least(next_poll_at, greatest(now(), last_attempt_at + interval '10 seconds')), is_hinted = true
        WHERE account = $1 AND application_id IS NULL
        "#,
        account
    )
    .execute(conn)
    .await?;
    Ok(done.rows_affected() > 0)
}

/// Notes how far an application's history was read back.
pub async fn note_backfill(
    conn: &mut PgConnection,
    id: Uuid,
    lease_token: Uuid,
    state: &str,
    page: Option<&str>,
    oldest_at: Option<OffsetDateTime>,
) -> Result<bool> {
    let done = sqlx::query!(
        r#"
        UPDATE sync_targets
        SET backfill_state = $3, backfill_page = $4, backfill_oldest_at = least(backfill_oldest_at, $5)
        WHERE id = $1 AND lease_token = $2
        "#,
        id,
        lease_token,
        state,
        page,
        oldest_at
    )
    .execute(conn)
    .await?;
    Ok(done.rows_affected() == 1)
}
