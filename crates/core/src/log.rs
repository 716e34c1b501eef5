//! What is known of a deployment's log, the text apart.

use serde::{Deserialize, Serialize};

/// How far a deployment's log is stored.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Default, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum LogState {
    /// Not in its final form: nothing of it, or what was followed so far.
    #[default]
    Open,
    /// The final text is stored.
    Complete,
    /// The provider has none.
    Missing,
}

impl LogState {
    /// The spelling in the database.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Open => "open",
            Self::Complete => "complete",
            Self::Missing => "missing",
        }
    }

    /// The state with this spelling.
    pub fn parse(text: &str) -> Option<Self> {
        [Self::Open, Self::Complete, Self::Missing]
            .into_iter()
            .find(|state| state.as_str() == text)
    }
}
