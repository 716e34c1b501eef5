//! `POST /session-codes`

use axum::extract::State;
use axum::response::{IntoResponse, Response};
use http::{HeaderValue, StatusCode, header};
use serde_json::json;
use slipway_api::SessionCodeView;
use slipway_store::Acquire;

use crate::auth::record;
use crate::extract::{Caller, Parameters};
use crate::listing::{json_response, to_json};
use crate::problem::{Code, Problem};
use crate::routes::NoParameters;
use crate::state::AppState;

/// Create a code for a session
///
/// For screens on walls: the code buys one session, within 10 minutes, that sees what your token sees and may only look. Open
/// the dashboard there with `#code=…` at the end of its address.
#[utoipa::path(
    post,
    path = "/session-codes",
    operation_id = "createSessionCode",
    tag = "session",
    responses((status = 201, description = "A code, which buys one session.", body = SessionCodeView))
)]
pub(crate) async fn create_session_code(
    State(state): State<AppState>,
    Caller { principal, actor }: Caller,
    _none: Parameters<NoParameters>,
) -> Result<Response, Problem> {
    let mut conn = state.connection().await?;
    let mut tx = conn.begin().await.map_err(slipway_store::StoreError::from)?;
    let created = state.access().sessions.create_code(&mut tx, &principal).await?;
    let (code, expires_at) = created.ok_or_else(|| Problem::new(Code::Internal))?;
    record(
        &mut tx,
        &actor,
        "session_code.create",
        None,
        json!({}),
        state.clock().now(),
    )
    .await?;
    tx.commit().await.map_err(slipway_store::StoreError::from)?;
    let view = SessionCodeView { code, expires_at };
    let mut response = (StatusCode::CREATED, json_response(to_json(&view)?)).into_response();
    response
        .headers_mut()
        .insert(header::CACHE_CONTROL, HeaderValue::from_static("no-store"));
    Ok(response)
}
