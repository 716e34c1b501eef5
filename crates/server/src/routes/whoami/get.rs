//! `GET /whoami`

use axum::Extension;
use axum::response::Response;
use serde::Serialize;
use time::OffsetDateTime;
use utoipa::ToSchema;

use crate::extract::Parameters;
use crate::listing::{json_response, to_json};
use crate::problem::Problem;
use crate::routes::NoParameters;
use crate::tokens::Principal;

/// Who asks.
#[derive(Debug, Serialize, ToSchema)]
#[schema(as = Whoami)]
pub(crate) struct WhoamiView {
    /// The name of the token.
    #[schema(examples("dashboard"))]
    principal: String,
    /// What it allows. An open list: `read`, `admin`.
    #[schema(examples("read"))]
    scopes: Vec<String>,
    /// When it ends; null for one that does not.
    #[schema(required = true)]
    #[serde(with = "time::serde::rfc3339::option")]
    expires_at: Option<OffsetDateTime>,
}

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
    let mut scopes = vec![crate::tokens::Scope::Read.as_str().to_owned()];
    if principal.scope == crate::tokens::Scope::Admin {
        scopes.push(principal.scope.as_str().to_owned());
    }
    let view = WhoamiView {
        principal: principal.name.to_string(),
        scopes,
        expires_at: None,
    };
    Ok(json_response(to_json(&view)?))
}
