//! The deployment that a call made, as it is published: under the id that its intent reserved.

use slipway_core::observation::Asked;
use slipway_core::provider::Write;
use slipway_core::state::reason;
use slipway_core::{
    Application, Authority, DeploymentDetails, DeploymentId, DeploymentObservation, State, Status, Tracked, Via,
};
use slipway_store::intents::Intent;
use slipway_store::{PgConnection, StoreError, deployments};
use time::OffsetDateTime;

use super::outcome::Outcome;
use crate::ingest::{Plan, Seat, outcome_unknown};

/// What an outcome makes of the application's deployments, and which one the answer names.
pub(super) async fn plan(
    conn: &mut PgConnection,
    application: Application,
    intent: &Intent,
    outcome: &Outcome,
    called_at: OffsetDateTime,
    now: OffsetDateTime,
) -> Result<(Plan, Option<DeploymentId>), StoreError> {
    let named = match outcome {
        Outcome::Accepted(accepted) => accepted.deployment.as_ref(),
        _ => None,
    };
    let keys: Vec<String> = named.iter().map(|named| named.provider_deployment_id.clone()).collect();
    let known = deployments::find_by_provider_ids(conn, application.id, &keys).await?;
    let known_id = known.values().next().map(|known| known.id);
    let mut plan = Plan::new(application, known, now);
    if matches!(outcome, Outcome::Refused(..)) {
        return Ok((plan, None));
    }
    if let Write::Cancel { .. } = intent.new.request {
        let target = match intent.new.target {
            Some(id) => deployments::find(conn, id).await?,
            None => None,
        };
        let id = target.as_ref().map(|target| target.id);
        if let Some(target) = target.filter(|target| target.tracked.cancel_requested_at.is_none()) {
            plan.request_cancel(target, called_at);
        }
        return Ok((plan, id));
    }
    let Some(reserved) = intent.new.deployment_id else {
        return Ok((plan, None));
    };
    let seat = Seat {
        id: reserved,
        created_at: intent.new.created_at,
        rollback_of_id: intent
            .new
            .target
            .filter(|_| matches!(intent.new.request, Write::Rollback(_))),
    };
    match (outcome, named, known_id) {
        // Somebody published it meanwhile. Two published rows are never merged, so that one is the answer.
        (_, Some(named), Some(known)) => {
            plan.observe(named, asked(called_at));
            return Ok((plan, Some(known)));
        }
        (_, Some(named), None) => plan.publish_named(&seat, &completed(named, intent), asked(called_at)),
        (Outcome::Unknown, ..) => plan.publish_unnamed(&seat, tracked(intent, outcome_unknown(false), called_at)),
        (Outcome::NeverSent, ..) => {
            let never_sent = State {
                failure_reason: Some(reason::NEVER_SENT.to_owned()),
                ..State::new(Status::Canceled, Authority::Rest)
            };
            plan.publish_unnamed(&seat, tracked(intent, never_sent, called_at));
        }
        _ => plan.publish_unnamed(
            &seat,
            tracked(intent, State::new(Status::Queued, Authority::Rest), called_at),
        ),
    }
    Ok((plan, Some(reserved)))
}

pub(super) fn asked(at: OffsetDateTime) -> Asked {
    Asked {
        via: Via::Write,
        at,
        is_correction: false,
    }
}

/// What the provider's answer leaves out and the request tells.
fn completed(named: &DeploymentObservation, intent: &Intent) -> DeploymentObservation {
    use slipway_core::deployment::Merge;
    let mut named = named.clone();
    named.details.fill(&details(intent));
    named
}

fn tracked(intent: &Intent, state: State, at: OffsetDateTime) -> Tracked {
    Tracked {
        state,
        state_asked_at: at,
        finished_at: None,
        details: details(intent),
        details_asked_at: at,
        corrected_at: None,
        cancel_requested_at: None,
    }
}

/// What the request tells of the deployment that it makes.
fn details(intent: &Intent) -> DeploymentDetails {
    let mut details = DeploymentDetails::default();
    details.trigger.kind = Some("api".to_owned());
    let services = match &intent.new.request {
        Write::Trigger(request) => {
            details.git.r#ref.clone_from(&request.git_ref);
            request.services.clone()
        }
        Write::Redeploy(revision) | Write::Rollback(revision) => {
            details.git.r#ref.clone_from(&revision.git_ref);
            details.git.sha.clone_from(&revision.git_sha);
            revision.services.clone()
        }
        Write::Cancel { .. } => Vec::new(),
    };
    details.services = (!services.is_empty()).then_some(services);
    details
}
