//! Applications.

use std::collections::HashMap;

use slipway_core::{Application, ApplicationId, ApplicationObservation, DeploymentId};
use sqlx::PgConnection;
use time::OffsetDateTime;
use uuid::Uuid;

use crate::page::AfterApplication;
use crate::{Result, StoreError};

struct ApplicationRow {
    id: Uuid,
    provider: String,
    account: String,
    provider_application_id: String,
    name: String,
    environment: Option<String>,
    region: Option<String>,
    url: Option<String>,
    provider_url: Option<String>,
    git_repository: Option<String>,
    git_branch: Option<String>,
    provider_status: Option<String>,
    health: Option<String>,
    owner: Option<String>,
    provider_created_at: Option<OffsetDateTime>,
    last_deployment_id: Option<Uuid>,
    live_deployment_id: Option<Uuid>,
    first_seen_at: OffsetDateTime,
    updated_at: OffsetDateTime,
    archived_at: Option<OffsetDateTime>,
    version: i64,
}

impl From<ApplicationRow> for Application {
    fn from(row: ApplicationRow) -> Self {
        Self {
            id: ApplicationId(row.id),
            provider: row.provider.into(),
            account: row.account.into(),
            observed: ApplicationObservation {
                provider_application_id: row.provider_application_id,
                name: row.name,
                environment: row.environment,
                region: row.region,
                url: row.url,
                provider_url: row.provider_url,
                git_repository: row.git_repository,
                git_branch: row.git_branch,
                provider_status: row.provider_status,
                health: row.health,
                owner: row.owner,
                created_at: row.provider_created_at,
                // Not public and kept with the sync target.
                activity: None,
                is_busy: false,
            },
            last_deployment_id: row.last_deployment_id.map(DeploymentId),
            live_deployment_id: row.live_deployment_id.map(DeploymentId),
            first_seen_at: row.first_seen_at,
            updated_at: row.updated_at,
            archived_at: row.archived_at,
            version: row.version,
        }
    }
}

/// Which applications a list shows. An empty filter lets everything through.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct ApplicationFilter {
    /// Kinds of platform.
    pub providers: Vec<String>,
    /// Accounts.
    pub accounts: Vec<String>,
    /// Environments.
    pub environments: Vec<String>,
    /// Names, exactly.
    pub names: Vec<String>,
}

/// One application.
pub async fn find(conn: &mut PgConnection, id: ApplicationId) -> Result<Option<Application>> {
    let row = sqlx::query_as!(
        ApplicationRow,
        r#"
        SELECT id, provider, account, provider_application_id, name, environment, region, url, provider_url, git_repository,
               git_branch, provider_status, health, owner, provider_created_at, last_deployment_id, live_deployment_id,
               first_seen_at, updated_at, archived_at, version
        FROM applications WHERE id = $1
        "#,
        id.0
    )
    .fetch_optional(conn)
    .await?;
    Ok(row.map(Into::into))
}

/// The same, locked until the end of the transaction: every write to its deployments is made under this lock.
pub async fn lock(conn: &mut PgConnection, id: ApplicationId) -> Result<Option<Application>> {
    let row = sqlx::query_as!(
        ApplicationRow,
        r#"
        SELECT id, provider, account, provider_application_id, name, environment, region, url, provider_url, git_repository,
               git_branch, provider_status, health, owner, provider_created_at, last_deployment_id, live_deployment_id,
               first_seen_at, updated_at, archived_at, version
        FROM applications WHERE id = $1 FOR NO KEY UPDATE
        "#,
        id.0
    )
    .fetch_optional(conn)
    .await?;
    Ok(row.map(Into::into))
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
        SELECT id, provider, account, provider_application_id, name, environment, region, url, provider_url, git_repository,
               git_branch, provider_status, health, owner, provider_created_at, last_deployment_id, live_deployment_id,
               first_seen_at, updated_at, archived_at, version
        FROM applications WHERE account = $1 AND provider_application_id = ANY($2) ORDER BY id FOR NO KEY UPDATE
        "#,
        account,
        provider_application_ids
    )
    .fetch_all(conn)
    .await?;
    Ok(rows.into_iter().map(Into::into).collect())
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
        SELECT id, provider, account, provider_application_id, name, environment, region, url, provider_url, git_repository,
               git_branch, provider_status, health, owner, provider_created_at, last_deployment_id, live_deployment_id,
               first_seen_at, updated_at, archived_at, version
        FROM applications WHERE account = $1 AND provider_application_id = ANY($2)
        "#,
        account,
        provider_application_ids
    )
    .fetch_all(conn)
    .await?;
    Ok(rows.into_iter().map(Into::into).collect())
}

