//! The adapter as its users see it: what becomes of payloads, what it does over HTTP, and the live stream.
#![expect(clippy::unwrap_used, reason = "a test that cannot go on says so by panicking")]

mod http;
mod normalize;
mod platform;
mod simulator;
mod stream;
mod write;
