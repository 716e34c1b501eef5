//! What there is to sync, who is at it, and how far what was read can be trusted.

use slipway_core::{ApplicationId, FreshnessMode, FreshnessState};
use sqlx::PgConnection;
use time::{Duration, OffsetDateTime};
use uuid::Uuid;

use crate::Result;

/// A target is stale when it was not read with success for this many times the polling interval in force.
const STALE_AFTER_INTERVALS: i64 = 3;

/// A target that this process may work on until the lease expires.
#[derive(Debug, Clone)]
pub struct LeasedTarget {
    /// The target.
    pub id: Uuid,
    /// Proves that the lease is ours.
    pub lease_token: Uuid,
    /// When it was given, by the database's clock.
    pub leased_at: OffsetDateTime,
    /// The account.
    pub account: String,
    /// The application; null for the account itself.
    pub application_id: Option<Uuid>,
    /// How often in a row it failed.
    pub failure_count: i32,
    /// When it was last read with success.
    pub last_success_at: Option<OffsetDateTime>,
    /// How far history was read back: `pending`, `running` or `complete`.
    pub backfill_state: String,
    /// Where the backfill goes on.
    pub backfill_page: Option<String>,
    /// The mark of activity when the deployments were last read.
    pub read_activity: Option<String>,
    /// The mark of activity in the account's list.
    pub listed_activity: Option<String>,
}

/// How far one target can be trusted.
#[derive(Debug, Clone)]
pub struct FreshnessRow {
    /// The account.
    pub account: String,
    /// The kind of platform.
    pub provider: String,
    /// The application; null for the account itself.
    pub application_id: Option<Uuid>,
    /// When it is read next.
    pub next_poll_at: OffsetDateTime,
    /// The polling interval in force, in milliseconds.
    pub interval_ms: i64,
    /// The last read.
    pub last_attempt_at: Option<OffsetDateTime>,
    /// The last read that succeeded.
    pub last_success_at: Option<OffsetDateTime>,
    /// What is wrong, as a short code.
    pub error_code: Option<String>,
    /// What is wrong, for people.
    pub error_message: Option<String>,
    /// `stream`, `webhook` or `poll`.
    pub mode: String,
    /// Freshness as it was last announced.
    pub announced_state: Option<String>,
    /// How far history was read back.
    pub backfill_state: String,
    /// The oldest deployment reached.
    pub backfill_oldest_at: Option<OffsetDateTime>,
}

impl FreshnessRow {
    /// How far the target can be trusted at `now`, in one word. Pure: what is announced and what is shown agree.
    ///
    /// `backfill_complete` tells whether history was read to its end: for an account, that of all its applications.
    pub fn state(&self, now: OffsetDateTime, backfill_complete: bool) -> FreshnessState {
        if self.error_code.is_some() {
            return FreshnessState::Error;
        }
        let Some(last_success_at) = self.last_success_at else {
            return FreshnessState::Never;
        };
        if now - last_success_at > Duration::milliseconds(self.interval_ms.saturating_mul(STALE_AFTER_INTERVALS)) {
            FreshnessState::Stale
        } else if backfill_complete {
            FreshnessState::Fresh
        } else {
            FreshnessState::Syncing
        }
    }
}

/// How an attempt ended.
#[derive(Debug, Clone)]
pub enum Attempt {
    /// The provider was read.
    Succeeded {
        /// How changes reach us.
        mode: FreshnessMode,
        /// The mark of activity that this read covers.
        read_activity: Option<String>,
    },
    /// The provider was not asked: the account has to wait.
    Postponed,
    /// It was not.
    Failed {
        /// A short code.
        code: String,
        /// A sentence for people, without secrets.
        message: String,
    },
}

/// Makes sure that an account has a target, due now when it is new.
pub async fn insert_account(conn: &mut PgConnection, id: Uuid, account: &str, provider: &str) -> Result<()> {
    sqlx::query!(
        r#"
        INSERT INTO sync_targets (id, account, provider, next_poll_at, interval_ms) VALUES ($1, $2, $3, now(), 5000)
        ON CONFLICT (account) WHERE application_id IS NULL DO NOTHING
        "#,
        id,
        account,
        provider
    )
    .execute(conn)
    .await?;
    Ok(())
}

/// Gives a new application a target that is due now.
pub async fn insert_application(
    conn: &mut PgConnection,
    id: Uuid,
    account: &str,
    provider: &str,
    application_id: ApplicationId,
    listed_activity: Option<&str>,
) -> Result<()> {
    sqlx::query!(
        r#"
        INSERT INTO sync_targets (id, account, provider, application_id, next_poll_at, interval_ms, listed_activity)
        VALUES ($1, $2, $3, $4, now(), 5000, $5)
        ON CONFLICT (application_id) DO NOTHING
        "#,
        id,
        account,
        provider,
        application_id.0,
        listed_activity
    )
    .execute(conn)
    .await?;
    Ok(())
}

