//! `/previews`

pub(crate) mod create;
