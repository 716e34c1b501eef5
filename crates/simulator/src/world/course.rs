//! How the world moves: starting and cancelling deployments, and doing what is due.

use std::cmp::Reverse;

use time::{Duration, OffsetDateTime};

use super::action::Action;
use super::application::Provider;
use super::change::Change;
use super::deployment::{Kind, Record, Via};
use super::scenario::{Phase, Scenario};
use super::state::{Due, Running, State, Step};
use crate::dice::Dice;

/// Everything a new deployment can be given; the rest is drawn.
#[derive(Debug, Clone, Default)]
pub(crate) struct Start {
    pub(crate) scenario: Option<Scenario>,
    pub(crate) git_ref: Option<String>,
    pub(crate) source_url: Option<String>,
    pub(crate) by_api: bool,
    /// Cloud 66: make an asynchronous action with this reference.
    pub(crate) action: Option<Option<String>>,
}

impl State {
    /// Start a deployment; it begins now or waits for its turn. Returns its record.
    pub(crate) fn start(&mut self, index: usize, start: Start) -> Record {
        let number = self.next_number;
        self.next_number += 1;
        self.generation += 1;
        let provider = self.applications[index].provider;
        let mut dice = Dice::new(self.seed(), "start", number);
        let drawn = Scenario::drawn(&mut dice, provider);
        let via = if start.by_api {
            Via::Api
        } else {
            *dice.pick(&[Via::Web, Via::Web, Via::Hook])
        };
        let first = self.count(index) == 0;
        let action_id = start.action.as_ref().map(|_| number);
        if let Some(user_reference) = start.action {
            self.actions.entry(index).or_default().push(Action {
                id: number,
                command: "redeploy".to_owned(),
                deployment: Some(number),
                user_reference,
                started_at: self.now,
                finishes_at: None,
            });
        }
        let record = Record {
            number,
            scenario: start.scenario.unwrap_or(drawn).on(provider),
            speed: self.speed,
            created_at: self.now,
            begins_at: None,
            cancelled_at: None,
            user: match via {
                Via::Api => 0,
                Via::Web => dice.between(0, 4) as usize,
                Via::Hook => 5,
            },
            via,
            kind: if first {
                Kind::FirstBuild
            } else if start.by_api && provider == Provider::Cloud66 {
                Kind::Redeploy
            } else {
                Kind::Build
            },
            git_ref: start.git_ref,
            source_url: start.source_url,
            action_id,
        };
        self.records.entry(index).or_default().push(record.clone());
        self.forget_oldest(index);
        self.waiting.push((index, number));
        let application = &self.applications[index];
        if let Some(deployment) = self.deployment(application, number) {
            self.tell(index, &Change::New(Box::new(deployment)));
        }
        self.begin_waiting();
        self.record_mut(index, number).map_or(record, |record| record.clone())
    }

    /// Run a command that makes no deployment on a stack.
    pub(crate) fn run_command(
        &mut self,
        index: usize,
        command: String,
        user_reference: Option<String>,
        finishes_at: OffsetDateTime,
    ) -> Action {
        let id = self.next_number;
        self.next_number += 1;
        self.generation += 1;
        let action = Action {
            id,
            command,
            deployment: None,
            user_reference,
            started_at: self.now,
            finishes_at: Some(finishes_at),
        };
        self.actions.entry(index).or_default().push(action.clone());
        action
    }

    /// Let everything begin that waits and has room, oldest first.
    pub(super) fn begin_waiting(&mut self) {
        let mut position = 0;
        while let Some(&(index, number)) = self.waiting.get(position) {
            // An older one of the same stack goes first.
            let blocked = self.applications[index].provider == Provider::Cloud66
                && self.waiting[..position].iter().any(|(other, _)| *other == index);
            if blocked || !self.has_room(index) {
                position += 1;
                continue;
            }
            self.waiting.remove(position);
            let now = self.now;
            if let Some(record) = self.record_mut(index, number) {
                record.begins_at = Some(now);
                self.generation += 1;
            }
            self.run(index, number, now);
        }
    }

    /// Put the steps of a deployment that come after `from` on the agenda.
    pub(super) fn run(&mut self, index: usize, number: u64, from: OffsetDateTime) {
        let Some(record) = self.record_mut(index, number).map(|record| record.clone()) else {
            return;
        };
        let phases = record.phases(self.seed());
        let lines = super::build_log::lines(self.seed(), &record, &self.applications[index]);
        let mut steps: Vec<(OffsetDateTime, Step)> = phases.into_iter().map(|(at, p)| (at, Step::Phase(p))).collect();
        steps.extend(lines.into_iter().map(|(at, line)| (at, Step::Log(line))));
        // What an end prints is seen before the end itself; a phase is seen before what it prints.
        steps.sort_by_key(|(at, step)| (*at, matches!(step, Step::Phase(phase) if phase.is_finished())));
        steps.retain(|(at, _)| *at >= from);
        if let Some((at, _)) = steps.first() {
            self.schedule(*at, Due::Step { number });
            self.running.insert(
                number,
                Running {
                    index,
                    steps: steps.into(),
                },
            );
        }
    }

