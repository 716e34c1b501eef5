//! `/stream-tickets`

pub(crate) mod create;
