#![doc = include_str!("../README.md")]

mod extract;
mod freshness;
mod listing;
mod middleware;
mod openapi;
mod position;
mod problem;
mod router;
mod routes;
mod serve;
mod sse;
mod state;
mod tokens;

pub use openapi::{Untranslatable, openapi, openapi_compat_json, openapi_json};
pub use problem::{Code, Problem};
pub use router::router;
pub use serve::serve;
pub use state::{AppState, ServerSettings, Services, TaskStatuses};
pub use tokens::{Principal, Scope, Token, Tokens};
