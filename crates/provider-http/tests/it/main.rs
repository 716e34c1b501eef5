//! The client against servers that misbehave.

mod client;
mod server;
