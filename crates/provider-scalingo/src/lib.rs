#![doc = include_str!("../README.md")]

mod auth;
mod client;
mod error;
pub mod normalize;
mod options;
pub mod payload;
mod provider;
mod source;
mod stream;
mod stream_urls;
mod webhook;
mod write;

pub use options::ScalingoOptions;
pub use provider::{INFO, NAME, ScalingoProvider};
pub use source::SourceUrlTemplate;
