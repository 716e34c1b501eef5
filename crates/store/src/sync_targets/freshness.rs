//! How far what was read can be trusted.

use slipway_core::FreshnessState;
use sqlx::PgConnection;
use time::{Duration, OffsetDateTime};
use uuid::Uuid;

use crate::Result;

/// A target is stale when it was not read with success for this many times the polling interval in force.
const STALE_AFTER_INTERVALS: i64 = 3;

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

/// How far these applications can be trusted. Where the account's list tells what moves, one that did not move is known as well
/// as the list is, and is doubted when the list is.
pub async fn list_applications(conn: &mut PgConnection, application_ids: &[Uuid]) -> Result<Vec<FreshnessRow>> {
    Ok(sqlx::query_as!(
        FreshnessRow,
        r#"
        SELECT target.account, target.provider, target.application_id, target.next_poll_at,
               CASE WHEN listed.is_told THEN least(target.interval_ms, listed.interval_ms) ELSE target.interval_ms END
               AS "interval_ms!",
               target.last_attempt_at,
               CASE WHEN listed.is_told AND target.read_activity = target.listed_activity
                    THEN greatest(target.last_success_at, listed.last_success_at) ELSE target.last_success_at END
               AS last_success_at,
               target.error_code, target.error_message, target.mode, target.announced_state, target.backfill_state,
               target.backfill_oldest_at
        FROM sync_targets AS target
             LEFT JOIN LATERAL (
                 SELECT account.interval_ms, account.last_success_at,
                        target.listed_activity IS NOT NULL AND target.last_success_at IS NOT NULL
                        AND target.missed_walks = 0 AND target.interval_ms > account.interval_ms AS is_told
                 FROM sync_targets AS account WHERE account.account = target.account AND account.application_id IS NULL
             ) AS listed ON true
        WHERE target.application_id = ANY($1)
        "#,
        application_ids
    )
    .fetch_all(conn)
    .await?)
}

/// How many applications of an account are read.
pub async fn count_applications(conn: &mut PgConnection, account: &str) -> Result<i64> {
    let count = sqlx::query_scalar!(
        r#"SELECT count(*) AS "count!" FROM sync_targets WHERE account = $1 AND application_id IS NOT NULL"#,
        account
    );
    Ok(count.fetch_one(conn).await?)
}

/// The accounts of which some application's history was not read to its end: a look into an index for each (`OFFSET 0` keeps
/// the planner from going through all that is left to read).
pub async fn list_unread_accounts(conn: &mut PgConnection) -> Result<Vec<String>> {
    Ok(sqlx::query_scalar!(
        r#"
        SELECT account.account FROM sync_targets AS account
        WHERE account.application_id IS NULL AND EXISTS (
            SELECT FROM sync_targets AS target
            WHERE target.account = account.account AND target.application_id IS NOT NULL
              AND target.backfill_state <> 'complete' OFFSET 0)
        "#
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
