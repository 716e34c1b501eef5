#![doc = include_str!("../README.md")]

mod answer;
mod body;
mod budget;
mod calls;
mod client;
mod durations;
mod headers;
mod hosts;
pub mod lenient;
mod request;
mod retry;
mod sanitize;
mod secret;
mod settings;
pub mod timestamp;
mod tls;
mod trace;

pub use answer::Answer;
pub use calls::{CallBook, Calls};
pub use client::Client;
pub use durations::{DurationCounts, Durations};
pub use hosts::is_loopback;
pub use http::Method;
pub use request::{Auth, Request};
pub use sanitize::{sanitize, without_url_secrets};
pub use secret::Secret;
pub use settings::{ClientSettings, ConfigError};
pub use slipway_core::budget::{RateLimit, Throttle, WindowKind};
pub use tls::install_crypto_provider;
pub use url::Url;
