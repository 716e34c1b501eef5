//! `/audit`

pub(crate) mod list;
