//! `POST /applications/{application_id}/deployments`

use axum::extract::State;
use axum::response::Response;
use slipway_api::{DeploymentView, NewDeploymentView};

use crate::extract::{Parameters, ResourceId, WriteRequest};
use crate::problem::Problem;
use crate::routes::{NoParameters, WriteHeaders, writing};
use crate::state::AppState;

/// Deploy an application
///
/// Where the provider does not name the new deployment at once, it is `queued` until the provider shows it. Where the
/// provider does not answer, it is `unknown` with the reason `outcome_unknown` until it is found.
#[utoipa::path(
    post,
    path = "/applications/{application_id}/deployments",
    operation_id = "triggerDeployment",
    tag = "deployments",
    params(("application_id" = uuid::Uuid, Path, description = "The gateway's id of the application."), WriteHeaders),
    request_body(content = NewDeploymentView, description = "What to deploy."),
    responses((
        status = 202,
        description = "The new deployment. How it goes on shows in the events.",
        body = DeploymentView,
        headers(
            ("Location" = String, description = "Where the deployment is read."),
            ("Idempotency-Replayed" = bool, description = "`true` on the answer of an earlier request with the same key.")
        )
    ))
)]
pub(crate) async fn trigger_deployment(
    State(state): State<AppState>,
    ResourceId(id): ResourceId,
    _none: Parameters<NoParameters>,
    mut write: WriteRequest<NewDeploymentView>,
) -> Result<Response, Problem> {
    let order = writing::trigger(id, std::mem::take(&mut write.body))?;
    writing::write(&state, order, write).await
}
