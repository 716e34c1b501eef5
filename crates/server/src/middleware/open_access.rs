//! Open access stays on this machine.

use axum::extract::Request;

use crate::auth::{is_forwarded, is_loopback_host};
use crate::problem::{Code, Problem};
use crate::state::AppState;

/// Where access is open, refuses what a page elsewhere could have a browser send (under a name of its own that leads to this
/// machine), and what came through a proxy, behind which anybody may be.
pub(crate) fn guard_open_access(state: &AppState, request: &Request) -> Result<(), Problem> {
    if !state.settings().open_access {
        return Ok(());
    }
    let detail = if is_forwarded(request.headers()) {
        "requests that a proxy hands on are refused while access is open: configure tokens and turn it off"
    } else if !is_loopback_host(request.headers(), request.uri()) {
        "while access is open the gateway answers to localhost only: configure tokens and turn it off"
    } else {
        return Ok(());
    };
    Err(Problem::new(Code::OpenAccessRefused).with_detail(detail))
}