/// Takes at most `limit` due targets of these accounts for `lease`, the longest due first. What another process works on is
/// passed over; what it left behind is taken once its lease has expired, by the database's clock.
pub async fn acquire_due(
    conn: &mut PgConnection,
    accounts: &[String],
    holder: &str,
    lease: Duration,
    limit: i64,
) -> Result<Vec<LeasedTarget>> {
    Ok(sqlx::query_as!(
        LeasedTarget,
        r#"
        WITH due AS (
            SELECT id FROM sync_targets
            WHERE next_poll_at <= now() AND (lease_expires_at IS NULL OR lease_expires_at < now()) AND account = ANY($1)
            ORDER BY next_poll_at LIMIT $2 FOR UPDATE SKIP LOCKED
        )
        UPDATE sync_targets AS target
        SET lease_token = gen_random_uuid(), lease_holder = $3, lease_expires_at = now() + $4::bigint * interval '1 millisecond',
            last_attempt_at = now()
        FROM due WHERE target.id = due.id
        RETURNING target.id, target.lease_token AS "lease_token!", now() AS "leased_at!", target.account, target.application_id,
                  target.failure_count, target.last_success_at, target.backfill_state, target.backfill_page,
                  target.read_activity, target.listed_activity
        "#,
        accounts,
        limit,
        holder,
        milliseconds(lease)
    )
    .fetch_all(conn)
    .await?)
}

/// How long until the next target of these accounts is due, by the database's clock; none without any target.
pub async fn find_next_due_ms(conn: &mut PgConnection, accounts: &[String]) -> Result<Option<i64>> {
    Ok(sqlx::query_scalar!(
        r#"
        SELECT (extract(epoch FROM min(greatest(next_poll_at, coalesce(lease_expires_at, next_poll_at))) - now()) * 1000)::bigint
        FROM sync_targets WHERE account = ANY($1)
        "#,
        accounts
    )
    .fetch_one(conn)
    .await?)
}

/// Whether the lease is still ours, and keeps it so until the end of the transaction: a write that comes after the lease was
/// taken over is fenced off here.
pub async fn hold_lease(conn: &mut PgConnection, id: Uuid, lease_token: Uuid) -> Result<bool> {
    let held = sqlx::query_scalar!(
        r#"SELECT lease_expires_at > now() AS "valid!" FROM sync_targets WHERE id = $1 AND lease_token = $2 FOR SHARE"#,
        id,
        lease_token
    )
    .fetch_optional(conn)
    .await?;
    Ok(held.unwrap_or(false))
}

/// Makes the lease last until `lease` from now. False when it is no longer ours.
pub async fn renew_lease(conn: &mut PgConnection, id: Uuid, lease_token: Uuid, lease: Duration) -> Result<bool> {
    let done = sqlx::query!(
        r#"
        UPDATE sync_targets SET lease_expires_at = now() + $3::bigint * interval '1 millisecond'
        WHERE id = $1 AND lease_token = $2 AND lease_expires_at > now()
        "#,
        id,
        lease_token,
        milliseconds(lease)
    )
    .execute(conn)
    .await?;
    Ok(done.rows_affected() == 1)
}

/// Gives back every lease of these holders, so that another process need not wait for its end. `None`: of every holder, for
/// a process that knows itself to be the only one.
pub async fn release_all(conn: &mut PgConnection, holder: Option<&str>) -> Result<u64> {
    let done = sqlx::query!(
        r#"
        UPDATE sync_targets SET lease_token = NULL, lease_holder = NULL, lease_expires_at = NULL, next_poll_at = now()
        WHERE lease_token IS NOT NULL AND ($1::text IS NULL OR lease_holder = $1)
        "#,
        holder
    )
    .execute(conn)
    .await?;
    Ok(done.rows_affected())
}

