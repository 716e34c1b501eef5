//! `/annotations`

pub(crate) mod list;
