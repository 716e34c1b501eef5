#![doc = include_str!("../README.md")]

mod context;
pub mod ingest;
pub mod supervisor;

pub use context::Context;
