//! What there is to sync, who is at it, and how far what was read can be trusted.

mod activity;
mod freshness;
mod lease;
mod write_fault;

use slipway_core::ApplicationId;
use sqlx::PgConnection;
use time::Duration;
use uuid::Uuid;

pub use activity::{
    count_missed, find_listed_activity, hint_account, hint_application, make_due, note_activity, note_backfill,
};
pub use freshness::{
    AccountBackfillRow, FreshnessRow, announce, count_applications, find_account_backfill, list_account_backfills,
    list_accounts, list_applications, list_unread_accounts,
};
pub use lease::{
    Attempt, LeasedTarget, acquire_due, find_next_due_ms, hold_lease, record_success, release, release_all, renew_lease,
};

pub use write_fault::{WriteFaultRow, clear_write_fault, list_write_faults, note_write_fault};

use crate::Result;

/// Makes sure that an account has a target, due now when it is new. One that has another name by now gets none: it is the
/// configuration of this process that is old.
pub async fn insert_account(conn: &mut PgConnection, id: Uuid, account: &str, provider: &str) -> Result<()> {
    sqlx::query!(
        r#"
        INSERT INTO sync_targets (id, account, provider, next_poll_at, interval_ms)
        SELECT $1, $2, $3, now(), 5000 WHERE NOT EXISTS (SELECT FROM account_renames WHERE former = $2)
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

pub(crate) fn milliseconds(duration: Duration) -> i64 {
    i64::try_from(duration.whole_milliseconds()).unwrap_or(i64::MAX)
}
