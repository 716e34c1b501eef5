//! `/events`

pub(crate) mod list;
pub(crate) mod stream;
