#![doc = include_str!("../README.md")]

mod auth;
mod extract;
mod freshness;
mod front;
mod gather;
mod hot;
mod listing;
mod metrics;
mod middleware;
mod monitored;
mod openapi;
mod position;
mod problem;
mod router;
mod routes;
mod serve;
mod shown;
mod sse;
mod state;

pub use auth::{
    Actor, Network, NewToken, Oidc, OidcRestrictions, OidcSettings, Principal, Scope, Scopes, Token, Tokens,
    create_token, record, revoke_token,
};
pub use front::Front;
pub use monitored::{Monitored, operations_router};
pub use openapi::{Untranslatable, openapi, openapi_compat_json, openapi_json};
pub use problem::{Code, Problem};
pub use router::{free_paths, router, undocumented_paths};
pub use routes::WebhookSecrets;
pub use serve::serve;
pub use state::{AppState, ServerSettings, Services, TaskStatuses};
