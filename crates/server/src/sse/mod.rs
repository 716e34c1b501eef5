//! Live streams: what goes over the wire, and how many of them there may be.

mod counter;
mod live;
mod log_stream;
mod outlet;
mod stream;

use std::time::Duration;

use http::HeaderName;
use tokio::time::{Instant, Interval, MissedTickBehavior};

pub(crate) use counter::{StreamCounter, StreamPermit};
pub(crate) use live::{Handover, Live, Piece};
pub(crate) use log_stream::LogStream;
pub(crate) use outlet::Outlet;
pub(crate) use stream::{Begin, EventStream};

/// From where a client that comes back goes on.
pub(crate) const LAST_EVENT_ID: HeaderName = HeaderName::from_static("last-event-id");

/// In what range a client's pause before it reconnects is drawn, so that clients do not all come back at once.
const RETRY_MS: std::ops::RangeInclusive<u32> = 1_000..=5_000;

/// Lines of the first block: parsers differ in what they do with a block that holds only such lines.
fn preamble() -> Vec<u8> {
    let mut lines = b": slipway\n".to_vec();
    lines.extend_from_slice(&retry());
    lines
}

/// When the client is to come back; a line of a block.
fn retry() -> Vec<u8> {
    format!("retry: {}\n", rand::random_range(RETRY_MS)).into_bytes()
}

/// When a stream says that it is alive. The first time comes somewhat earlier, so that clients that came together do not stay
/// together.
fn heartbeat(period: Duration) -> Interval {
    let period = period.max(Duration::from_millis(1));
    let first = Instant::now() + period.mul_f64(rand::random_range(0.5..=1.0));
    let mut heartbeat = tokio::time::interval_at(first, period);
    heartbeat.set_missed_tick_behavior(MissedTickBehavior::Delay);
    heartbeat
}
