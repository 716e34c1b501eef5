//! What can be done, and why the rest cannot.

use serde::{Deserialize, Serialize};
use utoipa::ToSchema;

/// An action that cannot be taken now.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[schema(as = BlockedAction)]
pub struct BlockedActionView {
    /// The action. An open list: `trigger`, `redeploy`, `cancel`, `rollback`.
    #[schema(examples("cancel"))]
    pub action: String,
    /// Why not, for programs. An open list.
    #[schema(examples("capability_not_supported"))]
    pub code: String,
    /// Why not, for people.
    #[schema(examples("`cancel` is not available for this provider"))]
    pub reason: String,
}

/// Sorts `actions` into those that can be taken and those that cannot. Decided by state and capability only: who asks and
/// when is told elsewhere, so that the bytes are the same for every caller.
pub(crate) fn sort(actions: &[(&str, bool)]) -> (Vec<String>, Vec<BlockedActionView>) {
    let (mut allowed, mut blocked) = (Vec::new(), Vec::new());
    for (action, supported) in actions {
        if *supported {
            allowed.push((*action).to_owned());
        } else {
            blocked.push(BlockedActionView {
                action: (*action).to_owned(),
                code: "capability_not_supported".to_owned(),
                reason: format!("`{action}` is not available for this provider"),
            });
        }
    }
    (allowed, blocked)
}
