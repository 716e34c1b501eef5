//! The ledgers of the accounts' rate limits, which all processes share.

use slipway_core::budget::Ledger;
use sqlx::PgConnection;
use time::OffsetDateTime;

use crate::Result;

/// Locks an account's ledger until the end of the transaction, and tells the database's time. One that cannot be read, as
/// after a change by hand, begins anew.
pub async fn lock(conn: &mut PgConnection, account: &str) -> Result<(Ledger, OffsetDateTime)> {
    sqlx::query!(
        r#"
        INSERT INTO rate_budgets (account, ledger, updated_at)
        SELECT $1, '{}', now() WHERE NOT EXISTS (SELECT FROM rate_budgets WHERE account = $1)
        ON CONFLICT (account) DO NOTHING
        "#,
        account
    )
    .execute(&mut *conn)
    .await?;
    let row = sqlx::query!(
        r#"SELECT ledger, clock_timestamp() AS "now!" FROM rate_budgets WHERE account = $1 FOR UPDATE"#,
        account
    )
    .fetch_one(conn)
    .await?;
    Ok((read(account, row.ledger), row.now))
}

/// Stores a ledger that was locked.
pub async fn update(conn: &mut PgConnection, account: &str, ledger: &Ledger, now: OffsetDateTime) -> Result<()> {
    sqlx::query!(
        "UPDATE rate_budgets SET ledger = $2, updated_at = $3 WHERE account = $1",
        account,
        sqlx::types::Json(ledger) as _,
        now
    )
    .execute(conn)
    .await?;
    Ok(())
}

/// All ledgers, each with its account.
pub async fn list(conn: &mut PgConnection) -> Result<Vec<(String, Ledger)>> {
    let rows = sqlx::query!("SELECT account, ledger FROM rate_budgets")
        .fetch_all(conn)
        .await?;
    let ledger = |account: String, value| {
        let ledger = read(&account, value);
        (account, ledger)
    };
    Ok(rows.into_iter().map(|row| ledger(row.account, row.ledger)).collect())
}

fn read(account: &str, value: serde_json::Value) -> Ledger {
    serde_json::from_value(value).unwrap_or_else(|error| {
        tracing::warn!(account.name = account, error = %error, "a rate budget cannot be read and begins anew");
        Ledger::default()
    })
}
