//! From requests to values: parameters, ids, page cursors. What does not fit is refused by name, never ignored.

mod body;
mod caller;
mod comma;
mod filter;
mod page_cursor;
mod query;
mod repeated;
mod resource_id;
mod write;

pub(crate) use body::JsonBody;
pub(crate) use caller::Caller;
pub(crate) use comma::{Limit, LineCount, values};
pub(crate) use filter::{Instant, Labelled, ShaPrefix, Words};
pub(crate) use page_cursor::PageCursor;
pub(crate) use query::Parameters;
pub(crate) use resource_id::{ResourceId, ResourceName};
pub(crate) use write::{IfMatch, WriteRequest};
