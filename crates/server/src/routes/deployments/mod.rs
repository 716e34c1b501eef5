//! `/deployments`

pub(crate) mod get;
pub(crate) mod list;
pub(crate) mod logs;
pub(crate) mod parameters;
pub(crate) mod timeline;
