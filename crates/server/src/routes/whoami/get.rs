//! `GET /whoami`

use axum::Extension;
use axum::response::Response;
use slipway_api::WhoamiView;

use crate::auth::Principal;
use crate::extract::Parameters;
use crate::listing::{json_response, to_json};
use crate::problem::Problem;
use crate::routes::NoParameters;
use crate::routes::tokens::restrictions;

/// Who the gateway takes you for
#[utoipa::path(
    get,
    path = "/whoami",
    operation_id = "getWhoami",
    tag = "session",
    responses((status = 200, description = "The principal of the token and what it may do.", body = WhoamiView))
)]
pub(crate) async fn get_whoami(
    Extension(principal): Extension<Principal>,
    _none: Parameters<NoParameters>,
) -> Result<Response, Problem> {
    let view = WhoamiView {
        principal: principal.name.to_string(),
        scopes: principal.scopes.words(),
        restrictions: restrictions(&principal.visibility),
        expires_at: principal.expires_at,
    };
    Ok(json_response(to_json(&view)?))
}
