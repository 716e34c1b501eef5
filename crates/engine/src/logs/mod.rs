//! Logs of deployments: masked, followed while they grow, fetched when they are final, removed when they are old.

pub mod fetch;
mod lines;
pub(crate) mod live;
mod mask;
mod replay;
pub mod retention;
mod settle;
mod text;

use std::time::Duration;

pub use mask::{MASK, Masks};

/// What is kept of logs, and for how long.
#[derive(Debug, Clone)]
pub struct LogSettings {
    /// What is masked.
    pub masks: Masks,
    /// The longest text that is kept of one deployment, in bytes: of a longer one the beginning and the end.
    pub max_bytes: usize,
    /// How long a text is kept.
    pub keep_for: Duration,
    /// How long to wait after the first failure of a fetch; then twice as long each time.
    pub first_pause: Duration,
}

impl Default for LogSettings {
    fn default() -> Self {
        Self {
            masks: Masks::default(),
            max_bytes: 4 * 1024 * 1024,
            keep_for: Duration::from_secs(90 * 86_400),
            first_pause: Duration::from_secs(5),
        }
    }
}
