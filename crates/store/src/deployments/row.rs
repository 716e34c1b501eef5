//! From a row to the model.

use slipway_core::{ApplicationId, Deployment, DeploymentId, LogState, Tracked, Via};
use time::OffsetDateTime;
use uuid::Uuid;

use crate::{StoreError, labels};

/// The rows of a checked statement whose end is given: which of all deployments.
macro_rules! select_deployments {
    ($which:tt $(, $argument:expr)* $(,)?) => {
        sqlx::query_as!(
            $crate::deployments::row::DeploymentRow,
            "SELECT id, application_id, provider, account, environment, provider_deployment_id, is_live, is_latest, "
                + "superseded_by_id, rollback_of_id, created_at, first_seen_at, observed_at, observed_via, updated_at, "
                + "version, labels, application_name, log_state, tracked FROM deployments "
                + $which
            $(, $argument)*
        )
    };
}
pub(super) use select_deployments;

pub(super) struct DeploymentRow {
    pub(super) id: Uuid,
    pub(super) application_id: Uuid,
    pub(super) provider: String,
    pub(super) account: String,
    pub(super) environment: Option<String>,
    pub(super) provider_deployment_id: Option<String>,
    pub(super) is_live: Option<bool>,
    pub(super) is_latest: bool,
    pub(super) superseded_by_id: Option<Uuid>,
    pub(super) rollback_of_id: Option<Uuid>,
    pub(super) created_at: OffsetDateTime,
    pub(super) first_seen_at: OffsetDateTime,
    pub(super) observed_at: OffsetDateTime,
    pub(super) observed_via: String,
    pub(super) updated_at: OffsetDateTime,
    pub(super) version: i64,
    pub(super) labels: serde_json::Value,
    pub(super) application_name: String,
    pub(super) log_state: String,
    pub(super) tracked: serde_json::Value,
}

impl TryFrom<DeploymentRow> for Deployment {
    type Error = StoreError;

    fn try_from(row: DeploymentRow) -> Result<Self, StoreError> {
        let inconsistent = |what: String| StoreError::inconsistent("deployments", format!("row {}: {what}", row.id));
        let tracked = serde_json::from_value::<Tracked>(row.tracked)
            .map_err(|error| inconsistent(format!("tracked is not understood: {error}")))?;
        let labels =
            labels::read(row.labels).map_err(|error| inconsistent(format!("labels are not understood: {error}")))?;
        let observed_via = Via::parse(&row.observed_via)
            .ok_or_else(|| inconsistent(format!("observed_via {} is not known", row.observed_via)))?;
        let log = LogState::parse(&row.log_state)
            .ok_or_else(|| inconsistent(format!("log_state {} is not known", row.log_state)))?;
        Ok(Self {
            id: DeploymentId(row.id),
            application_id: ApplicationId(row.application_id),
            provider: row.provider.into(),
            account: row.account.into(),
            provider_deployment_id: row.provider_deployment_id,
            environment: row.environment,
            labels,
            application_name: row.application_name,
            tracked,
            is_live: row.is_live,
            is_latest: row.is_latest,
            superseded_by_id: row.superseded_by_id.map(DeploymentId),
            rollback_of_id: row.rollback_of_id.map(DeploymentId),
            log,
            created_at: row.created_at,
            version: row.version,
            first_seen_at: row.first_seen_at,
            observed_at: row.observed_at,
            observed_via,
            updated_at: row.updated_at,
        })
    }
}
