//! `POST /applications/{application_id}/refresh`

use axum::Extension;
use axum::extract::State;
use axum::response::{IntoResponse, Response};
use http::StatusCode;
use slipway_api::ApplicationView;
use slipway_core::ApplicationId;
use slipway_store::{applications, event_log, pool, sync_targets};

use super::view::view;
use crate::auth::Principal;
use crate::extract::{Parameters, ResourceId};
use crate::listing::{json_response, to_json_text};
use crate::position;
use crate::problem::{Code, Problem};
use crate::routes::{NoParameters, writing};
use crate::state::AppState;

/// Ask the provider now
///
/// Makes the next read of the application's deployments due. Any number of requests make one read, which is made as soon as
/// the account's rate budget allows it: `freshness.last_success_at` tells when. The body is not looked at.
#[utoipa::path(
    post,
    path = "/applications/{application_id}/refresh",
    operation_id = "refreshApplication",
    tag = "applications",
    params(("application_id" = uuid::Uuid, Path, description = "The gateway's id of the application.")),
    responses((status = 202, description = "The application as it is known so far.", body = ApplicationView))
)]
pub(crate) async fn refresh_application(
    State(state): State<AppState>,
    ResourceId(id): ResourceId,
    Extension(principal): Extension<Principal>,
    _none: Parameters<NoParameters>,
) -> Result<Response, Problem> {
    let not_found = || Problem::new(Code::NotFound).with_detail("there is no application with this id");
    let found = {
        let mut conn = state.connection().await?;
        applications::find_visible(&mut conn, ApplicationId(id), &principal.visibility).await?
    };
    if found.ok_or_else(not_found)?.archived_at.is_some() {
        return Err(
            Problem::new(Code::ApplicationArchived).with_detail("the provider does not have this application any more")
        );
    }
    let refreshed = state.services().writes.refresh(ApplicationId(id)).await;
    refreshed.map_err(writing::of_error)?;
    let mut snapshot = pool::begin_snapshot(state.pool()).await?;
    let head = position::cursor(&event_log::find_head(&mut snapshot).await?);
    let row = applications::find(&mut snapshot, ApplicationId(id))
        .await?
        .ok_or_else(not_found)?;
    let targets = sync_targets::list_applications(&mut snapshot, &[id]).await?;
    drop(snapshot);
    let body = to_json_text(&view(&state, &row, targets.first()))?;
    let mut response = (StatusCode::ACCEPTED, json_response(body)).into_response();
    position::set(&mut response, &head);
    Ok(response)
}
