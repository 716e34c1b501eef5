//! `/applications`

pub(crate) mod get;
pub(crate) mod list;
pub(crate) mod list_deployments;
pub(crate) mod page;
pub(crate) mod parameters;
pub(crate) mod refresh;
pub(crate) mod trigger;
pub(crate) mod view;
