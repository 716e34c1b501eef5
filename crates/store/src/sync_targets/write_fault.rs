//! What an account's credentials turned out not to allow, when something was to be written. Reads may go on all the same, so
//! it is kept apart from how they went.

use sqlx::PgConnection;
use time::OffsetDateTime;

use crate::Result;

/// A fault of an account that only writes meet.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct WriteFaultRow {
    /// The account.
    pub account: String,
    /// A short code.
    pub code: String,
    /// A sentence for people, without secrets.
    pub message: String,
    /// When it was met.
    pub at: OffsetDateTime,
}

/// Notes what the last write of an account met.
pub async fn note_write_fault(conn: &mut PgConnection, fault: &WriteFaultRow) -> Result<()> {
    sqlx::query!(
        r#"
        UPDATE sync_targets SET write_error_code = $2, write_error_message = $3, write_error_at = $4
        WHERE account = $1 AND application_id IS NULL
        "#,
        fault.account,
        fault.code,
        fault.message,
        fault.at
    )
    .execute(conn)
    .await?;
    Ok(())
}

/// Forgets it: a write was accepted.
pub async fn clear_write_fault(conn: &mut PgConnection, account: &str) -> Result<()> {
    sqlx::query!(
        r#"
        UPDATE sync_targets SET write_error_code = NULL, write_error_message = NULL, write_error_at = NULL
        WHERE account = $1 AND application_id IS NULL AND write_error_code IS NOT NULL
        "#,
        account
    )
    .execute(conn)
    .await?;
    Ok(())
}

/// The faults of all accounts.
pub async fn list_write_faults(conn: &mut PgConnection) -> Result<Vec<WriteFaultRow>> {
    Ok(sqlx::query_as!(
        WriteFaultRow,
        r#"
        SELECT account, write_error_code AS "code!", write_error_message AS "message!", write_error_at AS "at!"
        FROM sync_targets WHERE application_id IS NULL AND write_error_code IS NOT NULL
        "#
    )
    .fetch_all(conn)
    .await?)
}