/// Writes down how an attempt ended and gives the lease back. A target that was made due meanwhile stays due.
/// False when the lease is no longer ours; then nothing is written.
pub async fn release(
    conn: &mut PgConnection,
    id: Uuid,
    lease_token: Uuid,
    attempt: &Attempt,
    interval: Duration,
    next_in: Duration,
) -> Result<bool> {
    let (succeeded, mode, activity, code, message) = match attempt {
        Attempt::Postponed => return postpone(conn, id, lease_token, next_in).await,
        Attempt::Succeeded { mode, read_activity } => (true, Some(mode.as_str()), read_activity.as_deref(), None, None),
        Attempt::Failed { code, message } => (false, None, None, Some(code.as_str()), Some(message.as_str())),
    };
    let done = sqlx::query!(
        r#"
        UPDATE sync_targets
        SET lease_token = NULL, lease_holder = NULL, lease_expires_at = NULL,
            interval_ms = $3,
            next_poll_at = CASE
                WHEN application_id IS NOT NULL AND $5 AND listed_activity IS DISTINCT FROM coalesce($7, listed_activity)
                THEN now() ELSE now() + $4::bigint * interval '1 millisecond' END,
            failure_count = CASE WHEN $5 THEN 0 ELSE failure_count + 1 END,
            last_success_at = CASE WHEN $5 THEN now() ELSE last_success_at END,
            mode = coalesce($6, mode),
            read_activity = CASE WHEN $5 THEN coalesce($7, read_activity) ELSE read_activity END,
            error_code = $8, error_message = $9
        WHERE id = $1 AND lease_token = $2
        "#,
        id,
        lease_token,
        milliseconds(interval),
        milliseconds(next_in),
        succeeded,
        mode,
        activity,
        code,
        message
    )
    .execute(conn)
    .await?;
    Ok(done.rows_affected() == 1)
}

async fn postpone(conn: &mut PgConnection, id: Uuid, lease_token: Uuid, next_in: Duration) -> Result<bool> {
    let done = sqlx::query!(
        r#"
        UPDATE sync_targets
        SET lease_token = NULL, lease_holder = NULL, lease_expires_at = NULL,
            next_poll_at = now() + $3::bigint * interval '1 millisecond'
        WHERE id = $1 AND lease_token = $2
        "#,
        id,
        lease_token,
        milliseconds(next_in)
    )
    .execute(conn)
    .await?;
    Ok(done.rows_affected() == 1)
}

/// Writes down that a target was read with success while its lease goes on, as a live stream does.
pub async fn record_success(
    conn: &mut PgConnection,
    id: Uuid,
    lease_token: Uuid,
    mode: FreshnessMode,
    interval: Duration,
) -> Result<bool> {
    let done = sqlx::query!(
        r#"
        UPDATE sync_targets
        SET last_success_at = now(), last_attempt_at = now(), mode = $3, interval_ms = $4, failure_count = 0,
            error_code = NULL, error_message = NULL
        WHERE id = $1 AND lease_token = $2
        "#,
        id,
        lease_token,
        mode.as_str(),
        milliseconds(interval)
    )
    .execute(conn)
    .await?;
    Ok(done.rows_affected() == 1)
}

/// Notes the marks of activity of an account's list, and makes due now every application whose mark is not the one that its
/// deployments were last read at; one that seems busy within 10 seconds. One that keeps failing waits for its own time.
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
                                THEN least(target.next_poll_at, now())
                                WHEN listed.busy THEN least(target.next_poll_at, now() + interval '10 seconds')
                                ELSE target.next_poll_at END
        FROM UNNEST($1::uuid[], $2::text[], $3::boolean[]) AS listed (application_id, activity, busy)
        WHERE target.application_id = listed.application_id
          AND (target.listed_activity IS DISTINCT FROM listed.activity OR target.missed_walks <> 0
               OR (target.read_activity IS DISTINCT FROM listed.activity AND target.next_poll_at > now()
                   AND target.failure_count = 0)
               OR (listed.busy AND target.next_poll_at > now() + interval '10 seconds'))
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
        WHERE target.application_id = application.id AND application.account = $1 AND application.archived_at IS NULL
          AND NOT (application.id = ANY($2))
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

