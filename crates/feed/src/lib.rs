#![doc = include_str!("../README.md")]

mod applications;
mod batch;
mod feed;
mod figures;
mod filter;
mod frame;
mod interest;
mod log_page;
mod log_tail;
mod place;
mod push;
mod reader;
mod replay;
mod ring;
mod snapshot;
mod subscription;
mod watch;

pub use applications::ApplicationIndex;
pub use batch::{Batch, Next, Reset, ResetReason};
pub use feed::{Feed, FeedSettings};
pub use figures::FeedFigures;
pub use filter::Filter;
pub use frame::{Frame, Keys, write_control};
pub use log_page::write_log_control;
pub use log_tail::{LogEnd, LogFollower, LogNext, LogTails};
pub use place::Sink;
pub use snapshot::Snapshot;
pub use subscription::Subscription;
pub use watch::Watch;
