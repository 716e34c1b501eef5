//! `/board`

pub(crate) mod get;
