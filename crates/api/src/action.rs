//! What can be done, and why the rest cannot.

use serde::{Deserialize, Serialize};
use slipway_core::provider::{Capabilities, Support};
use slipway_core::{Application, Deployment, Status};
use utoipa::ToSchema;

/// An action that cannot be taken now.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[schema(as = BlockedAction)]
pub struct BlockedActionView {
    /// The action. An open list: `trigger`, `redeploy`, `cancel`, `rollback`.
    #[schema(examples("cancel"))]
    pub action: String,
    /// Why not, for programs. An open list, the same as of problems: `capability_not_supported`, `already_finished`,
    /// `not_named_yet`, `not_succeeded`, `already_live`, `source_unknown`, `application_archived`.
    #[schema(examples("capability_not_supported"))]
    pub code: String,
    /// Why not, for people.
    #[schema(examples("`cancel` is not available for this provider"))]
    pub reason: String,
}

/// Why an action cannot be taken, for programs and for people.
type Block = (&'static str, String);

/// Sorts actions into those that can be taken and those that cannot. Decided by state and capability only: who asks and
/// when is told elsewhere, so that the bytes are the same for every caller.
fn sort(actions: Vec<(&str, Option<Block>)>) -> (Vec<String>, Vec<BlockedActionView>) {
    let (mut allowed, mut blocked) = (Vec::new(), Vec::new());
    for (action, block) in actions {
        match block {
            None => allowed.push(action.to_owned()),
            Some((code, reason)) => blocked.push(BlockedActionView {
                action: action.to_owned(),
                code: code.to_owned(),
                reason,
            }),
        }
    }
    (allowed, blocked)
}

fn unsupported(action: &str, support: Support) -> Option<Block> {
    let reason = || format!("`{action}` is not available for this provider");
    (!support.is_available()).then(|| ("capability_not_supported", reason()))
}

fn block(applies: bool, code: &'static str, reason: &str) -> Option<Block> {
    applies.then(|| (code, reason.to_owned()))
}

/// What can be done with an application.
pub(crate) fn of_application(
    application: &Application,
    capabilities: Capabilities,
) -> (Vec<String>, Vec<BlockedActionView>) {
    let is_archived = application.archived_at.is_some();
    let archived = || {
        let reason = "the provider does not have this application any more";
        block(is_archived, "application_archived", reason)
    };
    let trigger = unsupported("trigger", capabilities.trigger).or_else(archived);
    sort(vec![("trigger", trigger)])
}

/// What can be done with a deployment.
pub(crate) fn of_deployment(
    deployment: &Deployment,
    capabilities: Capabilities,
) -> (Vec<String>, Vec<BlockedActionView>) {
    let tracked = &deployment.tracked;
    let git = &tracked.details.git;
    let unknown_source = || {
        let is_unknown = git.sha.is_none() && git.r#ref.is_none() && git.branch.is_none();
        block(
            is_unknown,
            "source_unknown",
            "nobody knows what this deployment deployed",
        )
    };
    let cancel = unsupported("cancel", capabilities.cancel)
        .or_else(|| {
            block(
                tracked.state.is_finished,
                "already_finished",
                "the deployment has ended",
            )
        })
        .or_else(|| {
            let is_unnamed = deployment.provider_deployment_id.is_none();
            block(
                is_unnamed,
                "not_named_yet",
                "the provider has not named this deployment yet",
            )
        });
    let redeploy = unsupported("redeploy", capabilities.redeploy).or_else(unknown_source);
    let rollback = unsupported("rollback", capabilities.rollback)
        .or_else(|| {
            let has_failed = tracked.status() != Status::Succeeded;
            block(has_failed, "not_succeeded", "the deployment did not succeed")
        })
        .or_else(|| {
            let is_live = deployment.is_live == Some(true);
            block(is_live, "already_live", "the deployment is what runs now")
        })
        .or_else(unknown_source);
    sort(vec![("cancel", cancel), ("redeploy", redeploy), ("rollback", rollback)])
}
