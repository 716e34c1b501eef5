//! The client against servers that misbehave.
#![expect(clippy::unwrap_used, reason = "a test that cannot go on says so by panicking")]

mod client;
mod server;
mod shared;
mod write;
