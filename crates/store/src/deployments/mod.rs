//! Deployments: written under the lock of their application, listed as the public JSON that is kept ready.

mod choice;
mod list;
mod row;
mod snapshot;
mod statement;
mod write;

use std::collections::HashMap;

use slipway_core::{ApplicationId, Deployment, DeploymentId, Status};
use sqlx::PgConnection;
use time::OffsetDateTime;
use uuid::Uuid;

pub use list::{DeploymentFilter, DeploymentPage, DeploymentQuery, DeploymentSort, list};
pub use snapshot::{SnapshotRow, list_snapshot, list_snapshot_applications};
pub use write::{StoredDeployment, insert, remember, update};

use crate::event_log::Head;
use crate::page::AfterDeployment;
use crate::{Result, StoreError, Visibility};
use row::{DeploymentRow, select_deployments};

/// Of these provider ids, the deployments of an application that are stored, by provider id. The caller holds the
/// application's lock, under which alone deployments are written.
pub async fn find_by_provider_ids(
    conn: &mut PgConnection,
    application_id: ApplicationId,
    provider_deployment_ids: &[String],
) -> Result<HashMap<String, Deployment>> {
    let rows = select_deployments!(
        "WHERE application_id = $1 AND provider_deployment_id = ANY($2)",
        application_id.0,
        provider_deployment_ids
    )
    .fetch_all(conn)
    .await?;
    let mut found = HashMap::with_capacity(rows.len());
    for row in rows {
        let deployment = Deployment::try_from(row)?;
        found.insert(
            deployment.provider_deployment_id.clone().unwrap_or_default(),
            deployment,
        );
    }
    Ok(found)
}

/// One deployment as the state machine knows it.
pub async fn find(conn: &mut PgConnection, id: DeploymentId) -> Result<Option<Deployment>> {
    select_deployments!("WHERE id = $1", id.0)
        .fetch_optional(conn)
        .await?
        .map(Deployment::try_from)
        .transpose()
}

/// The deployment of an application that succeeded last, by its finish time, else by its creation; those in `except` left out.
pub async fn find_last_succeeded(
    conn: &mut PgConnection,
    application_id: ApplicationId,
    except: &[Uuid],
) -> Result<Option<Deployment>> {
    select_deployments!(
        "WHERE application_id = $1 AND status = $2 AND NOT (id = ANY($3)) ORDER BY coalesce(finished_at, created_at) DESC, id DESC LIMIT 1",
        application_id.0,
        Status::Succeeded.as_str(),
        except
    )
    .fetch_optional(conn)
    .await?
    .map(Deployment::try_from)
    .transpose()
}

/// At most `limit` deployments of an application before a mark, newest first, each with its public JSON. The caller holds the
/// application's lock.
pub async fn list_before(
    conn: &mut PgConnection,
    application_id: ApplicationId,
    mark: AfterDeployment,
    limit: i64,
) -> Result<Vec<(Deployment, String)>> {
    let rows = sqlx::query!(
        r#"
        SELECT id, application_id, provider, account, environment, provider_deployment_id, is_live, is_latest,
               superseded_by_id, rollback_of_id, created_at, first_seen_at, observed_at, observed_via, updated_at, version,
               labels, application_name, log_state, tracked, body
        FROM deployments WHERE application_id = $1 AND (created_at, id) < ($2, $3)
        ORDER BY created_at DESC, id DESC LIMIT $4
        "#,
        application_id.0,
        mark.at,
        mark.id,
        limit
    )
    .fetch_all(conn)
    .await?;
    rows.into_iter()
        .map(|row| {
            let deployment = DeploymentRow {
                id: row.id,
                application_id: row.application_id,
                provider: row.provider,
                account: row.account,
                environment: row.environment,
                provider_deployment_id: row.provider_deployment_id,
                is_live: row.is_live,
                is_latest: row.is_latest,
                superseded_by_id: row.superseded_by_id,
                rollback_of_id: row.rollback_of_id,
                created_at: row.created_at,
                first_seen_at: row.first_seen_at,
                observed_at: row.observed_at,
                observed_via: row.observed_via,
                updated_at: row.updated_at,
                version: row.version,
                labels: row.labels,
                application_name: row.application_name,
                log_state: row.log_state,
                tracked: row.tracked,
            };
            Ok((Deployment::try_from(deployment)?, row.body))
        })
        .collect()
}

/// A deployment that has not ended.
#[derive(Debug, Clone)]
pub struct UnfinishedRow {
    /// The provider's id.
    pub provider_deployment_id: String,
    /// When it was created.
    pub created_at: OffsetDateTime,
}

