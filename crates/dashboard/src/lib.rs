#![doc = include_str!("../README.md")]

mod files;
mod pages;

pub use files::{File, files};
pub use pages::{PAGES, router};
