//! The state machine: what one more observation makes of what is stored. Pure, and independent of the order of arrival.
//!
//! - A higher rank (see [`State::rank`]) replaces the state whole, nulls included; a lower one changes nothing of it.
//! - In a tie, and in everything beside the state, a null never overwrites a value.
//! - What the order cannot decide is a [`Outcome::Contradiction`]: the caller reads the deployment once more by id and
//!   brings the answer as a correction, which replaces the state whatever its rank. What was asked for before a
//!   correction is stale from then on.

use serde::{Deserialize, Serialize};
use time::OffsetDateTime;

use crate::deployment::{DeploymentDetails, Merge};
use crate::observation::{Asked, DeploymentObservation};
use crate::state::{State, Status};

/// The part of a deployment that observations decide.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Tracked {
    /// The highest state seen.
    pub state: State,
    /// When the observation that brought the state was asked for.
    #[serde(with = "time::serde::rfc3339")]
    pub state_asked_at: OffsetDateTime,
    /// When it ended, from the provider; then never changes but by a correction.
    #[serde(with = "time::serde::rfc3339::option")]
    pub finished_at: Option<OffsetDateTime>,
    /// Everything else.
    pub details: DeploymentDetails,
    /// When the newest observation that wrote a detail was asked for.
    #[serde(with = "time::serde::rfc3339")]
    pub details_asked_at: OffsetDateTime,
    /// When the last correction was asked for.
    #[serde(with = "time::serde::rfc3339::option")]
    pub corrected_at: Option<OffsetDateTime>,
    /// When the provider accepted our cancel.
    #[serde(with = "time::serde::rfc3339::option")]
    pub cancel_requested_at: Option<OffsetDateTime>,
}

impl Tracked {
    /// The status that everybody sees.
    pub fn status(&self) -> Status {
        self.state.effective_status(self.cancel_requested_at.is_some())
    }

    fn first(observation: &DeploymentObservation, asked: Asked) -> Self {
        Self {
            state: observation.state.clone(),
            state_asked_at: asked.at,
            finished_at: observation.finished_at,
            details: observation.details.clone(),
            details_asked_at: asked.at,
            corrected_at: asked.is_correction.then_some(asked.at),
            cancel_requested_at: None,
        }
    }
}

/// What changed, one flag for each axis that has an event of its own.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct Changes {
    /// The public status before, where it is another now.
    pub previous_status: Option<Status>,
    /// Whether anything of the state changed: a new entry of the timeline.
    pub state: bool,
    /// The phase moved while the status stayed.
    pub phase: bool,
    /// The provider now says that it was reverted.
    pub rolled_back: bool,
    /// Any other public field.
    pub other: bool,
    /// A correction replaced a state that the order would have kept, or a finish time.
    pub corrected: bool,
}

impl Changes {
    /// Whether anything public changed.
    pub fn any(&self) -> bool {
        self.previous_status.is_some() || self.state || self.phase || self.rolled_back || self.other || self.corrected
    }
}

/// What an observation comes to.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Outcome {
    /// Seen for the first time.
    Created(Box<Tracked>),
    /// Something is different now. With `Changes::default()` only the memory of a correction is: nothing public.
    Changed(Box<Tracked>, Changes),
    /// Says what is known.
    Unchanged,
    /// Was asked for before the correction that is stored.
    Stale,
    /// The order cannot decide: read the deployment by id and bring the answer as a correction.
    Contradiction,
}

