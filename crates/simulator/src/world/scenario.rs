//! The courses that a deployment can take: which phases it goes through and when.

use serde::{Deserialize, Serialize};

use super::application::Provider;
use crate::dice::Dice;

/// How a deployment goes.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Scenario {
    /// Builds, is pushed, starts, and serves.
    Success,
    /// The build fails.
    BuildFailure,
    /// Built and pushed, and then the process dies at its start.
    CrashAtStart,
    /// Started, but does not answer within 60 seconds.
    Timeout,
    /// The hook after the deployment fails; the old version stays.
    HookError,
    /// The pusher's connection broke (Scalingo `aborted`); on Cloud 66 the same as `cancelled`.
    Abort,
    /// Cloud 66 `failed`; on Scalingo the same as `build_failure`.
    Failed,
    /// Cancelled half-way (Cloud 66); on Scalingo the same as `abort`.
    Cancelled,
    /// Nothing moves for half an hour, then the provider's limit ends it.
    Stuck,
    /// The provider's status goes back and forth before it succeeds.
    Flapping,
    /// Several deployments at the same moment, each with a course of its own.
    Burst,
}

impl Scenario {
    /// The scenario that `provider` really has in place of this one.
    #[must_use]
    pub fn on(self, provider: Provider) -> Self {
        match (provider, self) {
            (Provider::Cloud66, Self::Abort) => Self::Cancelled,
            (Provider::Scalingo, Self::Cancelled) => Self::Abort,
            (Provider::Scalingo, Self::Failed) => Self::BuildFailure,
            (_, other) => other,
        }
    }

    /// A scenario as a normal week would bring it.
    pub(crate) fn drawn(dice: &mut Dice, provider: Provider) -> Self {
        let scenario = match dice.between(0, 99) {
            0..=71 => Self::Success,
            72..=79 => Self::BuildFailure,
            80..=85 => Self::CrashAtStart,
            86..=89 => Self::Timeout,
            90..=92 => Self::HookError,
            93..=95 => Self::Abort,
            96..=97 => Self::Failed,
            _ => Self::Flapping,
        };
        scenario.on(provider)
    }
}

/// Where a deployment is, in words that cover both providers.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Phase {
    /// Waits for its turn.
    Queued,
    /// Is being built.
    Building,
    /// Its image is being pushed.
    Pushing,
    /// Its processes are being started.
    Starting,
    /// Ended well.
    Success,
    /// Ended: build failed.
    BuildError,
    /// Ended: the process crashed.
    CrashedError,
    /// Ended: no answer in time.
    TimeoutError,
    /// Ended: the hook failed.
    HookError,
    /// Ended: the pusher went away.
    Aborted,
    /// Ended by a cancel.
    Cancelled,
    /// Ended: failed without more words.
    Failed,
}

impl Phase {
    /// True when the deployment will not move again.
    #[must_use]
    pub fn is_finished(self) -> bool {
        !matches!(self, Self::Queued | Self::Building | Self::Pushing | Self::Starting)
    }

    /// The word that Scalingo uses.
    #[must_use]
    pub fn scalingo_status(self) -> &'static str {
        match self {
            Self::Queued => "queued",
            Self::Building => "building",
            Self::Pushing => "pushing",
            Self::Starting => "starting",
            Self::Success => "success",
            Self::BuildError | Self::Failed => "build-error",
            Self::CrashedError => "crashed-error",
            Self::TimeoutError => "timeout-error",
            Self::HookError => "hook-error",
            Self::Aborted | Self::Cancelled => "aborted",
        }
    }
}

/// The phases of one deployment with their offsets in milliseconds from the moment it left the queue.
///
/// A pure function of seed, number and scenario, so nothing of it needs to be stored.
pub(crate) fn timeline(seed: u64, number: u64, scenario: Scenario, speed: f64) -> Vec<(u64, Phase)> {
    use Phase::{Building, Pushing, Queued, Starting};
    let mut dice = Dice::new(seed, "timeline", number);
    let mut steps = vec![(0, Queued)];
    let mut at = dice.between(500, 2_000);
    let build = dice.between(8_000, 30_000);
    let push = dice.between(3_000, 8_000);
    let start = dice.between(4_000, 10_000);
    let mut go = |phase: Phase, lasts: u64| {
        steps.push((at, phase));
        at += lasts;
    };
    match scenario {
        Scenario::Success | Scenario::Burst => {
            go(Building, build);
            go(Pushing, push);
            go(Starting, start);
            go(Phase::Success, 0);
        }
        Scenario::BuildFailure => {
            go(Building, build);
            go(Phase::BuildError, 0);
        }
        Scenario::CrashAtStart => {
            go(Building, build);
            go(Pushing, push);
            go(Starting, start);
            go(Phase::CrashedError, 0);
        }
        Scenario::Timeout => {
            go(Building, build);
            go(Pushing, push);
            go(Starting, 60_000);
            go(Phase::TimeoutError, 0);
        }
        Scenario::HookError => {
            go(Building, build);
            go(Pushing, push);
            go(Starting, start * 2);
            go(Phase::HookError, 0);
        }
        Scenario::Abort => {
            go(Building, build / 2);
            go(Phase::Aborted, 0);
        }
        Scenario::Cancelled => {
            go(Building, build / 2);
            go(Phase::Cancelled, 0);
        }
        Scenario::Failed => {
            go(Building, build);
            go(Pushing, push);
            go(Phase::Failed, 0);
        }
        Scenario::Stuck => {
            go(Building, 30 * 60_000);
            go(Phase::TimeoutError, 0);
        }
        Scenario::Flapping => {
            go(Building, build / 2);
            go(Queued, 1_000);
            go(Building, build / 2);
            go(Pushing, push / 2);
            go(Building, 2_000);
            go(Pushing, push / 2);
            go(Starting, start);
            go(Phase::Success, 0);
        }
    }
    for step in &mut steps {
        step.0 = (step.0 as f64 / speed) as u64;
    }
    steps
}
