//! How far what we show can be trusted.

use serde::{Deserialize, Serialize};

/// The closed set of freshness states, worst last: a list shows the worst of the accounts in it.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum FreshnessState {
    /// The last read succeeded and is recent.
    Fresh,
    /// The first complete read is under way.
    Syncing,
    /// No success for three times the polling interval in force.
    Stale,
    /// Never read with success.
    Never,
    /// The last read failed; `reason` says how.
    Error,
}

impl FreshnessState {
    /// The public spelling.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Fresh => "fresh",
            Self::Syncing => "syncing",
            Self::Stale => "stale",
            Self::Never => "never",
            Self::Error => "error",
        }
    }
}

/// How changes reach us at present.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum FreshnessMode {
    /// Over the provider's live stream.
    Stream,
    /// By inbound webhooks.
    Webhook,
    /// By asking.
    Poll,
}

impl FreshnessMode {
    /// The public spelling.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Stream => "stream",
            Self::Webhook => "webhook",
            Self::Poll => "poll",
        }
    }
}
