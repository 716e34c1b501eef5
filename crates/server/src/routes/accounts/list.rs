//! `GET /accounts`

use axum::Extension;
use axum::extract::State;
use axum::response::Response;
use http::HeaderMap;
use slipway_api::AccountList;
use slipway_store::{event_log, pool};

use super::views;
use crate::auth::Principal;
use crate::extract::Parameters;
use crate::listing::{Items, Listing, to_json_text};
use crate::position;
use crate::problem::Problem;
use crate::routes::PositionParameters;
use crate::shown::ShownAccounts;
use crate::state::AppState;

/// List the configured connections to providers
///
/// How far what each shows can be trusted, and what is left of the provider's rate limit.
#[utoipa::path(
    get,
    path = "/accounts",
    operation_id = "listAccounts",
    tag = "accounts",
    params(PositionParameters),
    responses((status = 200, description = "All accounts, by name.", body = AccountList))
)]
pub(crate) async fn list_accounts(
    State(state): State<AppState>,
    Extension(principal): Extension<Principal>,
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
    let shown = ShownAccounts::of(&state, &principal);
    Listing {
        items: Items::new(&views.iter().map(to_json_text).collect::<Result<Vec<_>, _>>()?),
        next_cursor: None,
        event_cursor: &head,
        position: &head,
        freshness: Some(known.list(now, |row| shown.shows(&row.provider, &row.account))),
    }
    .respond(&headers)
}
