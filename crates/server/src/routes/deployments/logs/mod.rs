//! `/deployments/{deployment_id}/logs`

pub(crate) mod get;
pub(crate) mod range;
pub(crate) mod stream;

use slipway_core::provider::Capabilities;
use slipway_core::{Deployment, DeploymentId, LogState};
use slipway_store::{PgConnection, deployments, retention};
use uuid::Uuid;

use super::removed;
use crate::auth::Principal;
use crate::problem::{Code, Problem};
use crate::state::AppState;

/// The deployment whose log is asked for, if the caller sees it and there can be a log.
async fn find(
    state: &AppState,
    conn: &mut PgConnection,
    id: Uuid,
    principal: &Principal,
) -> Result<(Deployment, Capabilities), Problem> {
    let found = match deployments::is_visible(conn, id, &principal.visibility).await? {
        true => deployments::find(conn, DeploymentId(id)).await?,
        false => None,
    };
    let Some(deployment) = found else {
        return Err(removed::not_found(retention::find_history_horizon(conn).await?));
    };
    let provider = state.setup().provider(&deployment.account);
    let capabilities = provider.map(|provider| provider.capabilities()).unwrap_or_default();
    match deployment.log {
        LogState::Missing => Err(missing()),
        LogState::Open if !capabilities.read_logs && !capabilities.follow_logs => {
            let name = &deployment.provider;
            Err(Problem::new(Code::CapabilityNotSupported).with_detail(format!(
                "`{name}` gives no logs here; the deployment's `provider_url` opens it at the provider, and its timeline \
                 (`/deployments/{id}/timeline`) tells what it went through"
            )))
        }
        _ => Ok((deployment, capabilities)),
    }
}

fn missing() -> Problem {
    Problem::new(Code::LogNotFound).with_detail("the provider has no log of this deployment")
}

/// Whether the final text of a deployment is not stored and can be asked for.
fn can_be_fetched(deployment: &Deployment, capabilities: Capabilities) -> bool {
    deployment.log == LogState::Open
        && deployment.tracked.state.is_finished
        && deployment.provider_deployment_id.is_some()
        && capabilities.read_logs
}
