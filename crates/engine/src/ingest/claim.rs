//! Whose deployment is it that the provider shows? One that a write of ours may have made is not taken for another's.

use std::collections::HashMap;

use slipway_core::provider::{UnansweredCall, Write};
use slipway_core::{Application, Authority, Deployment, DeploymentObservation};
use slipway_store::intents::{self, Intent, IntentState};
use slipway_store::{PgConnection, StoreError, deployments};
use time::Duration;
use uuid::Uuid;

use super::Batch;
use crate::context::Context;

/// For so long after its call a deployment can be claimed.
pub(crate) const CLAIM_WITHIN: Duration = Duration::hours(24);

/// Where an observation with an id that is not known belongs.
#[derive(Debug)]
pub(super) enum Place {
    /// A call that it could belong to is in flight: the answer may name it.
    Wait,
    /// To this intent, which published this deployment.
    Of(Uuid, Box<Deployment>),
}

impl Place {
    fn of(intent: &Intent, deployment: Deployment) -> Self {
        Self::Of(intent.new.id, Box::new(deployment))
    }
}

/// The places of those observations that do not make a deployment of their own. The caller holds the application's lock.
pub(super) async fn places(
    context: &Context,
    conn: &mut PgConnection,
    application: &Application,
    batch: &Batch,
    stored: &HashMap<String, Deployment>,
) -> Result<HashMap<String, Place>, StoreError> {
    let mut places = HashMap::new();
    let is_new = |observation: &&DeploymentObservation| !stored.contains_key(&observation.provider_deployment_id);
    // Providers list the newest first; the oldest intent belongs to the oldest deployment.
    let new: Vec<_> = batch.observations.iter().rev().filter(is_new).collect();
    if new.is_empty() {
        return Ok(places);
    }
    let (Some(provider), mut open) = (
        context.setup.provider(&application.account),
        intents::list_open(conn, application.id).await?,
    ) else {
        return Ok(places);
    };
    let since = context.database_now() - CLAIM_WITHIN;
    open.retain(|intent| intent.state == IntentState::Calling || intent.calling_at.is_some_and(|at| at > since));
    for observation in new {
        let fits = |intent: &&Intent| {
            let call = intent.calling_at.map(|calling_at| UnansweredCall {
                calling_at,
                highest_known_id: intent.highest_known_id.as_deref(),
                git_ref: asked_ref(&intent.new.request),
            });
            call.is_some_and(|call| provider.may_result_from(observation, &call))
        };
        // A frame tells too little to judge by; the read that follows it tells more.
        let is_frame = observation.state.authority == Authority::Stream && !open.is_empty();
        let in_flight = open.iter().filter(|intent| intent.state == IntentState::Calling);
        let key = || observation.provider_deployment_id.clone();
        if is_frame || in_flight.clone().any(|intent| fits(&intent)) {
            places.insert(key(), Place::Wait);
            continue;
        }
        let claimable = |intent: &&Intent| intent.state == IntentState::Claimable;
        let Some(index) = open.iter().position(|intent| claimable(&intent) && fits(&intent)) else {
            continue;
        };
        let intent = open.remove(index);
        let Some(id) = intent.new.deployment_id else { continue };
        if let Some(row) = deployments::find(conn, id).await?
            && row.provider_deployment_id.is_none()
        {
            places.insert(key(), Place::of(&intent, row));
        }
    }
    Ok(places)
}

/// The revision that was asked for, as the provider will show it.
fn asked_ref(write: &Write) -> Option<&str> {
    match write {
        Write::Trigger(request) => request.git_ref.as_deref(),
        Write::Redeploy(revision) | Write::Rollback(revision) => {
            revision.git_sha.as_deref().or(revision.git_ref.as_deref())
        }
        Write::Cancel { .. } => None,
    }
}
