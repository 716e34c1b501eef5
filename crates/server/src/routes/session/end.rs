//! `DELETE /session`

use axum::extract::State;
use axum::response::{IntoResponse, Response};
use http::request::Parts;
use http::{StatusCode, header};
use serde_json::json;
use slipway_store::Acquire;

use super::is_secure;
use crate::auth::{self, record};
use crate::extract::{Caller, Parameters};
use crate::problem::Problem;
use crate::routes::NoParameters;
use crate::state::AppState;

/// End the session
///
/// Takes the cookie away. Without a session nothing happens.
#[utoipa::path(
    delete,
    path = "/session",
    operation_id = "endSession",
    tag = "session",
    security(()),
    responses((status = 204, description = "There is no session any more."))
)]
pub(crate) async fn end_session(
    State(state): State<AppState>,
    parts: Parts,
    _none: Parameters<NoParameters>,
) -> Result<Response, Problem> {
    if let Some(secret) = auth::cookie(&parts.headers) {
        auth::refuse_cross_site(&parts.method, &parts.headers, state.settings().public_url.as_ref())?;
        end(&state, &parts, secret).await?;
    }
    let mut response = StatusCode::NO_CONTENT.into_response();
    if let Some(cookie) = auth::set_cookie("", 0, is_secure(&state, &parts)) {
        response.headers_mut().insert(header::SET_COOKIE, cookie);
    }
    Ok(response)
}

async fn end(state: &AppState, parts: &Parts, secret: &str) -> Result<(), Problem> {
    let Some((stored, _)) = state.access().sessions.find(secret).await? else {
        return Ok(());
    };
    let mut conn = state.connection().await?;
    let mut tx = conn.begin().await.map_err(slipway_store::StoreError::from)?;
    state.access().sessions.end(&mut tx, secret).await?;
    // Also the session of a token that is not valid any more ends; there is nobody to name then.
    if let Ok(principal) = state.access().resolve(&stored).await {
        let Caller { actor, .. } = Caller::new(principal, parts, state);
        record(&mut tx, &actor, "session.end", None, json!({}), state.clock().now()).await?;
    }
    tx.commit().await.map_err(slipway_store::StoreError::from)?;
    Ok(())
}
