//! Deployments that were asked for through the gateway: published with the id that their intent reserved, claimed by what
//! the provider later shows, canceled, or given up.

use slipway_core::observation::Asked;
use slipway_core::state::reason;
use slipway_core::transition::Changes;
use slipway_core::{
    ApplicationId, Authority, Deployment, DeploymentId, DeploymentObservation, Outcome, State, Status, Tracked, Via,
    transition,
};
use time::OffsetDateTime;

use super::plan::{Draft, Plan};

/// What is known of a new deployment before anybody has looked at it.
#[derive(Debug, Clone)]
pub(crate) struct Seat {
    /// Its id.
    pub(crate) id: DeploymentId,
    /// Its creation, where the provider does not tell.
    pub(crate) created_at: OffsetDateTime,
    /// The deployment that a rollback goes back to.
    pub(crate) rollback_of_id: Option<DeploymentId>,
}

/// The state of a deployment of which nobody knows whether the provider made it.
pub(crate) fn outcome_unknown(is_finished: bool) -> State {
    State {
        is_finished,
        failure_reason: Some(reason::OUTCOME_UNKNOWN.to_owned()),
        ..State::new(Status::Unknown, Authority::Rest)
    }
}

impl Plan {
    pub(super) fn application_id(&self) -> ApplicationId {
        self.application.id
    }

    pub(super) fn account(&self) -> &str {
        self.application.account.as_str()
    }

    /// Leaves an observation for later.
    pub(super) fn defer(&mut self) {
        self.report.deferred += 1;
    }

    /// Publishes the deployment of an intent that the provider has named.
    pub(crate) fn publish_named(&mut self, seat: &Seat, observation: &DeploymentObservation, asked: Asked) {
        if let Outcome::Created(tracked) = transition(None, observation, asked) {
            self.seat(seat, Some(observation), *tracked, asked.via);
        }
    }

    /// Publishes the deployment of an intent that the provider has not named.
    pub(crate) fn publish_unnamed(&mut self, seat: &Seat, tracked: Tracked) {
        self.seat(seat, None, tracked, Via::Write);
    }

    /// The provider shows the deployment that an intent made: the row, its creation and its timeline stay.
    pub(crate) fn claim(&mut self, row: Deployment, observation: &DeploymentObservation, asked: Asked) {
        // What was not known, or was given up, is put right; what was accepted goes on.
        let asked = Asked {
            is_correction: asked.is_correction || row.tracked.state.status == Status::Unknown,
            ..asked
        };
        let mut draft = Draft {
            raw: observation.raw.clone(),
            ..Draft::stored(row.clone())
        };
        draft.deployment.provider_deployment_id = Some(observation.provider_deployment_id.clone());
        if let Outcome::Changed(tracked, changes) = transition(Some(&row.tracked), observation, asked) {
            draft.deployment.tracked = *tracked;
            draft.changes = changes;
            if changes.state {
                draft.deployment.observed_at = self.now;
                draft.deployment.observed_via = asked.via;
            }
        }
        self.drafts.insert(row.id, draft);
    }

    /// The provider accepted a cancel, which was asked for at `at`. An end that was stored before is read anew.
    pub(crate) fn request_cancel(&mut self, row: Deployment, at: OffsetDateTime) {
        let (id, before) = (row.id, row.tracked.status());
        let mut draft = Draft::stored(row);
        draft.deployment.tracked.cancel_requested_at = Some(at);
        let is_other = draft.deployment.tracked.status() != before;
        draft.changes = Changes {
            previous_status: is_other.then_some(before),
            state: is_other,
            corrected: is_other && draft.deployment.tracked.state.is_finished,
            other: true,
            ..Changes::default()
        };
        if is_other {
            draft.deployment.observed_at = self.now;
            draft.deployment.observed_via = Via::Write;
        }
        self.drafts.insert(id, draft);
    }

    /// Nothing at the provider fits: nobody will ever know what came of it.
    pub(crate) fn give_up(&mut self, row: Deployment, asked_at: OffsetDateTime) {
        let (id, before) = (row.id, row.tracked.status());
        let mut draft = Draft::stored(row);
        draft.deployment.tracked.state = outcome_unknown(true);
        draft.deployment.tracked.state_asked_at = asked_at;
        draft.deployment.observed_at = self.now;
        draft.deployment.observed_via = Via::Write;
        let after = draft.deployment.tracked.status();
        draft.changes = Changes {
            previous_status: (before != after).then_some(before),
            state: true,
            other: true,
            ..Changes::default()
        };
        self.drafts.insert(id, draft);
    }
}
