//! Applications.

mod list;
mod row;
mod write;

use std::collections::HashMap;

use slipway_core::{Application, ApplicationId};
use sqlx::PgConnection;
use uuid::Uuid;

pub use list::{
    ApplicationFilter, ApplicationPage, ApplicationQuery, ListedApplication, has_other_rules, list,
    lock_with_other_rules,
};
pub use write::{insert, note_rules, update};

use crate::Result;
use row::ApplicationRow;

/// One application.
pub async fn find(conn: &mut PgConnection, id: ApplicationId) -> Result<Option<Application>> {
    let row = sqlx::query_as!(
        ApplicationRow,
        r#"
        SELECT id, provider, account, provider_application_id, name, environment, provider_environment, region, url,
               provider_url, git_repository, git_branch, provider_status, health, owner, provider_owner, labels,
               provider_created_at, last_deployment_id, live_deployment_id, first_seen_at, updated_at, archived_at, version
        FROM applications WHERE id = $1
        "#,
        id.0
    )
    .fetch_optional(conn)
    .await?;
    row.map(Application::try_from).transpose()
}

/// The same, locked until the end of the transaction: every write to its deployments is made under this lock.
pub async fn lock(conn: &mut PgConnection, id: ApplicationId) -> Result<Option<Application>> {
    let row = sqlx::query_as!(
        ApplicationRow,
        r#"
        SELECT id, provider, account, provider_application_id, name, environment, provider_environment, region, url,
               provider_url, git_repository, git_branch, provider_status, health, owner, provider_owner, labels,
               provider_created_at, last_deployment_id, live_deployment_id, first_seen_at, updated_at, archived_at, version
        FROM applications WHERE id = $1 FOR NO KEY UPDATE
        "#,
        id.0
    )
    .fetch_optional(conn)
    .await?;
    row.map(Application::try_from).transpose()
}

/// The applications of an account that have one of these provider ids, locked in the order of their ids.
pub async fn lock_by_provider_ids(
    conn: &mut PgConnection,
    account: &str,
    provider_application_ids: &[String],
) -> Result<Vec<Application>> {
    let rows = sqlx::query_as!(
        ApplicationRow,
        r#"
        SELECT id, provider, account, provider_application_id, name, environment, provider_environment, region, url,
               provider_url, git_repository, git_branch, provider_status, health, owner, provider_owner, labels,
               provider_created_at, last_deployment_id, live_deployment_id, first_seen_at, updated_at, archived_at, version
        FROM applications WHERE account = $1 AND provider_application_id = ANY($2) ORDER BY id FOR NO KEY UPDATE
        "#,
        account,
        provider_application_ids
    )
    .fetch_all(conn)
    .await?;
    rows.into_iter().map(Application::try_from).collect()
}

/// The applications of an account, without a lock.
pub async fn list_by_provider_ids(
    conn: &mut PgConnection,
    account: &str,
    provider_application_ids: &[String],
) -> Result<Vec<Application>> {
    let rows = sqlx::query_as!(
        ApplicationRow,
        r#"
        SELECT id, provider, account, provider_application_id, name, environment, provider_environment, region, url,
               provider_url, git_repository, git_branch, provider_status, health, owner, provider_owner, labels,
               provider_created_at, last_deployment_id, live_deployment_id, first_seen_at, updated_at, archived_at, version
        FROM applications WHERE account = $1 AND provider_application_id = ANY($2)
        "#,
        account,
        provider_application_ids
    )
    .fetch_all(conn)
    .await?;
    rows.into_iter().map(Application::try_from).collect()
}

/// The accounts that see these applications, by name.
pub async fn list_accounts_of(conn: &mut PgConnection, application_ids: &[Uuid]) -> Result<Vec<String>> {
    Ok(sqlx::query_scalar!(
        "SELECT DISTINCT account FROM applications WHERE id = ANY($1) ORDER BY account",
        application_ids
    )
    .fetch_all(conn)
    .await?)
}

/// How many applications each account sees, archived ones left out.
pub async fn count_by_account(conn: &mut PgConnection) -> Result<HashMap<String, i64>> {
    let rows = sqlx::query!(
        r#"SELECT account, count(*) AS "count!" FROM applications WHERE archived_at IS NULL GROUP BY account"#
    )
    .fetch_all(conn)
    .await?;
    Ok(rows.into_iter().map(|row| (row.account, row.count)).collect())
}
