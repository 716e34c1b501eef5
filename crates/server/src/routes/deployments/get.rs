//! `GET /deployments/{deployment_id}`

use axum::extract::State;
use axum::response::{IntoResponse, Response};
use http::{HeaderMap, StatusCode};
use slipway_api::DeploymentView;
use slipway_store::deployments;

use crate::extract::{Parameters, ResourceId};
use crate::listing::{is_match, json_response, set_tag};
use crate::position;
use crate::problem::{Code, Problem};
use crate::routes::PositionParameters;
use crate::state::AppState;

/// Get a deployment
#[utoipa::path(
    get,
    path = "/deployments/{deployment_id}",
    operation_id = "getDeployment",
    tag = "deployments",
    params(("deployment_id" = uuid::Uuid, Path, description = "The gateway's id of the deployment."), PositionParameters),
    responses((status = 200, description = "The deployment.", body = DeploymentView))
)]
pub(crate) async fn get_deployment(
    State(state): State<AppState>,
    ResourceId(id): ResourceId,
    headers: HeaderMap,
    Parameters(parameters): Parameters<PositionParameters>,
) -> Result<Response, Problem> {
    position::wait_for(&state, parameters.min_cursor.as_deref()).await?;
    let (head, found) = deployments::find_body_with_head(&mut *state.connection().await?, id).await?;
    let found = found.ok_or_else(|| Problem::new(Code::NotFound).with_detail("there is no deployment with this id"))?;
    let tag = format!("\"{}-{}\"", head.epoch, found.version);
    let mut response = if is_match(&headers, &tag) {
        StatusCode::NOT_MODIFIED.into_response()
    } else {
        json_response(found.body)
    };
    set_tag(&mut response, &tag);
    position::set(&mut response, &position::cursor(&head));
    Ok(response)
}
