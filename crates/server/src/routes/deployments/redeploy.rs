//! `POST /deployments/{deployment_id}/redeploy`

use axum::extract::State;
use axum::response::Response;
use slipway_api::{DeploymentView, NoDetailsView};
use slipway_core::DeploymentId;
use slipway_engine::writes::Order;

use crate::extract::{Parameters, ResourceId, WriteRequest};
use crate::problem::Problem;
use crate::routes::{NoParameters, WriteHeaders, writing};
use crate::state::AppState;

/// Deploy once more
///
/// A new deployment of what this one deployed.
#[utoipa::path(
    post,
    path = "/deployments/{deployment_id}/redeploy",
    operation_id = "redeployDeployment",
    tag = "deployments",
    params(("deployment_id" = uuid::Uuid, Path, description = "The gateway's id of the deployment."), WriteHeaders),
    request_body(content = NoDetailsView, description = "An empty object."),
    responses((
        status = 202,
        description = "The deployment. How it goes on shows in the events.",
        body = DeploymentView,
        headers(
            ("Location" = String, description = "Where the deployment is read."),
            ("Idempotency-Replayed" = bool, description = "`true` on the answer of an earlier request with the same key.")
        )
    ))
)]
pub(crate) async fn redeploy_deployment(
    State(state): State<AppState>,
    ResourceId(id): ResourceId,
    _none: Parameters<NoParameters>,
    write: WriteRequest<NoDetailsView>,
) -> Result<Response, Problem> {
    writing::write(&state, Order::Redeploy(DeploymentId(id)), write).await
}
