//! `GET /tokens`

use axum::extract::State;
use axum::response::Response;
use http::HeaderMap;
use slipway_api::TokenList;
use slipway_store::{event_log, pool, tokens};

use super::view;
use crate::extract::Parameters;
use crate::listing::to_json_text;
use crate::position;
use crate::problem::Problem;
use crate::routes::by_time::{ByTimeParameters, Page};
use crate::state::AppState;

/// List tokens
///
/// Those of the database, also revoked ones; not those of the configuration.
#[utoipa::path(
    get,
    path = "/tokens",
    operation_id = "listTokens",
    tag = "tokens",
    params(ByTimeParameters),
    responses((status = 200, description = "A page of tokens, newest first.", body = TokenList))
)]
pub(crate) async fn list_tokens(
    State(state): State<AppState>,
    headers: HeaderMap,
    Parameters(parameters): Parameters<ByTimeParameters>,
) -> Result<Response, Problem> {
    let page = Page::new("tokens", parameters)?;
    let mut snapshot = pool::begin_snapshot(state.pool()).await?;
    let head = position::cursor(&event_log::find_head(&mut snapshot).await?);
    let rows = tokens::list(&mut snapshot, page.after(), page.fetched()).await?;
    drop(snapshot);
    let json = |row| to_json_text(&view(row));
    page.respond(&head, rows, |row| (row.created_at, row.id), json, &headers)
}
