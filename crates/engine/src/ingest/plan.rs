//! Decides, without any I/O, what a batch changes: the state of each deployment, which one is the newest, which one is live.

use std::collections::{BTreeMap, HashMap};

use slipway_api::DeploymentView;
use slipway_core::observation::Asked;
use slipway_core::provider::{Capabilities, LiveRule};
use slipway_core::transition::Changes;
use slipway_core::{
    Application, Deployment, DeploymentId, DeploymentObservation, LogState, Outcome, State, Status, Tracked, Via,
    transition,
};
use slipway_store::deployments::StoredDeployment;
use slipway_store::event_log::NewEvent;
use slipway_store::transitions::NewTransition;
use time::OffsetDateTime;
use uuid::Uuid;

use super::reserve::Seat;
use super::{Report, events};

/// One deployment on its way through the batch.
#[derive(Debug)]
pub(super) struct Draft {
    pub(super) deployment: Deployment,
    /// As it is stored; none when it is new.
    pub(super) before: Option<Deployment>,
    pub(super) changes: Changes,
    /// It had ended before its application was first seen: told by one event for the whole batch.
    pub(super) is_history: bool,
    pub(super) raw: Option<serde_json::Value>,
}

impl Draft {
    pub(super) fn stored(deployment: Deployment) -> Self {
        let before = Some(deployment.clone());
        Self {
            deployment,
            before,
            changes: Changes::default(),
            is_history: false,
            raw: None,
        }
    }

    pub(super) fn went_live(&self) -> bool {
        self.deployment.is_live == Some(true) && self.before.as_ref().and_then(|before| before.is_live) != Some(true)
    }

    pub(super) fn was_superseded(&self) -> bool {
        self.before
            .as_ref()
            .is_some_and(|before| before.is_live == Some(true) && self.deployment.is_live != Some(true))
    }

    /// Whether the timeline has something new to tell. What it does not show is none, nor is the provider's word for a state
    /// that our own write had brought before the provider was asked.
    fn is_step(&self) -> bool {
        let shown = |deployment: &Deployment| {
            let State {
                phase, failure_reason, ..
            } = &deployment.tracked.state;
            (deployment.tracked.status(), phase.clone(), failure_reason.clone())
        };
        let word = |deployment: &Deployment| deployment.tracked.state.provider_status.clone();
        self.before.as_ref().is_none_or(|before| {
            let is_other_word = word(before).is_some() && word(before) != word(&self.deployment);
            self.changes.corrected || shown(before) != shown(&self.deployment) || is_other_word
        })
    }

    fn is_public_change(&self) -> bool {
        self.before.as_ref().is_none_or(|before| {
            self.changes.any()
                || before.is_live != self.deployment.is_live
                || before.is_latest != self.deployment.is_latest
                || before.provider_deployment_id != self.deployment.provider_deployment_id
                || before.superseded_by_id != self.deployment.superseded_by_id
        })
    }
}

/// What a batch comes to, ready to be written.
#[derive(Debug)]
pub(crate) struct Written {
    pub(super) report: Report,
    pub(super) inserts: Vec<StoredDeployment>,
    pub(super) updates: Vec<StoredDeployment>,
    /// Nothing public changed, only what the state machine remembers.
    pub(super) remembered: Vec<Deployment>,
    pub(super) application: Option<Application>,
    /// To be appended last.
    pub(crate) events: Vec<NewEvent>,
    drafts: Vec<Draft>,
}

impl Written {
    /// The public JSON of a deployment, if it was written.
    pub(crate) fn body_of(&self, id: DeploymentId) -> Option<&str> {
        let mut written = self.inserts.iter().chain(&self.updates);
        written
            .find(|stored| stored.deployment.id == id)
            .map(|stored| stored.body.as_str())
    }

    /// The deployments of which this batch brings the end, those apart that ended long ago.
    pub(super) fn newly_finished(&self) -> Vec<Uuid> {
        let is_finished = |deployment: &Deployment| deployment.tracked.state.is_finished;
        let newly = self.drafts.iter().filter(|draft| {
            is_finished(&draft.deployment)
                && draft.deployment.provider_deployment_id.is_some()
                && !draft.is_history
                && !draft.before.as_ref().is_some_and(is_finished)
        });
        newly.map(|draft| draft.deployment.id.0).collect()
    }

    pub(super) fn transitions(&self) -> Vec<NewTransition<'_>> {
        let changed = self.drafts.iter().filter(|draft| draft.is_step());
        changed
            .map(|draft| NewTransition {
                deployment: &draft.deployment,
                previous_status: draft.before.as_ref().map(|before| before.tracked.status()),
                occurred_at: events::time_of_state(&draft.deployment),
                is_correction: draft.changes.corrected,
            })
            .collect()
    }
}

/// A batch in the making.
#[derive(Debug)]
pub(crate) struct Plan {
    pub(super) application: Application,
    stored: HashMap<String, Deployment>,
    pub(super) drafts: BTreeMap<DeploymentId, Draft>,
    pub(super) report: Report,
    pub(super) now: OffsetDateTime,
}

impl Plan {
    pub(crate) fn new(application: Application, stored: HashMap<String, Deployment>, now: OffsetDateTime) -> Self {
        let report = Report {
            known: stored.len(),
            ..Report::default()
        };
        Self {
            application,
            stored,
            drafts: BTreeMap::new(),
            report,
            now,
        }
    }

