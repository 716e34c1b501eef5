//! `/deployments`

pub(crate) mod cancel;
pub(crate) mod get;
pub(crate) mod list;
pub(crate) mod logs;
pub(crate) mod parameters;
pub(crate) mod redeploy;
pub(crate) mod removed;
pub(crate) mod rollback;
pub(crate) mod timeline;
