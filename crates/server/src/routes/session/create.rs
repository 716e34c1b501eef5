//! `POST /session`

use axum::extract::State;
use axum::response::{IntoResponse, Response};
use http::request::Parts;
use http::{HeaderValue, StatusCode, header};
use serde_json::json;
use slipway_api::{NewSessionView, SessionView};
use slipway_store::Acquire;

use super::is_secure;
use crate::auth::{self, record};
use crate::extract::{Caller, JsonBody, Parameters};
use crate::listing::{json_response, to_json};
use crate::problem::{Code, Problem};
use crate::routes::NoParameters;
use crate::state::AppState;

/// Begin a session
///
/// For the dashboard: exchanges a token, or a code of `createSessionCode`, for a cookie that scripts cannot read. Programs send
/// the token itself.
#[utoipa::path(
    post,
    path = "/session",
    operation_id = "createSession",
    tag = "session",
    security(()),
    request_body(content = NewSessionView, description = "The token, or the code."),
    responses((status = 201, description = "The session; its cookie is set.", body = SessionView))
)]
pub(crate) async fn create_session(
    State(state): State<AppState>,
    parts: Parts,
    _none: Parameters<NoParameters>,
    JsonBody(body): JsonBody<NewSessionView>,
) -> Result<Response, Problem> {
    if auth::tells_origin(&parts.headers) {
        auth::refuse_cross_site(&parts.method, &parts.headers, state.settings().public_url.as_ref())?;
    }
    let principal = match (&body.token, &body.code) {
        (Some(token), None) => {
            let address = auth::address(&parts.extensions, &parts.headers, &state.settings().trusted_proxies);
            state.access().verify(token.trim(), address).await?
        }
        (None, Some(code)) => state.access().spend_code(code.trim()).await?,
        _ => {
            return Err(Problem::new(Code::InvalidBody)
                .with_detail("a session is begun with one of `token` and `code`")
                .with_field("token", "give this, or `code`"));
        }
    };
    let Caller { principal, actor } = Caller::new(principal, &parts, &state);
    let mut conn = state.connection().await?;
    let mut tx = conn.begin().await.map_err(slipway_store::StoreError::from)?;
    let created = state.access().sessions.create(&mut tx, &principal).await?;
    let (secret, expires_at) = created.ok_or_else(|| Problem::new(Code::Internal))?;
    record(&mut tx, &actor, "session.create", None, json!({}), state.clock().now()).await?;
    tx.commit().await.map_err(slipway_store::StoreError::from)?;
    let lasts = (expires_at - state.clock().now()).whole_seconds();
    let cookie = auth::set_cookie(&secret, lasts, is_secure(&state, &parts));
    let view = SessionView {
        principal: principal.name.to_string(),
        expires_at,
    };
    let mut response = (StatusCode::CREATED, json_response(to_json(&view)?)).into_response();
    let headers = response.headers_mut();
    headers.insert(header::CACHE_CONTROL, HeaderValue::from_static("no-store"));
    if let Some(cookie) = cookie {
        headers.insert(header::SET_COOKIE, cookie);
    }
    Ok(response)
}