    pub(crate) fn observe(&mut self, observation: &DeploymentObservation, asked: Asked) {
        let before = self.stored.get(&observation.provider_deployment_id);
        match transition(before.map(|deployment| &deployment.tracked), observation, asked) {
            Outcome::Unchanged | Outcome::Stale => {}
            Outcome::Contradiction => self
                .report
                .contradictions
                .push(observation.provider_deployment_id.clone()),
            Outcome::Created(tracked) => self.create(observation, *tracked, asked),
            Outcome::Changed(tracked, changes) => {
                let Some(before) = before.cloned() else { return };
                let mut draft = Draft {
                    changes,
                    raw: observation.raw.clone(),
                    ..Draft::stored(before)
                };
                draft.deployment.tracked = *tracked;
                draft.deployment.account.clone_from(&self.application.account);
                if !draft.deployment.tracked.state.is_finished {
                    // It runs after all: the text that is stored is not its last.
                    draft.deployment.log = LogState::Open;
                }
                if changes.state {
                    draft.deployment.observed_at = self.now;
                    draft.deployment.observed_via = asked.via;
                }
                self.drafts.insert(draft.deployment.id, draft);
            }
        }
    }

    fn create(&mut self, observation: &DeploymentObservation, tracked: Tracked, asked: Asked) {
        let seat = Seat {
            id: DeploymentId::new(self.now),
            created_at: self.now,
            rollback_of_id: None,
        };
        self.seat(&seat, Some(observation), tracked, asked.via);
    }

    /// A new deployment, which the provider has named if `observation` is given.
    pub(super) fn seat(
        &mut self,
        seat: &Seat,
        observation: Option<&DeploymentObservation>,
        tracked: Tracked,
        via: Via,
    ) {
        let details = &tracked.details;
        let created_at = details.created_at.or(details.started_at).unwrap_or(seat.created_at);
        let ended_at = tracked.finished_at.unwrap_or(created_at);
        let is_history = tracked.state.is_finished && ended_at <= self.application.first_seen_at;
        let deployment = Deployment {
            id: seat.id,
            application_id: self.application.id,
            provider: self.application.provider.clone(),
            account: self.application.account.clone(),
            provider_deployment_id: observation.map(|observation| observation.provider_deployment_id.clone()),
            environment: self.application.environment.clone(),
            labels: self.application.labels.clone(),
            application_name: self.application.observed.name.clone(),
            tracked,
            is_live: None,
            is_latest: false,
            superseded_by_id: None,
            rollback_of_id: seat.rollback_of_id,
            log: LogState::Open,
            created_at: slipway_core::clock::to_stored_precision(created_at),
            version: 0,
            first_seen_at: self.now,
            observed_at: self.now,
            observed_via: via,
            updated_at: self.now,
        };
        let draft = Draft {
            deployment,
            before: None,
            changes: Changes::default(),
            is_history,
            raw: observation.and_then(|observation| observation.raw.clone()),
        };
        self.drafts.insert(draft.deployment.id, draft);
    }

    /// The deployments that must be looked at beside those observed: the newest and the live one so far.
    pub(super) fn wanted(&self) -> Vec<DeploymentId> {
        if self.drafts.is_empty() {
            return Vec::new();
        }
        let mut wanted = vec![self.application.last_deployment_id, self.application.live_deployment_id];
        wanted.dedup();
        wanted
            .into_iter()
            .flatten()
            .filter(|id| !self.drafts.contains_key(id))
            .collect()
    }

    pub(super) fn supply(&mut self, deployment: Deployment) {
        self.drafts.insert(deployment.id, Draft::stored(deployment));
    }

    /// Whether the live deployment no longer counts as a success, so that the one before it has to be looked for.
    pub(super) fn must_look_for_live(&self, rule: LiveRule) -> bool {
        let live = self.application.live_deployment_id.and_then(|id| self.drafts.get(&id));
        rule == LiveRule::LastSucceeded
            && live.is_some_and(|draft| draft.deployment.tracked.status() != Status::Succeeded)
    }

    /// What the plan already knows better than the database.
    pub(super) fn ids(&self) -> Vec<Uuid> {
        self.drafts.keys().map(|id| id.0).collect()
    }

    pub(super) fn conclude(mut self, capabilities: Capabilities) -> Result<Written, serde_json::Error> {
        let latest = self.decide_latest();
        let live = self.decide_live(capabilities.live_rule);
        let mut written = Written {
            report: self.report,
            inserts: Vec::new(),
            updates: Vec::new(),
            remembered: Vec::new(),
            application: None,
            events: Vec::new(),
            drafts: Vec::new(),
        };
        let mut has_history = false;
        let mut drafts: Vec<Draft> = self.drafts.into_values().collect();
        drafts.sort_by_key(|draft| (draft.deployment.created_at, draft.deployment.id));
        for mut draft in drafts {
            if !draft.is_public_change() {
                if draft.before.as_ref() != Some(&draft.deployment) {
                    written.remembered.push(draft.deployment);
                }
                continue;
            }
            draft.deployment.version += 1;
            draft.deployment.updated_at = self.now;
            let body = serde_json::to_string(&DeploymentView::new(&draft.deployment, capabilities))?;
            if draft.is_history {
                has_history = true;
            } else {
                written.events.extend(events::of_deployment(&draft, &body));
            }
            let stored = StoredDeployment {
                deployment: draft.deployment.clone(),
                body,
                raw: draft.raw.take(),
            };
            if draft.before.is_none() {
                &mut written.inserts
            } else {
                &mut written.updates
            }
            .push(stored);
            written.drafts.push(draft);
        }
        written.report.created = written.inserts.len();
        written.report.changed = written.updates.len();
        let moved = (self.application.last_deployment_id, self.application.live_deployment_id) != (latest, live);
        if moved {
            self.application.last_deployment_id = latest;
            self.application.live_deployment_id = live;
            self.application.version += 1;
            self.application.updated_at = self.now;
        }
        if has_history || moved {
            written
                .events
                .push(events::of_application(&self.application, has_history));
        }
        written.application = moved.then_some(self.application);
        Ok(written)
    }
}