/// At most `limit` applications by name, from `after` on.
pub async fn list(
    conn: &mut PgConnection,
    filter: &ApplicationFilter,
    after: Option<&AfterApplication>,
    limit: i64,
) -> Result<Vec<Application>> {
    let rows = sqlx::query_as!(
        ApplicationRow,
        r#"
        SELECT id, provider, account, provider_application_id, name, environment, region, url, provider_url, git_repository,
               git_branch, provider_status, health, owner, provider_created_at, last_deployment_id, live_deployment_id,
               first_seen_at, updated_at, archived_at, version
        FROM applications
        WHERE ($1::text IS NULL OR (name, id) > ($1, $2))
          AND (cardinality($3::text[]) = 0 OR provider = ANY($3))
          AND (cardinality($4::text[]) = 0 OR account = ANY($4))
          AND (cardinality($5::text[]) = 0 OR environment = ANY($5))
          AND (cardinality($6::text[]) = 0 OR name = ANY($6))
        ORDER BY name, id LIMIT $7
        "#,
        after.map(|after| after.name.as_str()),
        after.map_or(Uuid::nil(), |after| after.id),
        &filter.providers,
        &filter.accounts,
        &filter.environments,
        &filter.names,
        limit
    )
    .fetch_all(conn)
    .await?;
    Ok(rows.into_iter().map(Into::into).collect())
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

/// Stores a new application. The caller owes `application.discovered`.
///
/// Answers whether it was new: false when another process was faster.
pub async fn insert(conn: &mut PgConnection, application: &Application) -> Result<bool> {
    let observed = &application.observed;
    let done = sqlx::query!(
        r#"
        INSERT INTO applications (id, provider, account, provider_application_id, name, environment, region, url,
                                  provider_url, git_repository, git_branch, provider_status, health, owner,
                                  provider_created_at, last_deployment_id, live_deployment_id, first_seen_at, updated_at,
                                  archived_at, version)
        VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11, $12, $13, $14, $15, $16, $17, $18, $19, $20, $21)
        ON CONFLICT (account, provider_application_id) DO NOTHING
        "#,
        application.id.0,
        application.provider.as_str(),
        application.account.as_str(),
        observed.provider_application_id,
        observed.name,
        observed.environment,
        observed.region,
        observed.url,
        observed.provider_url,
        observed.git_repository,
        observed.git_branch,
        observed.provider_status,
        observed.health,
        observed.owner,
        observed.created_at,
        application.last_deployment_id.map(|id| id.0),
        application.live_deployment_id.map(|id| id.0),
        application.first_seen_at,
        application.updated_at,
        application.archived_at,
        application.version
    )
    .execute(conn)
    .await?;
    Ok(done.rows_affected() == 1)
}

/// Writes a changed application whose version was raised by one. The caller holds its lock, and owes
/// `application.updated`, `.archived` or the `.history_changed` of a batch.
///
/// # Errors
/// [`StoreError::Inconsistent`] when the stored version is not the one before.
pub async fn update(conn: &mut PgConnection, application: &Application) -> Result<()> {
    let observed = &application.observed;
    let done = sqlx::query!(
        r#"
        UPDATE applications
        SET name = $2, environment = $3, region = $4, url = $5, provider_url = $6, git_repository = $7, git_branch = $8,
            provider_status = $9, health = $10, owner = $11, provider_created_at = $12, last_deployment_id = $13,
            live_deployment_id = $14, updated_at = $15, archived_at = $16, version = $17::bigint
        WHERE id = $1 AND version = $17::bigint - 1
        "#,
        application.id.0,
        observed.name,
        observed.environment,
        observed.region,
        observed.url,
        observed.provider_url,
        observed.git_repository,
        observed.git_branch,
        observed.provider_status,
        observed.health,
        observed.owner,
        observed.created_at,
        application.last_deployment_id.map(|id| id.0),
        application.live_deployment_id.map(|id| id.0),
        application.updated_at,
        application.archived_at,
        application.version
    )
    .execute(conn)
    .await?;
    if done.rows_affected() == 1 {
        Ok(())
    } else {
        Err(StoreError::inconsistent(
            "applications",
            format!("version {} does not follow", application.version),
        ))
    }
}
