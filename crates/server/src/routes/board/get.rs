//! `GET /board`

use axum::Extension;
use axum::extract::State;
use axum::response::Response;
use http::HeaderMap;
use slipway_api::BoardItemList;

use crate::auth::Principal;
use crate::extract::Parameters;
use crate::position;
use crate::problem::Problem;
use crate::routes::applications::page::{self, Shape, Wanted};
use crate::routes::applications::parameters::{BoardParameters, Included};
use crate::state::AppState;

/// Get what runs where
///
/// Applications by name, each with its environment, the deployment that runs now and the newest one, whole. A board puts
/// `application.environment` into columns and groups rows by name or by a label. Costs the same however long history is.
#[utoipa::path(
    get,
    path = "/board",
    operation_id = "getBoard",
    tag = "applications",
    params(BoardParameters),
    responses((status = 200, description = "A page of the board, by the name of the application.", body = BoardItemList))
)]
pub(crate) async fn get_board(
    State(state): State<AppState>,
    Extension(principal): Extension<Principal>,
    headers: HeaderMap,
    Parameters(parameters): Parameters<BoardParameters>,
) -> Result<Response, Problem> {
    let wanted = Wanted {
        shape: Shape::Board,
        filter: &parameters.filter(),
        is_descending: false,
        included: Included { last: true, live: true },
        limit: parameters.limit,
        cursor: parameters.cursor.as_deref(),
    };
    let answer = page::respond(&state, &principal, &headers, wanted);
    position::answer_after(&state, parameters.min_cursor.as_deref(), answer).await
}
