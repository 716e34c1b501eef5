//! `GET /applications/{application_id}/deployments`

use axum::Extension;
use axum::extract::State;
use axum::response::Response;
use http::HeaderMap;
use slipway_api::DeploymentList;
use slipway_core::ApplicationId;
use slipway_store::applications;

use crate::auth::Principal;
use crate::extract::{Parameters, ResourceId};
use crate::position;
use crate::problem::{Code, Problem};
use crate::routes::deployments::list::respond;
use crate::routes::deployments::parameters::ApplicationDeploymentParameters;
use crate::state::AppState;

/// List the deployments of an application
///
/// Newest first unless `sort` says otherwise.
#[utoipa::path(
    get,
    path = "/applications/{application_id}/deployments",
    operation_id = "listApplicationDeployments",
    tag = "deployments",
    params(
        ("application_id" = uuid::Uuid, Path, description = "The gateway's id of the application."),
        ApplicationDeploymentParameters
    ),
    responses((status = 200, description = "A page of the application's deployments.", body = DeploymentList))
)]
pub(crate) async fn list_application_deployments(
    State(state): State<AppState>,
    Extension(principal): Extension<Principal>,
    ResourceId(id): ResourceId,
    headers: HeaderMap,
    Parameters(parameters): Parameters<ApplicationDeploymentParameters>,
) -> Result<Response, Problem> {
    let (filter, sort) = parameters.filter(id)?;
    let (limit, cursor, min_cursor) = parameters.page();
    let answer = async {
        refuse_unseen(&state, ApplicationId(id), &principal).await?;
        respond(&state, &principal, &headers, &filter, sort, limit, cursor).await
    };
    position::answer_after(&state, min_cursor, answer).await
}

async fn refuse_unseen(state: &AppState, id: ApplicationId, principal: &Principal) -> Result<(), Problem> {
    let mut reader = state.readers().acquire().await?;
    let found = applications::find_visible(&mut reader, id, &principal.visibility).await?;
    reader.keep();
    match found {
        Some(_) => Ok(()),
        None => Err(Problem::new(Code::NotFound).with_detail("there is no application with this id")),
    }
}
