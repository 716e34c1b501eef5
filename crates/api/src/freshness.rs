//! How far what is shown can be trusted.

use serde::{Deserialize, Serialize};
use time::OffsetDateTime;
use utoipa::ToSchema;

/// The closed set of freshness states.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[serde(rename_all = "snake_case")]
pub enum FreshnessState {
    /// The last read succeeded and is recent.
    Fresh,
    /// No success for three times the polling interval in force.
    Stale,
    /// The first complete read is under way.
    Syncing,
    /// The last read failed; `reason` says how.
    Error,
    /// Never read with success.
    Never,
}

impl From<slipway_core::FreshnessState> for FreshnessState {
    fn from(state: slipway_core::FreshnessState) -> Self {
        match state {
            slipway_core::FreshnessState::Fresh => Self::Fresh,
            slipway_core::FreshnessState::Stale => Self::Stale,
            slipway_core::FreshnessState::Syncing => Self::Syncing,
            slipway_core::FreshnessState::Error => Self::Error,
            slipway_core::FreshnessState::Never => Self::Never,
        }
    }
}

/// How changes reach the gateway at present. A string of an open list in the document, so that clients survive a new word.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum FreshnessMode {
    /// Over the provider's live stream.
    Stream,
    /// By inbound webhooks.
    Webhook,
    /// By asking.
    Poll,
    /// A word that a later gateway has. Never sent by this one.
    #[serde(other)]
    Other,
}

impl From<slipway_core::FreshnessMode> for FreshnessMode {
    fn from(mode: slipway_core::FreshnessMode) -> Self {
        match mode {
            slipway_core::FreshnessMode::Stream => Self::Stream,
            slipway_core::FreshnessMode::Webhook => Self::Webhook,
            slipway_core::FreshnessMode::Poll => Self::Poll,
        }
    }
}

/// How far history has been read back.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[schema(as = Backfill)]
pub struct BackfillView {
    /// An open list: `pending`, `running`, `complete`.
    #[schema(examples("complete"))]
    pub state: String,
    /// The oldest deployment that was reached.
    #[schema(required = true)]
    #[serde(with = "time::serde::rfc3339::option")]
    pub oldest_at: Option<OffsetDateTime>,
}

/// How far one application or account can be trusted.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[schema(as = Freshness)]
pub struct FreshnessView {
    /// In one word.
    pub state: FreshnessState,
    /// The last read that succeeded.
    #[schema(required = true)]
    #[serde(with = "time::serde::rfc3339::option")]
    pub last_success_at: Option<OffsetDateTime>,
    /// The last read.
    #[schema(required = true)]
    #[serde(with = "time::serde::rfc3339::option")]
    pub last_attempt_at: Option<OffsetDateTime>,
    /// The next read.
    #[schema(required = true)]
    #[serde(with = "time::serde::rfc3339::option")]
    pub next_attempt_at: Option<OffsetDateTime>,
    /// How changes reach the gateway. An open list: `stream`, `webhook`, `poll`.
    #[schema(value_type = String, examples("poll"))]
    pub mode: FreshnessMode,
    /// What is wrong, when something is. An open list of short codes, a colon, and a sentence for people.
    #[schema(required = true)]
    pub reason: Option<String>,
    /// How far history has been read back.
    pub backfill: BackfillView,
}

/// The freshness of one account, as an entry of a list's.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[schema(as = AccountFreshness)]
pub struct AccountFreshnessView {
    /// The account.
    pub account: String,
    /// Its provider. An open list.
    pub provider: String,
    /// In one word.
    pub state: FreshnessState,
    /// The last read that succeeded.
    #[schema(required = true)]
    #[serde(with = "time::serde::rfc3339::option")]
    pub last_success_at: Option<OffsetDateTime>,
    /// What is wrong, when something is.
    #[schema(required = true)]
    pub reason: Option<String>,
}

/// The freshness of a list.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[schema(as = ListFreshness)]
pub struct ListFreshnessView {
    /// The worst state of the accounts in it.
    pub state: FreshnessState,
    /// One entry per account.
    pub accounts: Vec<AccountFreshnessView>,
    /// From when on history is whole: of deployments that ended before, only those are left that are live or the newest of
    /// their application. Null while nothing was removed.
    #[schema(required = true)]
    #[serde(default, with = "time::serde::rfc3339::option")]
    pub history_complete_since: Option<OffsetDateTime>,
}
