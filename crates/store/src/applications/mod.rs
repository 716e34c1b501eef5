//! Applications.

mod list;
mod row;
mod write;

use std::collections::HashMap;

use slipway_core::{Application, ApplicationId};
use sqlx::{PgConnection, QueryBuilder};
use uuid::Uuid;

pub use list::{
    ApplicationFilter, ApplicationPage, ApplicationQuery, ListedApplication, has_other_rules, list,
    lock_with_other_rules,
};
pub use write::{insert, note_rules, update};

use crate::{Result, Visibility};
use row::select_applications;

/// One application.
pub async fn find(conn: &mut PgConnection, id: ApplicationId) -> Result<Option<Application>> {
    let row = select_applications!("WHERE id = $1", id.0).fetch_optional(conn).await?;
    row.map(Application::try_from).transpose()
}

/// These applications, in the order of their ids.
pub(crate) async fn list_by_ids(conn: &mut PgConnection, ids: &[Uuid]) -> Result<Vec<Application>> {
    let rows = select_applications!("WHERE id = ANY($1) ORDER BY id", ids)
        .fetch_all(conn)
        .await?;
    rows.into_iter().map(Application::try_from).collect()
}

/// One application, if the caller sees it.
pub async fn find_visible(
    conn: &mut PgConnection,
    id: ApplicationId,
    visibility: &Visibility,
) -> Result<Option<Application>> {
    let found = find(conn, id).await?;
    Ok(found.filter(|found| {
        let environment = found.environment.as_deref();
        visibility.shows_application(found.provider.as_str(), found.account.as_str(), id.0, environment)
    }))
}

/// One application, locked until the end of the transaction: every write to its deployments is made under this lock.
pub async fn lock(conn: &mut PgConnection, id: ApplicationId) -> Result<Option<Application>> {
    let row = select_applications!("WHERE id = $1 FOR NO KEY UPDATE", id.0)
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
    let rows = select_applications!(
        "WHERE account = $1 AND provider_application_id = ANY($2) ORDER BY id FOR NO KEY UPDATE",
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
    let rows = select_applications!(
        "WHERE account = $1 AND provider_application_id = ANY($2)",
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

/// What an application is known by.
#[derive(Debug, Clone)]
pub struct ApplicationNameRow {
    /// Its id.
    pub id: Uuid,
    /// Its name.
    pub name: String,
    /// The kind of platform.
    pub provider: String,
    /// The account.
    pub account: String,
    /// The environment.
    pub environment: Option<String>,
}

/// What these applications are known by.
pub async fn list_names(conn: &mut PgConnection, application_ids: &[Uuid]) -> Result<Vec<ApplicationNameRow>> {
    Ok(sqlx::query_as!(
        ApplicationNameRow,
        "SELECT id, name, provider, account, environment FROM applications WHERE id = ANY($1)",
        application_ids
    )
    .fetch_all(conn)
    .await?)
}

/// How many applications of each account the caller sees, archived ones left out.
pub async fn count_by_account(conn: &mut PgConnection, visibility: &Visibility) -> Result<HashMap<String, i64>> {
    let mut query = QueryBuilder::new("SELECT account, count(*) FROM applications WHERE archived_at IS NULL");
    visibility.push_for_applications(&mut query);
    query.push(" GROUP BY account");
    let rows: Vec<(String, i64)> = query.build_query_as().fetch_all(conn).await?;
    Ok(rows.into_iter().collect())
}

/// What decides who sees an application.
#[derive(Debug, Clone)]
pub struct ApplicationKeysRow {
    /// Its id.
    pub id: Uuid,
    /// The kind of platform.
    pub provider: String,
    /// The account.
    pub account: String,
    /// The environment.
    pub environment: Option<String>,
}

/// What decides who sees each application.
pub async fn list_keys(conn: &mut PgConnection) -> Result<Vec<ApplicationKeysRow>> {
    Ok(sqlx::query_as!(
        ApplicationKeysRow,
        "SELECT id, provider, account, environment FROM applications"
    )
    .fetch_all(conn)
    .await?)
}
