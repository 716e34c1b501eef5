//! What happens around every handler.

mod audit_refusals;
mod authenticate;
mod cors;
mod limits;
mod measure;
mod open_access;
mod problems;
mod scope;

pub(crate) use audit_refusals::{Asked, Audited, audit_refusals};
pub(crate) use authenticate::{authenticate, principal_of};
pub(crate) use cors::cors;
pub(crate) use limits::{limit, limit_uri};
pub(crate) use measure::measure;
pub(crate) use open_access::guard_open_access;
pub(crate) use problems::{RequestId, handle_panic, problems};
pub(crate) use scope::require;
