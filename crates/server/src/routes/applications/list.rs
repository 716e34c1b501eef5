//! `GET /applications`

use axum::Extension;
use axum::extract::State;
use axum::response::Response;
use http::HeaderMap;
use slipway_api::ApplicationList;

use super::page::{self, Shape, Wanted};
use super::parameters::{ApplicationParameters, Included};
use crate::auth::Principal;
use crate::extract::Parameters;
use crate::position;
use crate::problem::Problem;
use crate::state::AppState;

/// List applications
///
/// Over all providers, by name.
#[utoipa::path(
    get,
    path = "/applications",
    operation_id = "listApplications",
    tag = "applications",
    params(ApplicationParameters),
    responses((status = 200, description = "A page of applications, by name.", body = ApplicationList))
)]
pub(crate) async fn list_applications(
    State(state): State<AppState>,
    Extension(principal): Extension<Principal>,
    headers: HeaderMap,
    Parameters(parameters): Parameters<ApplicationParameters>,
) -> Result<Response, Problem> {
    let wanted = Wanted {
        shape: Shape::Applications,
        filter: &parameters.filter(),
        is_descending: parameters.is_descending()?,
        included: Included::of(&parameters.include),
        limit: parameters.limit,
        cursor: parameters.cursor.as_deref(),
    };
    let answer = page::respond(&state, &principal, &headers, wanted);
    position::answer_after(&state, parameters.min_cursor.as_deref(), answer).await
}
