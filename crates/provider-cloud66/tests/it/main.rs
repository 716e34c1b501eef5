//! The adapter as its users see it: what becomes of payloads, and what it does over HTTP.

mod http;
mod normalize;
