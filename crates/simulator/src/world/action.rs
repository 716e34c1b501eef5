//! Asynchronous actions of Cloud 66: what a redeploy or a command on a stack leaves behind.

use serde::{Deserialize, Serialize};
use time::OffsetDateTime;

/// One asynchronous action of a stack.
#[derive(Debug, Clone, Serialize, Deserialize)]
pub(crate) struct Action {
    pub(crate) id: u64,
    pub(crate) command: String,
    /// The deployment that a redeploy made; the action ends with it.
    pub(crate) deployment: Option<u64>,
    pub(crate) user_reference: Option<String>,
    #[serde(with = "time::serde::timestamp::milliseconds")]
    pub(crate) started_at: OffsetDateTime,
    /// When an action without a deployment ends.
    #[serde(with = "time::serde::timestamp::milliseconds::option")]
    pub(crate) finishes_at: Option<OffsetDateTime>,
}
