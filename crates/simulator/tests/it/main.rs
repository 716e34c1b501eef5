//! The simulator as its users meet it: over HTTP and WebSocket, and through the handle on its world.

#![expect(clippy::unwrap_used, reason = "a test helper that fails should fail the test")]

mod client;
mod cloud66;
mod control;
mod faults;
mod samples;
mod scalingo;
mod state;
mod stream;
