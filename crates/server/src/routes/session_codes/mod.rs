//! `/session-codes`

pub(crate) mod create;
