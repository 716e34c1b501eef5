//! `POST /deployments/{deployment_id}/cancel`

use axum::extract::State;
use axum::response::Response;
use slipway_api::{DeploymentView, NoDetailsView};
use slipway_core::DeploymentId;
use slipway_engine::writes::Order;

use crate::extract::{Parameters, ResourceId, WriteRequest};
use crate::problem::Problem;
use crate::routes::{NoParameters, WriteHeaders, writing};
use crate::state::AppState;

/// Stop a deployment
///
/// Asks the provider to stop it. Again, it answers the deployment as it is; one that ended otherwise is refused.
#[utoipa::path(
    post,
    path = "/deployments/{deployment_id}/cancel",
    operation_id = "cancelDeployment",
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
pub(crate) async fn cancel_deployment(
    State(state): State<AppState>,
    ResourceId(id): ResourceId,
    _none: Parameters<NoParameters>,
    write: WriteRequest<NoDetailsView>,
) -> Result<Response, Problem> {
    writing::write(&state, Order::Cancel(DeploymentId(id)), write).await
}
