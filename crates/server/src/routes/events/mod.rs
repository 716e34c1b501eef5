//! `/events`

pub(crate) mod list;
mod parameters;
pub(crate) mod stream;
