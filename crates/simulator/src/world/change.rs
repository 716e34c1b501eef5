//! What happens in the world, as streams and webhooks hear of it.

use time::OffsetDateTime;

use super::World;
use super::application::Provider;
use super::scenario::Phase;
use super::state::Deployment;
use super::view::api_id;

/// Something that happened to one deployment.
#[derive(Debug, Clone)]
pub(crate) enum Change {
    /// It was asked for.
    New(Box<Deployment>),
    /// It printed a line.
    Log { uuid: String, line: String },
    /// It reached a phase.
    Status { uuid: String, phase: Phase },
}

/// A deployment that began or ended, with its application as it was then.
#[derive(Debug, Clone)]
pub(crate) struct Milestone {
    pub(crate) application: super::application::Application,
    pub(crate) deployment: Deployment,
    pub(crate) at: OffsetDateTime,
}

/// A change of a deployment that the provider's API showed from then on.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ShownChange {
    /// Whose it is.
    pub provider: Provider,
    /// The deployment's id in the provider's API.
    pub deployment: String,
    /// What it came into. `queued`: it was asked for.
    pub phase: Phase,
    /// When, in the time of the world.
    pub at: OffsetDateTime,
}

impl World {
    /// What has changed since the world began, deployment by deployment. Cloud 66 shows that one was asked for and how it
    /// ended, Scalingo each phase.
    #[must_use]
    pub fn shown_changes(&self) -> Vec<ShownChange> {
        let state = self.state();
        let mut changes = Vec::new();
        for (index, records) in &state.records {
            let provider = state.applications[*index].provider;
            for record in records {
                let deployment = api_id(provider, state.seed(), record);
                let mut last = Phase::Queued;
                let mut show = |phase, at| {
                    changes.push(ShownChange {
                        provider,
                        deployment: deployment.clone(),
                        phase,
                        at,
                    });
                };
                show(Phase::Queued, record.created_at);
                for (at, phase) in record.phases(state.seed()) {
                    let is_shown = provider == Provider::Scalingo || phase.is_finished();
                    if at <= state.now && is_shown && std::mem::replace(&mut last, phase) != phase {
                        show(phase, at);
                    }
                }
            }
        }
        changes
    }
}
