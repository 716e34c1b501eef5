//! `GET /metrics`: for Prometheus. With the scope `admin`, or on a listener of its own.

use axum::extract::State;
use axum::response::{IntoResponse, Response};
use http::request::Parts;
use http::{HeaderValue, header};

use crate::auth::Scope;
use crate::metrics::{self, CONTENT_TYPE};
use crate::middleware::principal_of;
use crate::monitored::Monitored;
use crate::problem::{Code, Problem};
use crate::state::AppState;

/// On the listener of the API.
pub(crate) async fn metrics(State(state): State<AppState>, parts: Parts) -> Result<Response, Problem> {
    let principal = principal_of(&state, &parts.extensions, &parts.headers).await?;
    let principal = principal.ok_or_else(|| {
        Problem::new(Code::Unauthenticated)
            .with_detail("this needs a token with the scope `admin`, or a listener of its own (`metrics.listen`)")
            .with_header(
                header::WWW_AUTHENTICATE,
                HeaderValue::from_static("Bearer realm=\"slipway\""),
            )
    })?;
    principal.require(Scope::Admin)?;
    Ok(answer(&state.monitored()).await)
}

/// On a listener of its own.
pub(crate) async fn metrics_of(State(monitored): State<Monitored>) -> Response {
    answer(&monitored).await
}

async fn answer(monitored: &Monitored) -> Response {
    let headers = [
        (header::CONTENT_TYPE, HeaderValue::from_static(CONTENT_TYPE)),
        (header::CACHE_CONTROL, HeaderValue::from_static("no-store")),
    ];
    (headers, metrics::text(monitored).await).into_response()
}
