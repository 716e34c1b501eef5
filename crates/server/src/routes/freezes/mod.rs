//! `/freezes`

pub(crate) mod list;
