//! `/applications`

pub(crate) mod get;
pub(crate) mod list;
pub(crate) mod list_deployments;
