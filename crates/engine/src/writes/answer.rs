//! What a caller is told, and how it is kept for the same request again.

use serde::{Deserialize, Serialize};
use slipway_core::DeploymentId;
use slipway_store::StoreError;
use slipway_store::intents::Intent;

use super::{Refusal, WriteError};

/// The answer of a write.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Reply {
    /// It was made, or nobody knows.
    Deployment {
        /// The deployment that it made, or that it stopped.
        id: DeploymentId,
        /// Its public JSON as it was then.
        body: String,
        /// Whether this is the answer of an earlier request with the same key.
        is_replay: bool,
    },
    /// The provider refused it.
    Refused {
        /// Why.
        refusal: Refusal,
        /// Whether this is the answer of an earlier request with the same key.
        is_replay: bool,
    },
}

/// The answer as it is stored.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(tag = "kind", rename_all = "snake_case")]
pub(super) enum StoredAnswer {
    /// The deployment with its public JSON, as text, so that the same bytes come back.
    Deployment {
        id: DeploymentId,
        body: String,
    },
    Refused(Refusal),
}

impl StoredAnswer {
    pub(super) fn reply(self, is_replay: bool) -> Reply {
        match self {
            Self::Deployment { id, body } => Reply::Deployment { id, body, is_replay },
            Self::Refused(refusal) => Reply::Refused { refusal, is_replay },
        }
    }
}

/// The answer that an intent holds.
///
/// # Errors
/// [`WriteError::InFlight`] while it holds none.
pub(super) fn reply(intent: &Intent, is_replay: bool) -> Result<Reply, WriteError> {
    let Some(answer) = intent.answer.clone() else {
        return Err(WriteError::InFlight);
    };
    let answer: StoredAnswer = serde_json::from_value(answer).map_err(|error| {
        let what = format!("the answer of {} is not understood: {error}", intent.new.id);
        WriteError::from(StoreError::Inconsistent { table: "intents", what })
    })?;
    Ok(answer.reply(is_replay))
}
