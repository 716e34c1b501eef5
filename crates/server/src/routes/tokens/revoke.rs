//! `DELETE /tokens/{token_id}`

use axum::extract::State;
use axum::response::Response;

use slipway_api::TokenView;

use super::view;
use crate::auth::revoke_token as revoke;
use crate::extract::{Caller, Parameters, ResourceId};
use crate::listing::{json_response, to_json};
use crate::problem::{Code, Problem};
use crate::routes::NoParameters;
use crate::state::AppState;

/// Revoke a token
///
/// It is refused from then on, and its open streams end within 5 seconds. Revoking it again changes nothing.
#[utoipa::path(
    delete,
    path = "/tokens/{token_id}",
    operation_id = "revokeToken",
    tag = "tokens",
    params(("token_id" = uuid::Uuid, Path, description = "The gateway's id of the token.")),
    responses((status = 200, description = "The token, revoked.", body = TokenView))
)]
pub(crate) async fn revoke_token(
    State(state): State<AppState>,
    caller: Caller,
    ResourceId(id): ResourceId,
    _none: Parameters<NoParameters>,
) -> Result<Response, Problem> {
    let now = state.clock().now();
    let revoked = revoke(&mut *state.connection().await?, id, &caller.actor, now).await?;
    let row = revoked.ok_or_else(|| Problem::new(Code::NotFound).with_detail("there is no token with this id"))?;
    Ok(json_response(to_json(&view(row))?))
}
