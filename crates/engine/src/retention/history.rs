//! Deployments that ended longer ago than what is kept: removed from the oldest on, and not brought in again.

use std::collections::HashSet;

use slipway_core::provider::LiveRule;
use slipway_core::{DeploymentId, DeploymentObservation, EventType, Status};
use slipway_store::retention::{self, Kind};
use slipway_store::{Connection, PgConnection, StoreError, applications, deployments, event_log};
use time::OffsetDateTime;

use crate::context::Context;
use crate::ingest::{Batch, IngestError, events};

const DEPLOYMENTS_PER_BATCH: i64 = 200;

/// Removes a batch of one application's deployments. Answers whether there may be more.
///
/// # Errors
/// See [`IngestError`]; on each of them nothing was written.
pub async fn remove_some(context: &Context, conn: &mut PgConnection) -> Result<bool, IngestError> {
    let Some(before) = context.retention.history_before(context.database_now()) else {
        return Ok(false);
    };
    let mut transaction = conn.begin().await.map_err(StoreError::from)?;
    let conn = &mut *transaction;
    if !retention::try_lock(conn).await? {
        return Ok(false);
    }
    let Some((application_id, _)) = retention::find_removable(conn, before, 1).await? else {
        // Told all the same: what is older is not brought in.
        retention::note(conn, Kind::History, before, 0).await?;
        transaction.commit().await.map_err(StoreError::from)?;
        return Ok(false);
    };
    let Some(application) = applications::lock(conn, application_id).await? else {
        return Ok(true);
    };
    // Under the lock: one of them may have gone live, or a write may be about it.
    let ids = retention::list_removable(conn, application_id, before, DEPLOYMENTS_PER_BATCH).await?;
    let removed = retention::delete_deployments(conn, &ids).await?;
    retention::note(conn, Kind::History, before, removed).await?;
    if removed > 0 {
        let event = events::about_application(&application, EventType::ApplicationHistoryChanged);
        event_log::append(conn, &[event], context.clock.now()).await?;
    }
    transaction.commit().await.map_err(StoreError::from)?;
    tracing::debug!(application.id = %application_id, deployments = removed, "deployments were removed that are older than what is kept");
    Ok(removed > 0)
}

/// Takes out of a batch what is not stored and would be removed at once, and answers how many that are. Kept is what may
/// become the newest or the live one of its application: those are never removed, however old.
pub(crate) async fn leave_out(
    context: &Context,
    conn: &mut PgConnection,
    batch: &mut Batch,
) -> Result<usize, StoreError> {
    let Some(before) = context.retention.history_before(context.database_now()) else {
        return Ok(0);
    };
    let old: Vec<String> = batch
        .observations
        .iter()
        .filter(|seen| is_old(seen, before))
        .map(|seen| seen.provider_deployment_id.clone())
        .collect();
    if old.is_empty() {
        return Ok(0);
    }
    let Some(application) = applications::find(conn, batch.application_id).await? else {
        return Ok(0);
    };
    let stored = deployments::find_by_provider_ids(conn, batch.application_id, &old).await?;
    let newest = match find(conn, application.last_deployment_id).await? {
        Some(newest) => Some(newest.created_at),
        None => batch.observations.iter().filter_map(created_at).max(),
    };
    let is_success = |seen: &&DeploymentObservation| seen.state.status == Status::Succeeded;
    let last_success = match find(conn, application.live_deployment_id).await? {
        Some(live) => Some(live.tracked.finished_at.unwrap_or(live.created_at)),
        None => batch.observations.iter().filter(is_success).filter_map(ended_at).max(),
    };
    let by_success = batch.capabilities.live_rule == LiveRule::LastSucceeded;
    let is_left_out = |seen: &DeploymentObservation| {
        is_old(seen, before)
            && !stored.contains_key(&seen.provider_deployment_id)
            && created_at(seen) < newest
            && seen.details.is_live != Some(true)
            && !(by_success && is_success(&seen) && ended_at(seen) >= last_success)
    };
    let count = batch.observations.len();
    let left_out: HashSet<String> = batch
        .observations
        .iter()
        .filter(|seen| is_left_out(seen))
        .map(|seen| seen.provider_deployment_id.clone())
        .collect();
    batch
        .observations
        .retain(|seen| !left_out.contains(&seen.provider_deployment_id));
    Ok(count - batch.observations.len())
}

async fn find(
    conn: &mut PgConnection,
    id: Option<DeploymentId>,
) -> Result<Option<slipway_core::Deployment>, StoreError> {
    match id {
        Some(id) => deployments::find(conn, id).await,
        None => Ok(None),
    }
}

fn is_old(seen: &DeploymentObservation, before: OffsetDateTime) -> bool {
    seen.state.is_finished
        && created_at(seen).is_some_and(|at| at < before)
        && seen.finished_at.is_none_or(|at| at < before)
}

fn created_at(seen: &DeploymentObservation) -> Option<OffsetDateTime> {
    seen.details.created_at.or(seen.details.started_at)
}

fn ended_at(seen: &DeploymentObservation) -> Option<OffsetDateTime> {
    seen.finished_at.or(created_at(seen))
}
