//! `/providers`

pub(crate) mod list;