/// Decides what `observation`, asked for as `asked` says, makes of `current`.
pub fn transition(current: Option<&Tracked>, observation: &DeploymentObservation, asked: Asked) -> Outcome {
    let Some(current) = current else {
        return Outcome::Created(Box::new(Tracked::first(observation, asked)));
    };
    if current.corrected_at.is_some_and(|corrected_at| asked.at < corrected_at) {
        return Outcome::Stale;
    }
    let mut next = current.clone();
    if asked.is_correction {
        next.state = observation.state.clone();
        next.finished_at = observation.finished_at;
        next.corrected_at = Some(asked.at);
    } else {
        match compare(&current.state, &observation.state) {
            Precedence::Lower if is_seen_again(current, observation, asked) => return Outcome::Contradiction,
            Precedence::Lower => {}
            Precedence::Contradicts => return Outcome::Contradiction,
            Precedence::Higher => next.state = observation.state.clone(),
            Precedence::Same => fill_state(&mut next.state, &observation.state),
        }
        next.finished_at.fill(&observation.finished_at);
    }
    if asked.at >= current.details_asked_at {
        next.details.merge(&observation.details);
    } else {
        next.details.fill(&observation.details);
    }
    conclude(current, next, asked)
}

fn conclude(current: &Tracked, mut next: Tracked, asked: Asked) -> Outcome {
    let changes = changes_between(current, &next, asked);
    if next.state != current.state {
        next.state_asked_at = asked.at;
    }
    if next.details != current.details {
        next.details_asked_at = next.details_asked_at.max(asked.at);
    }
    if next == *current {
        Outcome::Unchanged
    } else {
        Outcome::Changed(Box::new(next), changes)
    }
}

fn changes_between(current: &Tracked, next: &Tracked, asked: Asked) -> Changes {
    // Who said it is ours to remember, not public: the same end from a better source changes nothing that anybody sees.
    let state = State {
        authority: current.state.authority,
        ..next.state.clone()
    } != current.state;
    let (before, after) = (current.status(), next.status());
    let finish_moved = current.finished_at.is_some() && next.finished_at != current.finished_at;
    let overrules = state && compare(&current.state, &next.state) != Precedence::Higher;
    let corrected = asked.is_correction && (overrules || finish_moved);
    let rolled_back = current.details.rolled_back_at.is_none() && next.details.rolled_back_at.is_some();
    let phase = before == after && current.state.phase != next.state.phase;
    let details = next.details != current.details || next.finished_at != current.finished_at;
    Changes {
        previous_status: (before != after).then_some(before),
        state,
        phase,
        rolled_back,
        other: details || state,
        corrected,
    }
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Precedence {
    Higher,
    Lower,
    Same,
    Contradicts,
}

fn compare(current: &State, incoming: &State) -> Precedence {
    // "Gone" is said of a deployment that had not ended; one that had keeps its end, however unclear.
    if incoming.is_gone() && current.is_finished {
        return if current.is_gone() {
            Precedence::Same
        } else {
            Precedence::Lower
        };
    }
    if current.is_gone() && incoming.rank() == current.rank() && !incoming.is_gone() {
        return Precedence::Lower;
    }
    match incoming.precedence().cmp(&current.precedence()) {
        std::cmp::Ordering::Greater => Precedence::Higher,
        std::cmp::Ordering::Less => Precedence::Lower,
        std::cmp::Ordering::Equal if agree(current, incoming) => Precedence::Same,
        std::cmp::Ordering::Equal => Precedence::Contradicts,
    }
}

fn agree(current: &State, incoming: &State) -> bool {
    fn compatible<T: PartialEq>(one: Option<&T>, other: Option<&T>) -> bool {
        one.is_none() || other.is_none() || one == other
    }
    current.status == incoming.status
        && compatible(current.phase.as_ref(), incoming.phase.as_ref())
        && compatible(current.failure_reason.as_ref(), incoming.failure_reason.as_ref())
}

fn is_seen_again(current: &Tracked, observation: &DeploymentObservation, asked: Asked) -> bool {
    current.state.is_gone() && !observation.state.is_gone() && asked.at > current.state_asked_at
}

fn fill_state(current: &mut State, incoming: &State) {
    current.phase.merge(&incoming.phase);
    current.failure_reason.merge(&incoming.failure_reason);
    current.failure_message.merge(&incoming.failure_message);
    current.provider_status.merge(&incoming.provider_status);
}