/// The unfinished deployments of an application that the provider has named, newest first.
pub async fn list_unfinished(conn: &mut PgConnection, application_id: ApplicationId) -> Result<Vec<UnfinishedRow>> {
    Ok(sqlx::query_as!(
        UnfinishedRow,
        r#"
        SELECT provider_deployment_id AS "provider_deployment_id!", created_at FROM deployments
        WHERE application_id = $1 AND NOT is_finished AND provider_deployment_id IS NOT NULL
        ORDER BY created_at DESC, id DESC
        "#,
        application_id.0
    )
    .fetch_all(conn)
    .await?)
}

/// The public JSON of one deployment, with its version.
#[derive(Debug, Clone)]
pub struct DeploymentBody {
    /// Whose it is.
    pub application_id: Uuid,
    /// The version.
    pub version: i64,
    /// The JSON.
    pub body: String,
}

/// The public JSON of one deployment.
pub async fn find_body(conn: &mut PgConnection, id: Uuid) -> Result<Option<DeploymentBody>> {
    Ok(sqlx::query_as!(
        DeploymentBody,
        "SELECT application_id, version, body FROM deployments WHERE id = $1",
        id
    )
    .fetch_optional(conn)
    .await?)
}

/// The last whole payload of one deployment as JSON, if one was stored.
pub async fn find_payload(conn: &mut PgConnection, id: Uuid) -> Result<Option<String>> {
    let text = sqlx::query_scalar!(
        r#"SELECT payload::text AS "payload!" FROM deployment_payloads WHERE deployment_id = $1"#,
        id
    );
    Ok(text.fetch_optional(conn).await?)
}

/// The account that sees a deployment, if the deployment exists.
pub async fn find_account(conn: &mut PgConnection, id: Uuid) -> Result<Option<String>> {
    Ok(sqlx::query_scalar!("SELECT account FROM deployments WHERE id = $1", id)
        .fetch_optional(conn)
        .await?)
}

/// Whether the caller sees a deployment: whether it exists, and its application is one that the caller sees.
pub async fn is_visible(conn: &mut PgConnection, id: Uuid, visibility: &Visibility) -> Result<bool> {
    let row = sqlx::query!(
        r#"
        SELECT application.id, application.provider, application.account, application.environment
        FROM deployments AS deployment JOIN applications AS application ON application.id = deployment.application_id
        WHERE deployment.id = $1
        "#,
        id
    )
    .fetch_optional(conn)
    .await?;
    Ok(row.is_some_and(|row| {
        visibility.shows_application(&row.provider, &row.account, row.id, row.environment.as_deref())
    }))
}

/// The public JSON of a deployment, and what decides who sees it.
#[derive(Debug, Clone)]
pub struct FoundBody {
    /// Whose it is.
    pub application_id: Uuid,
    /// The version.
    pub version: i64,
    /// The JSON.
    pub body: String,
    /// The kind of platform.
    pub provider: String,
    /// The account.
    pub account: String,
    /// The environment, as the application has it.
    pub environment: Option<String>,
}

impl FoundBody {
    /// Whether the caller sees it.
    pub fn is_visible(&self, visibility: &Visibility) -> bool {
        let environment = self.environment.as_deref();
        visibility.shows_application(&self.provider, &self.account, self.application_id, environment)
    }
}

/// Those of these deployments, of which there is one at least, that exist, by id, and the position in the event log that they
/// show: read in one statement.
pub async fn find_bodies_with_head(conn: &mut PgConnection, ids: &[Uuid]) -> Result<(Head, HashMap<Uuid, FoundBody>)> {
    // One look at two indexes for each: as a join the planner would rather read all applications. It is not to see how many
    // are asked for: few are cheaper than what it takes for an average, and it would plan anew each time.
    let rows = sqlx::query!(
        r#"
        SELECT head.epoch, head.seq, deployment.id AS "id?", deployment.application_id AS "application_id?",
               deployment.version AS "version?", deployment.body AS "body?", application.provider AS "provider?",
               application.account AS "account?", application.environment
        FROM (SELECT epoch, seq FROM event_head LIMIT 1) AS head CROSS JOIN unnest((SELECT $1::uuid[])) AS asked (id)
        LEFT JOIN LATERAL (SELECT * FROM deployments WHERE deployments.id = asked.id OFFSET 0) AS deployment ON true
        LEFT JOIN LATERAL (SELECT * FROM applications WHERE applications.id = deployment.application_id OFFSET 0)
             AS application ON true
        "#,
        ids
    )
    .fetch_all(conn)
    .await?;
    let head = rows.first().map(|row| Head {
        epoch: row.epoch.clone(),
        seq: row.seq,
    });
    let head =
        head.ok_or_else(|| StoreError::inconsistent("event_head", "there is no row, or nothing was asked for"))?;
    let found = rows.into_iter().filter_map(|row| {
        let found = FoundBody {
            application_id: row.application_id?,
            version: row.version?,
            body: row.body?,
            provider: row.provider?,
            account: row.account?,
            environment: row.environment,
        };
        Some((row.id?, found))
    });
    Ok((head, found.collect()))
}
