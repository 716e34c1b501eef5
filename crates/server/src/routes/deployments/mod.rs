//! `/deployments`

pub(crate) mod get;
pub(crate) mod list;
pub(crate) mod parameters;
pub(crate) mod timeline;
