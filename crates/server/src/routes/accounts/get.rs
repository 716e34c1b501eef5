//! `GET /accounts/{account}`

use axum::Extension;
use axum::extract::State;
use axum::response::Response;
use http::HeaderMap;
use slipway_api::AccountView;
use slipway_store::{event_log, pool};

use super::views;
use crate::auth::Principal;
use crate::extract::{Parameters, ResourceName};
use crate::listing::{Tagged, to_json_text, weak_tag};
use crate::position;
use crate::problem::{Code, Problem};
use crate::routes::PositionParameters;
use crate::state::AppState;

/// Get a connection to a provider
///
/// As the list shows it.
#[utoipa::path(
    get,
    path = "/accounts/{account}",
    operation_id = "getAccount",
    tag = "accounts",
    params(("account" = String, Path, description = "The account's name."), PositionParameters),
    responses((status = 200, description = "The account.", body = AccountView))
)]
pub(crate) async fn get_account(
    State(state): State<AppState>,
    Extension(principal): Extension<Principal>,
    ResourceName(name): ResourceName,
    headers: HeaderMap,
    Parameters(parameters): Parameters<PositionParameters>,
) -> Result<Response, Problem> {
    position::wait_for(&state, parameters.min_cursor.as_deref()).await?;
    let now = state.clock().now();
    let known = state.freshness().snapshot().await?;
    let mut snapshot = pool::begin_snapshot(state.pool()).await?;
    let head = position::cursor(&event_log::find_head(&mut snapshot).await?);
    let views = views(&state, &mut snapshot, &principal, &known, now).await?;
    drop(snapshot);
    let view = views.iter().find(|view| view.name == name);
    let view = view.ok_or_else(|| Problem::new(Code::NotFound).with_detail("there is no account with this name"))?;
    let body = to_json_text(view)?;
    let tag = weak_tag(&head.epoch, &body);
    Ok(Tagged::new(&tag, &head).respond(&headers, || body))
}
