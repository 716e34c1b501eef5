//! `/accounts`

pub(crate) mod list;
