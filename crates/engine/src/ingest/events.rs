//! Which events a change makes: one for each axis that changed, in a fixed order, all with the same version and body.

use slipway_core::{Application, Deployment, EventType, Status};
use slipway_store::event_log::NewEvent;
use time::OffsetDateTime;

use super::plan::Draft;

/// The events of one changed deployment, whose public JSON is `body` now.
pub(super) fn of_deployment(draft: &Draft, body: &str) -> Vec<NewEvent> {
    let deployment = &draft.deployment;
    let changes = &draft.changes;
    let mut types = Vec::new();
    match &draft.before {
        None => {
            types.push(EventType::DeploymentCreated);
            types.extend(of_status(deployment));
        }
        Some(_) if changes.corrected => types.push(EventType::DeploymentCorrected),
        Some(before) => {
            let finished = deployment.tracked.state.is_finished && !before.tracked.state.is_finished;
            if changes.previous_status.is_some() || finished {
                types.extend(of_status(deployment));
            } else if changes.phase && !deployment.tracked.state.is_finished {
                types.push(EventType::DeploymentPhaseChanged);
            }
        }
    }
    if draft.went_live() {
        types.push(EventType::DeploymentWentLive);
    }
    if draft.was_superseded() {
        types.push(EventType::DeploymentSuperseded);
    }
    if changes.rolled_back {
        types.push(EventType::DeploymentRolledBack);
    }
    if types.is_empty() {
        types.push(EventType::DeploymentUpdated);
    }
    types.into_iter().map(|r#type| event(draft, r#type, body)).collect()
}

/// The event of an application whose newest or live deployment moved, or whose history was stored.
pub(super) fn of_application(application: &Application, has_history: bool) -> NewEvent {
    let r#type = if has_history {
        EventType::ApplicationHistoryChanged
    } else {
        EventType::ApplicationUpdated
    };
    about_application(application, r#type)
}

/// An event about an application alone.
pub(crate) fn about_application(application: &Application, r#type: EventType) -> NewEvent {
    NewEvent {
        r#type,
        occurred_at: None,
        application_id: Some(application.id),
        deployment_id: None,
        provider: Some(application.provider.to_string()),
        account: Some(application.account.to_string()),
        environment: application.environment.clone(),
        status: None,
        previous_status: None,
        observed_via: None,
        reason: None,
        deployment: None,
    }
}

/// Fields of a deployment changed that no observation decides; its public JSON is `body` now.
pub(crate) fn of_restamped(deployment: &Deployment, body: &str) -> NewEvent {
    about_deployment(deployment, EventType::DeploymentUpdated, body)
}

fn about_deployment(deployment: &Deployment, r#type: EventType, body: &str) -> NewEvent {
    NewEvent {
        r#type,
        occurred_at: None,
        application_id: Some(deployment.application_id),
        deployment_id: Some(deployment.id),
        provider: Some(deployment.provider.to_string()),
        account: Some(deployment.account.to_string()),
        environment: deployment.environment.clone(),
        status: Some(deployment.tracked.status()),
        previous_status: None,
        observed_via: Some(deployment.observed_via),
        reason: None,
        deployment: Some(body.to_owned()),
    }
}

/// When the provider says that the present state began.
pub(super) fn time_of_state(deployment: &Deployment) -> Option<OffsetDateTime> {
    let details = &deployment.tracked.details;
    match deployment.tracked.status() {
        Status::Queued => details.queued_at,
        Status::InProgress => details.started_at,
        Status::Succeeded | Status::Failed | Status::Canceled => deployment.tracked.finished_at,
        Status::Unknown => deployment
            .tracked
            .finished_at
            .filter(|_| deployment.tracked.state.is_finished),
    }
}

fn of_status(deployment: &Deployment) -> Option<EventType> {
    match deployment.tracked.status() {
        Status::Queued => Some(EventType::DeploymentQueued),
        Status::InProgress => Some(EventType::DeploymentStarted),
        _ if deployment.tracked.state.is_finished => Some(EventType::DeploymentFinished),
        _ => None,
    }
}

fn event(draft: &Draft, r#type: EventType, body: &str) -> NewEvent {
    let deployment = &draft.deployment;
    let tells_status = matches!(
        r#type,
        EventType::DeploymentQueued
            | EventType::DeploymentStarted
            | EventType::DeploymentFinished
            | EventType::DeploymentCorrected
    );
    NewEvent {
        occurred_at: match r#type {
            EventType::DeploymentCreated => deployment.tracked.details.created_at,
            EventType::DeploymentRolledBack => deployment.tracked.details.rolled_back_at,
            _ if tells_status => time_of_state(deployment),
            _ => None,
        },
        previous_status: draft.changes.previous_status.filter(|_| tells_status),
        reason: deployment.tracked.state.failure_reason.clone().filter(|_| tells_status),
        ..about_deployment(deployment, r#type, body)
    }
}
