//! `/whoami`

pub(crate) mod get;
