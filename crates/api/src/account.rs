//! The Account resource: a configured connection to a provider.

use serde::{Deserialize, Serialize};
use time::OffsetDateTime;
use utoipa::ToSchema;

use crate::freshness::{FreshnessView, ListFreshnessView};

/// What a provider lets the gateway ask in its present window.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[schema(as = RateBudget)]
pub struct RateBudgetView {
    /// Requests in a whole window.
    pub limit: i32,
    /// Requests left in this one.
    pub remaining: i32,
    /// When the next window begins, where that is known.
    #[schema(required = true)]
    #[serde(with = "time::serde::rfc3339::option")]
    pub resets_at: Option<OffsetDateTime>,
}

/// What an account's credentials turned out not to allow.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[schema(as = WriteFault)]
pub struct WriteFaultView {
    /// For programs. An open list: `unauthenticated`, `permission_denied`.
    #[schema(examples("permission_denied"))]
    pub code: String,
    /// For people.
    pub message: String,
    /// When it was met.
    #[serde(with = "time::serde::rfc3339")]
    pub at: OffsetDateTime,
}

/// Why a provider is not asked at present.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[schema(as = Circuit)]
pub struct CircuitView {
    /// For programs. An open list: `open` (nobody asks), `half_open` (one request finds out whether the provider is back).
    #[schema(examples("open"))]
    pub state: String,
    /// For programs. An open list: `rate_limited` (the provider throttles), `unavailable` (it failed several times in a row).
    #[schema(examples("unavailable"))]
    pub reason: String,
    /// Since when.
    #[serde(with = "time::serde::rfc3339")]
    pub since: OffsetDateTime,
    /// When one request finds out whether it is over.
    #[serde(with = "time::serde::rfc3339")]
    pub next_probe_at: OffsetDateTime,
}

/// A configured connection to a provider.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[schema(as = Account)]
pub struct AccountView {
    /// Its name, which is its identity.
    pub name: String,
    /// The kind of platform. An open list.
    pub provider: String,
    /// How many applications it sees, archived ones left out.
    pub application_count: i64,
    /// How far what it shows can be trusted.
    pub freshness: FreshnessView,
    /// What is left of the provider's rate limit; null where it is not known.
    #[schema(required = true)]
    pub rate_budget: Option<RateBudgetView>,
    /// Why the provider is not asked at present; null while it is.
    #[serde(default)]
    #[schema(required = true)]
    pub circuit: Option<CircuitView>,
    /// What the last write met that the provider did not let the account do; null once one was accepted.
    #[serde(default)]
    #[schema(required = true)]
    pub write_fault: Option<WriteFaultView>,
}

/// All accounts.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct AccountList {
    /// By name.
    pub items: Vec<AccountView>,
    /// Always null: the list is complete.
    #[schema(required = true)]
    pub next_cursor: Option<String>,
    /// The position in the event log that this list shows.
    pub event_cursor: String,
    /// How far this list can be trusted.
    pub freshness: ListFreshnessView,
}
