#![doc = include_str!("../README.md")]

mod client;
mod error;
pub mod normalize;
mod options;
pub mod payload;
mod provider;
mod webhook;
mod write;

pub use options::Cloud66Options;
pub use provider::{Cloud66Provider, INFO, NAME};
