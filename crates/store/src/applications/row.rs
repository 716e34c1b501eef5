//! From a row to the model.

use slipway_core::{Application, ApplicationId, ApplicationObservation, DeploymentId};
use time::OffsetDateTime;
use uuid::Uuid;

use crate::{StoreError, labels};

/// The rows of a checked statement whose end is given: which of all applications.
macro_rules! select_applications {
    ($which:tt $(, $argument:expr)* $(,)?) => {
        sqlx::query_as!(
            $crate::applications::row::ApplicationRow,
            "SELECT id, provider, account, provider_application_id, name, environment, provider_environment, region, url, "
                + "provider_url, git_repository, git_branch, provider_status, health, owner, provider_owner, labels, "
                + "provider_created_at, last_deployment_id, live_deployment_id, first_seen_at, updated_at, archived_at, "
                + "version FROM applications "
                + $which
            $(, $argument)*
        )
    };
}
pub(super) use select_applications;

#[derive(sqlx::FromRow)]
pub(super) struct ApplicationRow {
    pub(super) id: Uuid,
    pub(super) provider: String,
    pub(super) account: String,
    pub(super) provider_application_id: String,
    pub(super) name: String,
    pub(super) environment: Option<String>,
    pub(super) provider_environment: Option<String>,
    pub(super) region: Option<String>,
    pub(super) url: Option<String>,
    pub(super) provider_url: Option<String>,
    pub(super) git_repository: Option<String>,
    pub(super) git_branch: Option<String>,
    pub(super) provider_status: Option<String>,
    pub(super) health: Option<String>,
    pub(super) owner: Option<String>,
    pub(super) provider_owner: Option<String>,
    pub(super) labels: serde_json::Value,
    pub(super) provider_created_at: Option<OffsetDateTime>,
    pub(super) last_deployment_id: Option<Uuid>,
    pub(super) live_deployment_id: Option<Uuid>,
    pub(super) first_seen_at: OffsetDateTime,
    pub(super) updated_at: OffsetDateTime,
    pub(super) archived_at: Option<OffsetDateTime>,
    pub(super) version: i64,
}

impl TryFrom<ApplicationRow> for Application {
    type Error = StoreError;

    fn try_from(row: ApplicationRow) -> Result<Self, StoreError> {
        let labels = labels::read(row.labels).map_err(|error| {
            StoreError::inconsistent(
                "applications",
                format!("row {}: labels are not understood: {error}", row.id),
            )
        })?;
        Ok(Self {
            id: ApplicationId(row.id),
            provider: row.provider.into(),
            account: row.account.into(),
            observed: ApplicationObservation {
                provider_application_id: row.provider_application_id,
                name: row.name,
                environment: row.provider_environment,
                region: row.region,
                url: row.url,
                provider_url: row.provider_url,
                git_repository: row.git_repository,
                git_branch: row.git_branch,
                provider_status: row.provider_status,
                health: row.health,
                owner: row.provider_owner,
                created_at: row.provider_created_at,
                // Not public and kept with the sync target.
                activity: None,
                is_busy: false,
            },
            environment: row.environment,
            owner: row.owner,
            labels,
            last_deployment_id: row.last_deployment_id.map(DeploymentId),
            live_deployment_id: row.live_deployment_id.map(DeploymentId),
            first_seen_at: row.first_seen_at,
            updated_at: row.updated_at,
            archived_at: row.archived_at,
            version: row.version,
        })
    }
}
