//! The adapter as its users see it: what becomes of payloads, and what it does over HTTP.
#![expect(clippy::unwrap_used, reason = "a test that cannot go on says so by panicking")]

mod http;
mod normalize;
mod simulator;
mod write;
