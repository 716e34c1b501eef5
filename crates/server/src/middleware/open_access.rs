//! Open access stays on this machine.

use axum::extract::{Request, State};
use axum::middleware::Next;
use axum::response::{IntoResponse, Response};

use crate::auth::{is_forwarded, is_loopback_host};
use crate::problem::{Code, Problem};
use crate::state::AppState;

/// Where access is open, refuses what a page elsewhere could have a browser send (under a name of its own that leads to this
/// machine), and what came through a proxy, behind which anybody may be.
pub(crate) async fn guard_open_access(State(state): State<AppState>, request: Request, next: Next) -> Response {
    if !state.settings().open_access {
        return next.run(request).await;
    }
    let detail = if is_forwarded(request.headers()) {
        "requests that a proxy hands on are refused while access is open: configure tokens and turn it off"
    } else if !is_loopback_host(request.headers(), request.uri()) {
        "while access is open the gateway answers to localhost only: configure tokens and turn it off"
    } else {
        return next.run(request).await;
    };
    Problem::new(Code::OpenAccessRefused)
        .with_detail(detail)
        .into_response()
}
