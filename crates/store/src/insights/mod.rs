//! Numbers over many deployments: which of them count, what comes out, and why the others are left out.
//!
//! A deployment belongs to the interval in which it was created: the only time that every deployment has and that never
//! changes, so each is in exactly one interval, and a list with the same window shows exactly those that were looked at.

mod calendar;
mod explain;
mod metric;
mod numbers;
mod scope;

pub use calendar::{Interval, Unit, find_today, list_intervals};
pub use explain::{ExplainQuery, ExplainedRow, LeftOutRow, list_explained, list_left_out};
pub use metric::Metric;
pub use numbers::{Group, Numbers, Spread, count};
pub use scope::{InsightScope, Window};