/// Makes an application's target due now. False when there is none.
pub async fn make_due(conn: &mut PgConnection, application_id: ApplicationId) -> Result<bool> {
    let done = sqlx::query!(
        "UPDATE sync_targets SET next_poll_at = least(next_poll_at, now()) WHERE application_id = $1",
        application_id.0
    )
    .execute(conn)
    .await?;
    Ok(done.rows_affected() == 1)
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

/// How far each account can be trusted, by name.
pub async fn list_accounts(conn: &mut PgConnection) -> Result<Vec<FreshnessRow>> {
    Ok(sqlx::query_as!(
        FreshnessRow,
        r#"
        SELECT account, provider, application_id, next_poll_at, interval_ms, last_attempt_at, last_success_at, error_code,
               error_message, mode, announced_state, backfill_state, backfill_oldest_at
        FROM sync_targets WHERE application_id IS NULL ORDER BY account
        "#
    )
    .fetch_all(conn)
    .await?)
}

/// How far these applications can be trusted.
pub async fn list_applications(conn: &mut PgConnection, application_ids: &[Uuid]) -> Result<Vec<FreshnessRow>> {
    Ok(sqlx::query_as!(
        FreshnessRow,
        r#"
        SELECT account, provider, application_id, next_poll_at, interval_ms, last_attempt_at, last_success_at, error_code,
               error_message, mode, announced_state, backfill_state, backfill_oldest_at
        FROM sync_targets WHERE application_id = ANY($1)
        "#,
        application_ids
    )
    .fetch_all(conn)
    .await?)
}

/// How far the history of an account's applications was read back: complete only when all are.
pub async fn find_account_backfill(conn: &mut PgConnection, account: &str) -> Result<(i64, i64)> {
    let row = sqlx::query!(
        r#"
        SELECT count(*) AS "all!", count(*) FILTER (WHERE backfill_state = 'complete') AS "complete!"
        FROM sync_targets WHERE account = $1 AND application_id IS NOT NULL
        "#,
        account
    )
    .fetch_one(conn)
    .await?;
    Ok((row.all, row.complete))
}

/// How far the history of an account's applications was read back.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct AccountBackfillRow {
    /// The account.
    pub account: String,
    /// How many applications there are to read.
    pub all: i64,
    /// How many were begun.
    pub begun: i64,
    /// How many were read to their end.
    pub complete: i64,
    /// The oldest deployment reached.
    pub oldest_at: Option<OffsetDateTime>,
}

/// The same for every account that sees any application.
pub async fn list_account_backfills(conn: &mut PgConnection) -> Result<Vec<AccountBackfillRow>> {
    Ok(sqlx::query_as!(
        AccountBackfillRow,
        r#"
        SELECT account, count(*) AS "all!", count(*) FILTER (WHERE backfill_state <> 'pending') AS "begun!",
               count(*) FILTER (WHERE backfill_state = 'complete') AS "complete!", min(backfill_oldest_at) AS oldest_at
        FROM sync_targets WHERE application_id IS NOT NULL GROUP BY account
        "#
    )
    .fetch_all(conn)
    .await?)
}

/// Notes the freshness of an account that an event announces. The caller owes `account.freshness_changed`, but only when
/// this answers true: another process may have been faster.
pub async fn announce(conn: &mut PgConnection, account: &str, state: &str) -> Result<bool> {
    let done = sqlx::query!(
        r#"
        UPDATE sync_targets SET announced_state = $2
        WHERE account = $1 AND application_id IS NULL AND announced_state IS DISTINCT FROM $2
        "#,
        account,
        state
    )
    .execute(conn)
    .await?;
    Ok(done.rows_affected() == 1)
}

fn milliseconds(duration: Duration) -> i64 {
    i64::try_from(duration.whole_milliseconds()).unwrap_or(i64::MAX)
}

#[cfg(test)]
mod tests {
    use time::macros::datetime;

    use super::*;

    const NOW: OffsetDateTime = datetime!(2026-01-01 12:00 UTC);

    fn row(last_success_at: Option<OffsetDateTime>, error_code: Option<&str>) -> FreshnessRow {
        FreshnessRow {
            account: "main".to_owned(),
            provider: "scalingo".to_owned(),
            application_id: None,
            next_poll_at: NOW,
            interval_ms: 10_000,
            last_attempt_at: last_success_at,
            last_success_at,
            error_code: error_code.map(ToOwned::to_owned),
            error_message: None,
            mode: "poll".to_owned(),
            announced_state: None,
            backfill_state: "pending".to_owned(),
            backfill_oldest_at: None,
        }
    }

    #[test]
    fn one_word_says_how_far_a_target_can_be_trusted() {
        let recent = Some(NOW - Duration::seconds(30));
        let old = Some(NOW - Duration::milliseconds(30_001));
        assert_eq!(row(None, None).state(NOW, true), FreshnessState::Never);
        assert_eq!(row(None, Some("unavailable")).state(NOW, true), FreshnessState::Error);
        assert_eq!(row(recent, Some("unavailable")).state(NOW, true), FreshnessState::Error);
        assert_eq!(row(recent, None).state(NOW, true), FreshnessState::Fresh);
        assert_eq!(row(recent, None).state(NOW, false), FreshnessState::Syncing);
        assert_eq!(row(old, None).state(NOW, true), FreshnessState::Stale);
        assert_eq!(row(old, None).state(NOW, false), FreshnessState::Stale);
    }
}
