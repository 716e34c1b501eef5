//! What the public JSON of an account's deployments is written by, apart from their rows: which is in force, and which
//! applications were last written by another.

use sqlx::PgConnection;
use time::OffsetDateTime;
use uuid::Uuid;

use crate::Result;

/// What the JSON of an account's deployments is written by.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct AccountView {
    /// The account.
    pub account: String,
    /// Differs when the JSON differs.
    pub hash: String,
}

/// The accounts that applications belong to, configured or not.
pub async fn list_accounts(conn: &mut PgConnection) -> Result<Vec<String>> {
    let accounts = sqlx::query_scalar!("SELECT DISTINCT account FROM applications ORDER BY account");
    Ok(accounts.fetch_all(conn).await?)
}

/// Puts these in force: everybody ends up with what they give.
pub async fn announce(conn: &mut PgConnection, views: &[AccountView], announced_at: OffsetDateTime) -> Result<()> {
    let (accounts, hashes) = columns(views);
    sqlx::query!(
        r#"
        INSERT INTO views_in_force (account, hash, announced_at)
        SELECT account, hash, $3 FROM UNNEST($1::text[], $2::text[]) AS new (account, hash) ORDER BY account
        ON CONFLICT (account) DO UPDATE SET hash = excluded.hash, announced_at = excluded.announced_at
        "#,
        &accounts,
        &hashes,
        announced_at
    )
    .execute(conn)
    .await?;
    Ok(())
}

/// Of these, those in force.
pub async fn list_in_force(conn: &mut PgConnection, views: &[AccountView]) -> Result<Vec<AccountView>> {
    let (accounts, hashes) = columns(views);
    Ok(sqlx::query_as!(
        AccountView,
        r#"
        SELECT account, hash FROM views_in_force
        WHERE (account, hash) IN (SELECT * FROM UNNEST($1::text[], $2::text[])) ORDER BY account
        "#,
        &accounts,
        &hashes
    )
    .fetch_all(conn)
    .await?)
}

/// Whether applications of the account were last written by something else: then one of them is at an end of the index, nulls
/// included.
pub async fn has_outdated(conn: &mut PgConnection, view: &AccountView) -> Result<bool> {
    Ok(sqlx::query_scalar!(
        r#"
        SELECT EXISTS (
            SELECT FROM ((SELECT view_hash FROM applications WHERE account = $1 ORDER BY view_hash LIMIT 1)
                         UNION ALL
                         (SELECT view_hash FROM applications WHERE account = $1 ORDER BY view_hash DESC LIMIT 1)) AS ends
            WHERE view_hash IS DISTINCT FROM $2) AS "exists!"
        "#,
        view.account,
        view.hash
    )
    .fetch_one(conn)
    .await?)
}

/// Takes at most `limit` of an account's applications that were last written by something else, and notes that this is what
/// they are written by from now on: the caller owes that each is gone through. Those that others hold are left to them.
pub async fn take_outdated(conn: &mut PgConnection, view: &AccountView, limit: i64) -> Result<Vec<Uuid>> {
    Ok(sqlx::query_scalar!(
        r#"
        UPDATE applications SET view_hash = $2
        WHERE id IN (SELECT id FROM applications WHERE account = $1 AND view_hash IS DISTINCT FROM $2
                     ORDER BY id LIMIT $3 FOR NO KEY UPDATE SKIP LOCKED)
        RETURNING id
        "#,
        view.account,
        view.hash,
        limit
    )
    .fetch_all(conn)
    .await?)
}

/// Notes what the deployments of these applications are written by. Answers those for which it is something new. The caller
/// holds the locks.
pub async fn note(conn: &mut PgConnection, application_ids: &[Uuid], hash: &str) -> Result<Vec<Uuid>> {
    Ok(sqlx::query_scalar!(
        "UPDATE applications SET view_hash = $2 WHERE id = ANY($1) AND view_hash IS DISTINCT FROM $2 RETURNING id",
        application_ids,
        hash
    )
    .fetch_all(conn)
    .await?)
}

fn columns(views: &[AccountView]) -> (Vec<String>, Vec<String>) {
    views
        .iter()
        .map(|view| (view.account.clone(), view.hash.clone()))
        .unzip()
}
