//! What happens around every handler.

mod authenticate;
mod limits;
mod problems;

pub(crate) use authenticate::{authenticate, verify};
pub(crate) use limits::{limit, limit_uri};
pub(crate) use problems::{handle_panic, problems};
