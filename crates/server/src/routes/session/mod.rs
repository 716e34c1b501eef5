//! `/session`

pub(crate) mod create;
pub(crate) mod end;

use http::request::Parts;

use crate::auth;
use crate::state::AppState;

/// Whether a browser may send the cookie over encrypted connections only: always, but for a gateway that it reaches on its
/// own machine.
fn is_secure(state: &AppState, parts: &Parts) -> bool {
    match &state.settings().public_url {
        Some(url) => url.scheme() == "https",
        None => auth::is_forwarded(&parts.headers) || !auth::is_loopback_host(&parts.headers, &parts.uri),
    }
}
