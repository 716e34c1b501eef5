//! The states of a deployment over time.

use slipway_core::{Deployment, Status};
use sqlx::PgConnection;
use time::OffsetDateTime;
use uuid::Uuid;

use crate::Result;

/// One state that a deployment came into. `deployment` is as it is after the change.
#[derive(Debug, Clone, Copy)]
pub struct NewTransition<'a> {
    /// After the change.
    pub deployment: &'a Deployment,
    /// The status before.
    pub previous_status: Option<Status>,
    /// The provider's time of the change.
    pub occurred_at: Option<OffsetDateTime>,
    /// Whether it replaced what was stored as a correction.
    pub is_correction: bool,
}

/// A state as it is stored.
#[derive(Debug, Clone)]
pub struct TransitionRow {
    /// The deployment's version from which on it held.
    pub version: i64,
    /// The status.
    pub status: String,
    /// The status before.
    pub previous_status: Option<String>,
    /// The phase.
    pub phase: Option<String>,
    /// The provider's own word.
    pub provider_status: Option<String>,
    /// Why it failed.
    pub failure_reason: Option<String>,
    /// The provider's time.
    pub occurred_at: Option<OffsetDateTime>,
    /// Our time.
    pub recorded_at: OffsetDateTime,
    /// How it was seen.
    pub observed_via: String,
    /// Whether it was a correction.
    pub is_correction: bool,
}

/// Appends states. They are no resource of their own: the event of the deployment's change covers them.
pub async fn append(
    conn: &mut PgConnection,
    transitions: &[NewTransition<'_>],
    recorded_at: OffsetDateTime,
) -> Result<()> {
    if transitions.is_empty() {
        return Ok(());
    }
    let ids: Vec<Uuid> = transitions.iter().map(|new| new.deployment.id.0).collect();
    let versions: Vec<i64> = transitions.iter().map(|new| new.deployment.version).collect();
    let statuses: Vec<String> = transitions
        .iter()
        .map(|new| new.deployment.tracked.status().as_str().to_owned())
        .collect();
    let previous: Vec<Option<String>> = transitions
        .iter()
        .map(|new| new.previous_status.map(|status| status.as_str().to_owned()))
        .collect();
    let states = transitions.iter().map(|new| &new.deployment.tracked.state);
    let phases: Vec<Option<String>> = states
        .clone()
        .map(|state| state.phase.as_ref().map(|phase| phase.as_str().to_owned()))
        .collect();
    let provider: Vec<Option<String>> = states.clone().map(|state| state.provider_status.clone()).collect();
    let reasons: Vec<Option<String>> = states.map(|state| state.failure_reason.clone()).collect();
    let occurred: Vec<Option<OffsetDateTime>> = transitions.iter().map(|new| new.occurred_at).collect();
    let via: Vec<String> = transitions
        .iter()
        .map(|new| new.deployment.observed_via.as_str().to_owned())
        .collect();
    let corrections: Vec<bool> = transitions.iter().map(|new| new.is_correction).collect();
    sqlx::query!(
        r#"
        INSERT INTO transitions (deployment_id, version, status, previous_status, phase, provider_status, failure_reason,
                                 occurred_at, recorded_at, observed_via, is_correction)
        SELECT id, version, status, previous_status, phase, provider_status, failure_reason, occurred_at, $1, observed_via,
               is_correction
        FROM UNNEST($2::uuid[], $3::bigint[], $4::text[], $5::text[], $6::text[], $7::text[], $8::text[],
                    $9::timestamptz[], $10::text[], $11::boolean[])
             AS new (id, version, status, previous_status, phase, provider_status, failure_reason, occurred_at,
                     observed_via, is_correction)
        "#,
        recorded_at,
        &ids,
        &versions,
        &statuses,
        &previous as &[Option<String>],
        &phases as &[Option<String>],
        &provider as &[Option<String>],
        &reasons as &[Option<String>],
        &occurred as &[Option<OffsetDateTime>],
        &via,
        &corrections,
    )
    .execute(conn)
    .await?;
    Ok(())
}

/// The states of a deployment, oldest first.
pub async fn list_for_deployment(conn: &mut PgConnection, deployment_id: Uuid) -> Result<Vec<TransitionRow>> {
    Ok(sqlx::query_as!(
        TransitionRow,
        r#"
        SELECT version, status, previous_status, phase, provider_status, failure_reason, occurred_at, recorded_at,
               observed_via, is_correction
        FROM transitions WHERE deployment_id = $1 ORDER BY version
        "#,
        deployment_id
    )
    .fetch_all(conn)
    .await?)
}