    /// A time at the speed of this world, in whole milliseconds, which is what the state file keeps.
    pub(crate) fn scaled(&self, milliseconds: u32) -> Duration {
        Duration::milliseconds((f64::from(milliseconds) / self.speed) as i64)
    }

    /// Cancel a deployment that has not ended. False when it has.
    pub(crate) fn cancel(&mut self, index: usize, number: u64) -> bool {
        let (seed, now) = (self.seed(), self.now);
        let running = self.running.contains_key(&number);
        let delay = if running { self.scaled(1_500) } else { Duration::ZERO };
        let Some(record) = self.record_mut(index, number) else {
            return false;
        };
        if record.progress(seed, now).phase.is_finished() {
            return false;
        }
        if record.cancelled_at.is_none() {
            record.cancelled_at = Some(now + delay);
            self.generation += 1;
            self.waiting.retain(|(_, waiting)| *waiting != number);
            if running {
                // The old entry on the agenda finds nothing or a step that is not due, and is harmless.
                self.run(index, number, now + Duration::milliseconds(1));
            } else {
                self.milestone(index, number);
            }
        }
        true
    }

    /// Let time pass until `until`, doing everything in its order.
    pub(crate) fn advance_to(&mut self, until: OffsetDateTime) {
        while let Some(Reverse((at, _, due))) = self.agenda.peek().copied() {
            if at > until {
                break;
            }
            self.agenda.pop();
            self.now = self.now.max(at);
            match due {
                Due::Step { number } => self.step(number),
                Due::AutomaticStart => self.automatic_start(),
            }
        }
        self.now = self.now.max(until);
    }

    /// Take up what ran or waited when the world was last written, and catch up with the clock.
    pub(super) fn continue_after_load(&mut self, wall: OffsetDateTime) {
        let (seed, now) = (self.seed(), self.now);
        let mut unfinished: Vec<(usize, u64, bool)> = Vec::new();
        for (index, records) in &self.records {
            for record in records {
                if !record.progress(seed, now).phase.is_finished() {
                    unfinished.push((*index, record.number, record.begins_at.is_some()));
                }
            }
        }
        unfinished.sort_by_key(|(_, number, _)| *number);
        for (index, number, began) in unfinished {
            if began {
                self.run(index, number, now);
            } else {
                self.waiting.push((index, number));
            }
        }
        self.begin_waiting();
        self.advance_to(wall.max(now));
        self.plan_automatic_start();
    }

    fn step(&mut self, number: u64) {
        let Some(running) = self.running.get_mut(&number) else {
            return;
        };
        let index = running.index;
        let Some((at, _)) = running.steps.front() else { return };
        if *at > self.now {
            return;
        }
        let Some((_, step)) = running.steps.pop_front() else {
            return;
        };
        let next = running.steps.front().map(|(at, _)| *at);
        let uuid = super::deployment::uuid(self.seed(), number);
        match step {
            Step::Log(line) => self.tell(index, &Change::Log { uuid, line }),
            Step::Phase(phase) => {
                self.tell(index, &Change::Status { uuid, phase });
                self.generation += 1;
                if phase.is_finished() || phase == Phase::Building {
                    self.milestone(index, number);
                }
            }
        }
        match next {
            Some(at) => self.schedule(at, Due::Step { number }),
            None => {
                self.running.remove(&number);
                self.begin_waiting();
            }
        }
    }

    /// Put the next automatic start on the agenda, half to one and a half of the mean interval from now.
    pub(super) fn plan_automatic_start(&mut self) {
        let Some(every) = self.deployment_every else { return };
        let every_ms = u64::try_from(every.as_millis()).unwrap_or(u64::MAX / 1_500);
        let wait_ms = every_ms * Dice::new(self.seed(), "pause", self.next_number).between(500, 1_500) / 1_000;
        self.schedule(
            self.now + Duration::milliseconds(wait_ms.max(1) as i64),
            Due::AutomaticStart,
        );
    }

    fn automatic_start(&mut self) {
        let mut dice = Dice::new(self.seed(), "automatic", self.next_number);
        let candidates = self.applications.len() as u64;
        for _ in 0..if candidates == 0 { 0 } else { 8 } {
            let index = dice.between(0, candidates - 1) as usize;
            let queued = self.waiting.iter().filter(|(waiting, _)| *waiting == index).count();
            if !self.applications[index].removed && queued < 2 {
                self.start(index, Start::default());
                break;
            }
        }
        self.plan_automatic_start();
    }
}
