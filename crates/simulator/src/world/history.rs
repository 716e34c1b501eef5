//! Deployments from before the world began: computed on access, never stored.
//!
//! The k-th deployment of an application is a pure function of the seed, so ten thousand applications cost nothing at
//! start, and a page of thirty costs thirty.

use std::sync::atomic::{AtomicU64, Ordering};

use serde::{Deserialize, Serialize};
use time::{Duration, OffsetDateTime};

use super::application::Provider;
use super::deployment::{Kind, Record, Via};
use super::scenario::Scenario;
use crate::dice::Dice;

/// What a world is made from; kept with it, so that a restart continues the same world.
#[derive(Debug, Clone, Serialize, Deserialize)]
pub(crate) struct Origin {
    pub(crate) seed: u64,
    pub(crate) cloud66_stacks: usize,
    pub(crate) scalingo_apps: usize,
    pub(crate) history_per_application: usize,
    /// When the world began; all history ended before it.
    #[serde(with = "time::serde::timestamp::milliseconds")]
    pub(crate) began_at: OffsetDateTime,
}

/// The past of all applications of an [`Origin`].
#[derive(Debug)]
pub(crate) struct History {
    pub(crate) origin: Origin,
    /// How many records were computed since the start.
    pub(crate) computed: AtomicU64,
}

/// No history ended later than this before the world began.
const QUIET_BEFORE_START: Duration = Duration::minutes(3);

impl History {
    pub(crate) fn new(origin: Origin) -> Self {
        Self {
            origin,
            computed: AtomicU64::new(0),
        }
    }

    fn applications(&self) -> u64 {
        (self.origin.cloud66_stacks + self.origin.scalingo_apps) as u64
    }

    /// The first number that no deployment of the past has.
    pub(crate) fn first_free_number(&self) -> u64 {
        self.applications().max(1) * (self.origin.history_per_application as u64 * 3 / 2 + 2)
    }

    /// How many deployments application `index` had: about what was asked for.
    pub(crate) fn length(&self, index: usize) -> u64 {
        let wanted = self.origin.history_per_application as u64;
        if wanted == 0 || index as u64 >= self.applications() {
            return 0;
        }
        Dice::new(self.origin.seed, "history length", index as u64).between(wanted.div_ceil(2), wanted * 3 / 2)
    }

    /// The k-th deployment of application `index`, oldest first.
    pub(crate) fn record(&self, provider: Provider, index: usize, k: u64) -> Record {
        self.computed.fetch_add(1, Ordering::Relaxed);
        let seed = self.origin.seed;
        let number = k * self.applications() + index as u64;
        let spacing = Dice::new(seed, "history spacing", index as u64).between(40 * 60, 60 * 3_600) as i64;
        let newest_age = Dice::new(seed, "history newest", index as u64).between(0, 4 * 3_600) as i64;
        let mut dice = Dice::new(seed, "history", number);
        let jitter = dice.between(0, spacing as u64 / 2 * 1_000) as i64;
        let steps_back = (self.length(index) - 1 - k) as i64;
        // The newest stays within hours of the start, whatever the spacing.
        let jitter = if steps_back == 0 { 0 } else { jitter };
        // Half an hour is the longest a deployment can take.
        let age = Duration::seconds(steps_back * spacing + newest_age + 1_800) + Duration::milliseconds(jitter);
        let created_at = self.origin.began_at - QUIET_BEFORE_START - age;
        let via = match dice.between(0, 9) {
            0..=3 => Via::Hook,
            4..=5 => Via::Api,
            _ => Via::Web,
        };
        Record {
            number,
            scenario: Scenario::drawn(&mut dice, provider),
            speed: 1.0,
            created_at,
            begins_at: Some(created_at),
            cancelled_at: None,
            user: if via == Via::Hook {
                5
            } else {
                dice.between(0, 4) as usize
            },
            via,
            kind: if k == 0 {
                Kind::FirstBuild
            } else if dice.percent(70) {
                Kind::Build
            } else {
                Kind::Redeploy
            },
            git_ref: None,
            source_url: None,
            action_id: None,
        }
    }

    /// Which of the past deployments of application `index` has `number`.
    pub(crate) fn position(&self, index: usize, number: u64) -> Option<u64> {
        let applications = self.applications();
        if index as u64 >= applications || number % applications != index as u64 {
            return None;
        }
        Some(number / applications).filter(|k| *k < self.length(index))
    }

    /// The number of the k-th past deployment of application `index`.
    pub(crate) fn number(&self, index: usize, k: u64) -> u64 {
        k * self.applications() + index as u64
    }
}
