//! One process at a time works on a target; expiry is by database time, and the token fences off a late write.

use slipway_core::FreshnessMode;
use sqlx::PgConnection;
use time::{Duration, OffsetDateTime};
use uuid::Uuid;

use super::milliseconds;
use crate::Result;

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
    /// Whether a provider's webhook made it due.
    pub is_hinted: bool,
    /// Whether somebody asked for it.
    pub is_requested: bool,
    /// Whether another process held it and let its lease expire.
    pub is_taken_over: bool,
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
    /// The newest deployments were not asked for: the account has to wait, or something else was done. It says nothing of how
    /// far the target can be trusted.
    Postponed {
        /// A webhook made it due, and what that points to is still to be read.
        is_hinted: bool,
        /// Somebody asked for it and still waits.
        is_requested: bool,
        /// Nothing was left in the account's budget: it comes back at its own time, however often the account's list names it
        /// until then.
        is_held_back: bool,
    },
    /// It was not.
    Failed {
        /// A short code.
        code: String,
        /// A sentence for people, without secrets.
        message: String,
    },
}

/// Takes, for `lease`, all of these accounts that are due and at most `limit` of their applications, the longest due first:
/// however many applications are followed, the lists that tell what moved are still read. What another process works on is
/// passed over; what it left behind is taken once its lease has expired, by the database's clock.
///
/// Accounts are few: they are looked up as such (the sum keeps the planner from looking for them among all that is due).
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
        WITH due_accounts AS (
            SELECT id, is_hinted, is_requested, lease_token IS NOT NULL AS is_taken_over FROM sync_targets
            WHERE application_id IS NULL AND account = ANY($1)
              AND next_poll_at + interval '0' <= now() AND (lease_expires_at IS NULL OR lease_expires_at < now())
            FOR UPDATE SKIP LOCKED
        ), due_applications AS (
            SELECT id, is_hinted, is_requested, lease_token IS NOT NULL AS is_taken_over FROM sync_targets
            WHERE application_id IS NOT NULL AND account = ANY($1)
              AND next_poll_at <= now() AND (lease_expires_at IS NULL OR lease_expires_at < now())
            ORDER BY next_poll_at LIMIT $2 FOR UPDATE SKIP LOCKED
        ), due AS (SELECT * FROM due_accounts UNION ALL SELECT * FROM due_applications)
        UPDATE sync_targets AS target
        SET lease_token = gen_random_uuid(), lease_holder = $3, lease_expires_at = now() + $4::bigint * interval '1 millisecond',
            last_attempt_at = now(), is_requested = false, is_hinted = false, is_held_back = false
        FROM due WHERE target.id = due.id
        RETURNING target.id, target.lease_token AS "lease_token!", now() AS "leased_at!", target.account, target.application_id,
                  target.failure_count, target.last_success_at, target.backfill_state, target.backfill_page,
                  target.read_activity, target.listed_activity, due.is_hinted AS "is_hinted!",
                  due.is_requested AS "is_requested!", due.is_taken_over AS "is_taken_over!"
        "#,
        accounts,
        limit,
        holder,
        milliseconds(lease)
    )
    .fetch_all(conn)
    .await?)
}

/// How long until the next target of these accounts is due, by the database's clock; none when that is not `within` this time.
/// However many targets there are, only those are looked at that are due by then.
pub async fn find_next_due_ms(conn: &mut PgConnection, accounts: &[String], within: Duration) -> Result<Option<i64>> {
    Ok(sqlx::query_scalar!(
        r#"
        SELECT (extract(epoch FROM min(greatest(next_poll_at, coalesce(lease_expires_at, next_poll_at))) - now()) * 1000)::bigint
        FROM sync_targets WHERE account = ANY($1) AND next_poll_at <= now() + $2::bigint * interval '1 millisecond'
        "#,
        accounts,
        milliseconds(within)
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
        Attempt::Postponed {
            is_hinted,
            is_requested,
            is_held_back,
        } => {
            let marks = (*is_hinted, *is_requested, *is_held_back);
            return postpone(conn, id, lease_token, marks, next_in).await;
        }
        Attempt::Succeeded { mode, read_activity } => (true, Some(mode.as_str()), read_activity.as_deref(), None, None),
        Attempt::Failed { code, message } => (false, None, None, Some(code.as_str()), Some(message.as_str())),
    };
    let done = sqlx::query!(
        r#"
        UPDATE sync_targets
        SET lease_token = NULL, lease_holder = NULL, lease_expires_at = NULL,
            interval_ms = $3,
            next_poll_at = CASE
                WHEN is_requested AND $5 THEN now()
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

async fn postpone(
    conn: &mut PgConnection,
    id: Uuid,
    lease_token: Uuid,
    (is_hinted, is_requested, is_held_back): (bool, bool, bool),
    next_in: Duration,
) -> Result<bool> {
    let done = sqlx::query!(
        r#"
        UPDATE sync_targets
        SET lease_token = NULL, lease_holder = NULL, lease_expires_at = NULL,
            next_poll_at = CASE WHEN is_requested THEN now() ELSE now() + $3::bigint * interval '1 millisecond' END,
            is_hinted = is_hinted OR $4, is_requested = is_requested OR $5, is_held_back = $6
        WHERE id = $1 AND lease_token = $2
        "#,
        id,
        lease_token,
        milliseconds(next_in),
        is_hinted,
        is_requested,
        is_held_back
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
