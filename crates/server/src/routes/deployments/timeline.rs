//! `GET /deployments/{deployment_id}/timeline`

use axum::Extension;
use axum::extract::State;
use axum::response::Response;
use http::HeaderMap;
use slipway_api::{Status, TimelineEntryView, TimelineList};
use slipway_store::transitions::{self, TransitionRow};
use slipway_store::{deployments, event_log, pool, retention};

use super::removed;
use crate::auth::Principal;
use crate::extract::{Parameters, ResourceId};
use crate::listing::{Items, Listing, to_json_text};
use crate::position;
use crate::problem::Problem;
use crate::routes::PositionParameters;
use crate::state::AppState;

/// Get what a deployment went through
#[utoipa::path(
    get,
    path = "/deployments/{deployment_id}/timeline",
    operation_id = "getDeploymentTimeline",
    tag = "deployments",
    params(("deployment_id" = uuid::Uuid, Path, description = "The gateway's id of the deployment."), PositionParameters),
    responses((status = 200, description = "The states that it was in, oldest first.", body = TimelineList))
)]
pub(crate) async fn get_deployment_timeline(
    State(state): State<AppState>,
    Extension(principal): Extension<Principal>,
    ResourceId(id): ResourceId,
    headers: HeaderMap,
    Parameters(parameters): Parameters<PositionParameters>,
) -> Result<Response, Problem> {
    position::wait_for(&state, parameters.min_cursor.as_deref()).await?;
    let mut snapshot = pool::begin_snapshot(state.pool()).await?;
    if !deployments::is_visible(&mut snapshot, id, &principal.visibility).await? {
        let horizon = retention::find_history_horizon(&mut snapshot).await?;
        return Err(removed::not_found(horizon));
    }
    let head = position::cursor(&event_log::find_head(&mut snapshot).await?);
    let rows = transitions::list_for_deployment(&mut snapshot, id).await?;
    drop(snapshot);
    Listing {
        items: Items::new(&entries(&rows).iter().map(to_json_text).collect::<Result<Vec<_>, _>>()?),
        next_cursor: None,
        event_cursor: &head,
        position: &head,
        freshness: None,
    }
    .respond(&headers)
}

/// The states with how long each lasted, in the order given: oldest first.
pub(super) fn entries(rows: &[TransitionRow]) -> Vec<TimelineEntryView> {
    let next_rows = rows.iter().skip(1).map(Some).chain(std::iter::once(None));
    rows.iter().zip(next_rows).map(|(row, next)| entry(row, next)).collect()
}

fn entry(row: &TransitionRow, next: Option<&TransitionRow>) -> TimelineEntryView {
    let lasted = next.map(|next| (next.recorded_at - row.recorded_at).whole_milliseconds());
    TimelineEntryView {
        version: row.version,
        status: status(&row.status),
        previous_status: row.previous_status.as_deref().map(status),
        phase: row.phase.clone(),
        provider_status: row.provider_status.clone(),
        failure_reason: row.failure_reason.clone(),
        time: row.occurred_at,
        recorded_at: row.recorded_at,
        lasted_ms: lasted.and_then(|ms| i64::try_from(ms).ok()),
        observed_via: row.observed_via.clone(),
        is_correction: row.is_correction,
    }
}

fn status(word: &str) -> Status {
    slipway_core::Status::parse(word).map_or(Status::Unknown, Into::into)
}
