//! `GET /applications/{application_id}/deployments`

use axum::extract::State;
use axum::response::Response;
use http::HeaderMap;
use serde::Deserialize;
use slipway_api::{DeploymentList, Status};
use slipway_core::ApplicationId;
use slipway_store::applications;
use slipway_store::deployments::DeploymentFilter;
use utoipa::IntoParams;

use crate::extract::{Limit, Parameters, ResourceId, values};
use crate::position;
use crate::problem::{Code, Problem};
use crate::routes::deployments::list::{respond, status_words};
use crate::state::AppState;

/// What a list of one application's deployments can be asked for.
#[derive(Debug, Default, Deserialize, IntoParams)]
#[serde(deny_unknown_fields, default)]
#[into_params(parameter_in = Query)]
pub(crate) struct ApplicationDeploymentParameters {
    /// Only these statuses, separated by commas.
    #[serde(deserialize_with = "values")]
    #[param(style = Form, explode = false)]
    status: Vec<Status>,
    /// How many items a page holds.
    #[param(value_type = i32, minimum = 1, maximum = 200, default = 50)]
    limit: Limit,
    /// Where the page begins: the `next_cursor` of the page before, asked for with the same filters.
    cursor: Option<String>,
    /// Wait, 5 seconds at most, until the answer shows this position in the event log.
    min_cursor: Option<String>,
}

/// List the deployments of an application
///
/// Newest first.
#[utoipa::path(
    get,
    path = "/applications/{application_id}/deployments",
    operation_id = "listApplicationDeployments",
    tag = "deployments",
    params(
        ("application_id" = uuid::Uuid, Path, description = "The gateway's id of the application."),
        ApplicationDeploymentParameters
    ),
    responses((status = 200, description = "A page of the application's deployments, newest first.", body = DeploymentList))
)]
pub(crate) async fn list_application_deployments(
    State(state): State<AppState>,
    ResourceId(id): ResourceId,
    headers: HeaderMap,
    Parameters(parameters): Parameters<ApplicationDeploymentParameters>,
) -> Result<Response, Problem> {
    let ApplicationDeploymentParameters {
        status,
        limit,
        cursor,
        min_cursor,
    } = parameters;
    position::wait_for(&state, min_cursor.as_deref()).await?;
    if applications::find(&mut *state.connection().await?, ApplicationId(id))
        .await?
        .is_none()
    {
        return Err(Problem::new(Code::NotFound).with_detail("there is no application with this id"));
    }
    let filter = DeploymentFilter {
        applications: vec![id],
        statuses: status_words(&status),
        ..DeploymentFilter::default()
    };
    respond(&state, &headers, &filter, limit, cursor.as_deref()).await
}
