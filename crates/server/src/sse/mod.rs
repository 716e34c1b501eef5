//! Live streams: what goes over the wire, and how many of them there may be.

mod counter;
mod stream;

pub(crate) use counter::{StreamCounter, StreamPermit};
pub(crate) use stream::EventStream;
