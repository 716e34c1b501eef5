//! One deployment: what is stored of it, and what it looks like at a moment.

use serde::{Deserialize, Serialize};
use time::{Duration, OffsetDateTime};

use super::scenario::{Phase, Scenario, timeline};
use crate::dice::Dice;

/// How a deployment was asked for.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub(crate) enum Via {
    Web,
    Api,
    Hook,
}

/// What the deployment does, in the words of Cloud 66.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub(crate) enum Kind {
    Build,
    Redeploy,
    FirstBuild,
}

/// What is kept of a deployment; everything else follows from it, the seed and the time.
#[derive(Debug, Clone, Serialize, Deserialize)]
pub(crate) struct Record {
    /// Unique in the world; ids of both providers are made from it.
    pub(crate) number: u64,
    pub(crate) scenario: Scenario,
    pub(crate) speed: f64,
    #[serde(with = "time::serde::timestamp::milliseconds")]
    pub(crate) created_at: OffsetDateTime,
    /// When it left the queue; None while it waits.
    #[serde(with = "time::serde::timestamp::milliseconds::option")]
    pub(crate) begins_at: Option<OffsetDateTime>,
    /// When a cancel takes effect.
    #[serde(with = "time::serde::timestamp::milliseconds::option")]
    pub(crate) cancelled_at: Option<OffsetDateTime>,
    pub(crate) user: usize,
    pub(crate) via: Via,
    pub(crate) kind: Kind,
    pub(crate) git_ref: Option<String>,
    pub(crate) source_url: Option<String>,
    pub(crate) action_id: Option<u64>,
}

/// Where a deployment is, and since when.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Progress {
    pub(crate) phase: Phase,
    /// When the work on it began (its first phase after the queue).
    pub(crate) started_at: Option<OffsetDateTime>,
    pub(crate) finished_at: Option<OffsetDateTime>,
}

impl Record {
    /// The phases with the moments at which they are reached; empty while it waits in the queue.
    pub(crate) fn phases(&self, seed: u64) -> Vec<(OffsetDateTime, Phase)> {
        let mut phases: Vec<(OffsetDateTime, Phase)> = match self.begins_at {
            None => Vec::new(),
            Some(begin) => timeline(seed, self.number, self.scenario, self.speed)
                .into_iter()
                .map(|(offset, phase)| (begin + Duration::milliseconds(offset as i64), phase))
                .collect(),
        };
        if let Some(cancelled) = self.cancelled_at {
            let ended = phases.last().is_some_and(|(at, _)| *at <= cancelled);
            if !ended {
                phases.retain(|(at, _)| *at < cancelled);
                phases.push((cancelled, Phase::Cancelled));
            }
        }
        phases
    }

    /// Where it is at `now`.
    pub(crate) fn progress(&self, seed: u64, now: OffsetDateTime) -> Progress {
        let phases = self.phases(seed);
        let phase = phases
            .iter()
            .take_while(|(at, _)| *at <= now)
            .last()
            .map_or(Phase::Queued, |(_, phase)| *phase);
        let reached = |wanted: fn(Phase) -> bool| {
            phases
                .iter()
                .find(|(at, p)| *at <= now && wanted(*p))
                .map(|(at, _)| *at)
        };
        Progress {
            phase,
            started_at: reached(|p| matches!(p, Phase::Building)),
            finished_at: reached(Phase::is_finished),
        }
    }

    /// The integer id that Cloud 66 shows.
    pub(crate) fn cloud66_id(&self) -> u64 {
        cloud66_id(self.number)
    }

    /// The UUID that Scalingo's API shows.
    pub(crate) fn uuid(&self, seed: u64) -> String {
        uuid(seed, self.number)
    }

    /// The other id of Scalingo: 24 digits, in events and in `last_deployment_id`.
    pub(crate) fn object_id(&self, seed: u64) -> String {
        Dice::new(seed, "deployment object id", self.number).hex(24)
    }

    /// The commit that was deployed.
    pub(crate) fn sha(&self, seed: u64) -> String {
        match &self.git_ref {
            Some(reference) if is_sha(reference) => reference.clone(),
            _ => Dice::new(seed, "commit", self.number).hex(40),
        }
    }
}

fn is_sha(reference: &str) -> bool {
    reference.len() == 40 && reference.bytes().all(|b| b.is_ascii_hexdigit())
}

const FIRST_CLOUD66_ID: u64 = 10_000;

/// The integer id that Cloud 66 gives to deployment `number`.
pub(crate) fn cloud66_id(number: u64) -> u64 {
    FIRST_CLOUD66_ID + number
}

/// The number of the deployment with an integer id.
pub(crate) fn number_of_cloud66_id(id: u64) -> Option<u64> {
    id.checked_sub(FIRST_CLOUD66_ID)
}

/// The UUID that Scalingo gives to deployment `number`.
pub(crate) fn uuid(seed: u64, number: u64) -> String {
    Dice::new(seed, "deployment uuid", number).uuid()
}
