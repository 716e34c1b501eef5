//! The adapter as its users see it: what becomes of payloads, what it does over HTTP, and the live stream.

mod http;
mod normalize;
mod platform;
mod stream;
