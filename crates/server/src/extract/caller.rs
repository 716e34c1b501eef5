//! Who asks, with all that the audit log wants to know.

use axum::extract::FromRequestParts;
use http::request::Parts;

use crate::auth::{self, Actor, Principal};
use crate::middleware::RequestId;
use crate::problem::{Code, Problem};
use crate::state::AppState;

/// Who asks. Only below `middleware::authenticate`.
#[derive(Debug)]
pub(crate) struct Caller {
    pub(crate) principal: Principal,
    pub(crate) actor: Actor,
}

impl Caller {
    /// Whoever sends this request, once it is known who that is.
    pub(crate) fn new(principal: Principal, parts: &Parts, state: &AppState) -> Self {
        let actor = Actor {
            principal_id: principal.id.to_string(),
            principal: principal.name.to_string(),
            request_id: parts.extensions.get::<RequestId>().map(|id| id.0.to_string()),
            client_address: auth::address(&parts.extensions, &parts.headers, &state.settings().trusted_proxies),
        };
        Self { principal, actor }
    }
}

impl FromRequestParts<AppState> for Caller {
    type Rejection = Problem;

    async fn from_request_parts(parts: &mut Parts, state: &AppState) -> Result<Self, Problem> {
        let principal = parts.extensions.get::<Principal>().cloned();
        let principal = principal.ok_or_else(|| Problem::new(Code::Unauthenticated))?;
        Ok(Self::new(principal, parts, state))
    }
}
