//! `GET /applications/{application_id}`

use axum::extract::State;
use axum::response::{IntoResponse, Response};
use base64::Engine;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use http::{HeaderMap, StatusCode};
use ring::digest::{SHA256, digest};
use slipway_api::ApplicationView;
use slipway_core::ApplicationId;
use slipway_store::{applications, event_log, pool, sync_targets};

use super::list::{version, view};
use crate::extract::{Parameters, ResourceId};
use crate::listing::{is_match, json_response, set_tag, to_json};
use crate::position;
use crate::problem::{Code, Problem};
use crate::routes::PositionParameters;
use crate::state::AppState;

/// Get an application
#[utoipa::path(
    get,
    path = "/applications/{application_id}",
    operation_id = "getApplication",
    tag = "applications",
    params(("application_id" = uuid::Uuid, Path, description = "The gateway's id of the application."), PositionParameters),
    responses((status = 200, description = "The application.", body = ApplicationView))
)]
pub(crate) async fn get_application(
    State(state): State<AppState>,
    ResourceId(id): ResourceId,
    headers: HeaderMap,
    Parameters(parameters): Parameters<PositionParameters>,
) -> Result<Response, Problem> {
    position::wait_for(&state, parameters.min_cursor.as_deref()).await?;
    let mut snapshot = pool::begin_snapshot(state.pool()).await?;
    let head = position::cursor(&event_log::find_head(&mut snapshot).await?);
    let row = applications::find(&mut snapshot, ApplicationId(id)).await?;
    let row = row.ok_or_else(|| Problem::new(Code::NotFound).with_detail("there is no application with this id"))?;
    let targets = sync_targets::list_applications(&mut snapshot, &[id]).await?;
    drop(snapshot);
    let view = view(&state, &row, targets.first());
    let hash = digest(&SHA256, version(&view).as_bytes());
    let tag = format!("W/\"{}-{}\"", head.epoch, URL_SAFE_NO_PAD.encode(&hash.as_ref()[..12]));
    let mut response = if is_match(&headers, &tag) {
        StatusCode::NOT_MODIFIED.into_response()
    } else {
        json_response(to_json(&view)?)
    };
    set_tag(&mut response, &tag);
    position::set(&mut response, &head);
    Ok(response)
}
