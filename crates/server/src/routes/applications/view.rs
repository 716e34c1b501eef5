//! The public form of an application, and what of it makes an entity tag.

use slipway_api::ApplicationView;
use slipway_core::Application;
use slipway_store::deployments::DeploymentBody;
use slipway_store::sync_targets::FreshnessRow;

use super::parameters::Included;
use crate::freshness;
use crate::listing::{Member, splice, to_json_text};
use crate::problem::Problem;
use crate::state::AppState;

/// The public form of a row.
pub(super) fn view(state: &AppState, row: &Application, target: Option<&FreshnessRow>) -> ApplicationView {
    let provider = state.setup().provider(&row.account);
    // An account that is not configured any more can do nothing; its history stays.
    let capabilities = provider.map(|provider| provider.capabilities()).unwrap_or_default();
    ApplicationView::new(
        row,
        capabilities,
        freshness::of_application(target, state.clock().now()),
    )
}

/// The JSON of an application with what is included.
pub(super) fn json(
    view: &ApplicationView,
    included: Included,
    last: Option<&DeploymentBody>,
    live: Option<&DeploymentBody>,
) -> Result<String, Problem> {
    let mut members = Vec::new();
    if included.last {
        members.push(Member::new("last_deployment", last.map(|last| last.body.as_str())));
    }
    if included.live {
        members.push(Member::new("live_deployment", live.map(|live| live.body.as_str())));
    }
    Ok(splice(to_json_text(view)?, &members))
}

/// What a client would show differently: everything but the times of freshness.
pub(crate) fn version(view: &ApplicationView, last: Option<&DeploymentBody>, live: Option<&DeploymentBody>) -> String {
    format!(
        "{} {} {:?} {:?} {:?} {:?}",
        view.id,
        view.version,
        view.freshness.state,
        view.capabilities,
        last.map(|last| last.version),
        live.map(|live| live.version)
    )
}
