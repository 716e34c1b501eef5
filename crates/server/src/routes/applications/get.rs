//! `GET /applications/{application_id}`

use axum::Extension;
use axum::extract::State;
use axum::response::Response;
use http::HeaderMap;
use serde::Deserialize;
use slipway_api::ApplicationView;
use slipway_core::{ApplicationId, DeploymentId};
use slipway_store::deployments::DeploymentBody;
use slipway_store::{PgConnection, StoreError, applications, deployments, event_log, pool, sync_targets};
use utoipa::IntoParams;

use super::parameters::{ApplicationInclude, Included};
use super::view::{json, version, view};
use crate::auth::Principal;
use crate::extract::{Parameters, ResourceId, values};
use crate::listing::respond_weakly;
use crate::position;
use crate::problem::{Code, Problem};
use crate::state::AppState;

/// What one application can be asked for.
#[derive(Debug, Default, Deserialize, IntoParams)]
#[serde(deny_unknown_fields, default)]
#[into_params(parameter_in = Query)]
pub(crate) struct OneApplicationParameters {
    /// What to add, separated by commas.
    #[serde(deserialize_with = "values")]
    #[param(style = Form, explode = false, inline)]
    include: Vec<ApplicationInclude>,
    /// Wait, 5 seconds at most, until the answer shows this position in the event log.
    min_cursor: Option<String>,
}

/// Get an application
#[utoipa::path(
    get,
    path = "/applications/{application_id}",
    operation_id = "getApplication",
    tag = "applications",
    params(
        ("application_id" = uuid::Uuid, Path, description = "The gateway's id of the application."),
        OneApplicationParameters
    ),
    responses((status = 200, description = "The application.", body = ApplicationView))
)]
pub(crate) async fn get_application(
    State(state): State<AppState>,
    Extension(principal): Extension<Principal>,
    ResourceId(id): ResourceId,
    headers: HeaderMap,
    Parameters(parameters): Parameters<OneApplicationParameters>,
) -> Result<Response, Problem> {
    let included = Included::of(&parameters.include);
    position::wait_for(&state, parameters.min_cursor.as_deref()).await?;
    let mut snapshot = pool::begin_snapshot(state.pool()).await?;
    let head = position::cursor(&event_log::find_head(&mut snapshot).await?);
    let row = applications::find_visible(&mut snapshot, ApplicationId(id), &principal.visibility).await?;
    let row = row.ok_or_else(|| Problem::new(Code::NotFound).with_detail("there is no application with this id"))?;
    let targets = sync_targets::list_applications(&mut snapshot, &[id]).await?;
    let last = body(&mut snapshot, row.last_deployment_id.filter(|_| included.last)).await?;
    let live = body(&mut snapshot, row.live_deployment_id.filter(|_| included.live)).await?;
    drop(snapshot);
    let view = view(&state, &row, targets.first());
    let shown = format!("{included:?} {}", version(&view, last.as_ref(), live.as_ref()));
    let body = json(&view, included, last.as_ref(), live.as_ref())?;
    Ok(respond_weakly(&headers, &head, &shown, body))
}

async fn body(conn: &mut PgConnection, id: Option<DeploymentId>) -> Result<Option<DeploymentBody>, StoreError> {
    match id {
        None => Ok(None),
        Some(id) => deployments::find_body(conn, id.0).await,
    }
}
