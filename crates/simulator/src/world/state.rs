//! The world at one moment: applications, deployments, what is due next. All behind one lock, in [`super::World`].

use std::cmp::Reverse;
use std::collections::{BinaryHeap, HashMap, VecDeque};

use time::{Duration, OffsetDateTime};
use tokio::sync::mpsc::UnboundedSender;

use super::action::Action;
use super::application::{Application, Provider};
use super::change::{Change, Milestone};
use super::deployment::{Progress, Record, Via, number_of_cloud66_id, uuid};
use super::history::History;
use super::scenario::Phase;

/// How many deployments of the present one application keeps; the provider forgets older ones.
const KEPT_PER_APPLICATION: usize = 300;
/// Scalingo's limit of deployments that run at the same time for one owner.
const SCALINGO_CONCURRENT: usize = 10;

/// A deployment as it is at a moment, together with what its neighbours decide.
#[derive(Debug, Clone)]
pub(crate) struct Deployment {
    pub(crate) record: Record,
    pub(crate) progress: Progress,
    pub(crate) previous_sha: Option<String>,
    pub(crate) is_head: bool,
    pub(crate) is_live: bool,
}

/// What happens at a time on the agenda.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub(super) enum Due {
    /// The next step of a running deployment.
    Step { number: u64 },
    /// A new deployment by itself.
    AutomaticStart,
}

#[derive(Debug)]
pub(super) enum Step {
    Log(String),
    Phase(Phase),
}

/// A deployment that is on its way, with the steps that still come.
#[derive(Debug)]
pub(super) struct Running {
    pub(super) index: usize,
    pub(super) steps: VecDeque<(OffsetDateTime, Step)>,
}

pub(crate) struct State {
    pub(crate) history: History,
    pub(crate) now: OffsetDateTime,
    /// Added to the computer's clock by [`super::World::advance`].
    pub(crate) offset: Duration,
    pub(crate) paused: bool,
    pub(crate) applications: Vec<Application>,
    pub(super) by_key: HashMap<(Provider, String), usize>,
    pub(crate) records: HashMap<usize, Vec<Record>>,
    pub(crate) actions: HashMap<usize, Vec<Action>>,
    pub(crate) next_number: u64,
    pub(crate) added: Vec<super::snapshot::AddedApplication>,
    pub(super) running: HashMap<u64, Running>,
    /// Deployments that wait for their turn, oldest first, as (application, number).
    pub(super) waiting: Vec<(usize, u64)>,
    pub(super) agenda: BinaryHeap<Reverse<(OffsetDateTime, u64, Due)>>,
    pub(super) agenda_seq: u64,
    pub(super) streams: HashMap<usize, Vec<UnboundedSender<Change>>>,
    pub(super) milestones: Option<UnboundedSender<Milestone>>,
    pub(super) deployment_every: Option<std::time::Duration>,
    pub(crate) speed: f64,
    /// Rises with everything that must be written to the state file.
    pub(crate) generation: u64,
}

impl State {
    pub(crate) fn seed(&self) -> u64 {
        self.history.origin.seed
    }

    /// The application with this id, or (Scalingo) this name.
    pub(crate) fn application(&self, provider: Provider, key: &str) -> Option<&Application> {
        let index = *self.by_key.get(&(provider, key.to_owned()))?;
        self.applications.get(index).filter(|application| !application.removed)
    }

    /// All applications of a provider that still exist.
    pub(crate) fn of_provider(&self, provider: Provider) -> impl Iterator<Item = &Application> {
        self.applications
            .iter()
            .filter(move |application| application.provider == provider && !application.removed)
    }

    pub(super) fn index_application(&mut self, application: Application) {
        let (provider, index) = (application.provider, application.index);
        self.by_key.insert((provider, application.id.clone()), index);
        if provider == Provider::Scalingo {
            self.by_key.insert((provider, application.name.clone()), index);
        }
        self.applications.push(application);
    }

    fn present(&self, index: usize) -> &[Record] {
        self.records.get(&index).map_or(&[], Vec::as_slice)
    }

    /// How many deployments an application has.
    pub(crate) fn count(&self, index: usize) -> usize {
        self.present(index).len() + self.history.length(index) as usize
    }

    /// How many of an application's deployments of the present were made through the API.
    pub(crate) fn api_count(&self, index: usize) -> usize {
        self.present(index)
            .iter()
            .filter(|record| record.via == Via::Api)
            .count()
    }

    /// The n-th deployment of an application, newest first.
    pub(crate) fn nth_newest(&self, application: &Application, n: usize) -> Option<Record> {
        let present = self.present(application.index);
        if n < present.len() {
            return Some(present[present.len() - 1 - n].clone());
        }
        let back = (n - present.len()) as u64;
        let length = self.history.length(application.index);
        (back < length).then(|| {
            self.history
                .record(application.provider, application.index, length - 1 - back)
        })
    }

    /// The newest deployment that succeeded.
    pub(crate) fn live(&self, application: &Application) -> Option<Record> {
        (0..self.count(application.index))
            .filter_map(|n| self.nth_newest(application, n))
            .find(|record| record.progress(self.seed(), self.now).phase == Phase::Success)
    }

    /// Deployments `skip..skip+take` of an application, newest first, as they are now.
    pub(crate) fn deployments(&self, application: &Application, skip: usize, take: usize) -> Vec<Deployment> {
        let end = self.count(application.index).min(skip.saturating_add(take));
        let live = self.live(application).map(|record| record.number);
        (skip..end).filter_map(|n| self.seen(application, n, live)).collect()
    }

    fn seen(&self, application: &Application, n: usize, live: Option<u64>) -> Option<Deployment> {
        let record = self.nth_newest(application, n)?;
        Some(Deployment {
            progress: record.progress(self.seed(), self.now),
            previous_sha: self
                .nth_newest(application, n + 1)
                .map(|previous| previous.sha(self.seed())),
            is_head: n == 0,
            is_live: live == Some(record.number),
            record,
        })
    }

    /// One deployment of an application by its number.
    pub(crate) fn deployment(&self, application: &Application, number: u64) -> Option<Deployment> {
        let present = self.present(application.index);
        let n = match present.iter().position(|record| record.number == number) {
            Some(position) => present.len() - 1 - position,
            None => {
                let k = self.history.position(application.index, number)?;
                present.len() + (self.history.length(application.index) - 1 - k) as usize
            }
        };
        self.seen(application, n, self.live(application).map(|record| record.number))
    }

    /// One deployment of a stack by its integer id.
    pub(crate) fn deployment_by_integer(&self, application: &Application, id: u64) -> Option<Deployment> {
        self.deployment(application, number_of_cloud66_id(id)?)
    }

    /// One deployment of an app by its UUID.
    pub(crate) fn deployment_by_uuid(&self, application: &Application, id: &str) -> Option<Deployment> {
        let seed = self.seed();
        let present = self.present(application.index).iter().map(|record| record.number);
        let past = (0..self.history.length(application.index)).map(|k| self.history.number(application.index, k));
        let number = present.chain(past).find(|number| uuid(seed, *number) == id)?;
        self.deployment(application, number)
    }

    /// What a deployment has printed until now.
    pub(crate) fn output(&self, application: &Application, record: &Record) -> Vec<String> {
        let lines = super::build_log::lines(self.seed(), record, application);
        lines
            .into_iter()
            .take_while(|(at, _)| *at <= self.now)
            .map(|(_, line)| line)
            .collect()
    }

    /// True when something runs or waits on the application.
    pub(crate) fn is_busy(&self, index: usize) -> bool {
        self.is_running(index) || self.waiting.iter().any(|(waiting, _)| *waiting == index)
    }

    pub(crate) fn is_running(&self, index: usize) -> bool {
        self.running.values().any(|running| running.index == index)
    }

    /// True when a deployment of this application may leave the queue.
    pub(super) fn has_room(&self, index: usize) -> bool {
        match self.applications[index].provider {
            Provider::Cloud66 => !self.is_running(index),
            Provider::Scalingo => {
                let scalingo = |running: &&Running| self.applications[running.index].provider == Provider::Scalingo;
                self.running.values().filter(scalingo).count() < SCALINGO_CONCURRENT
            }
        }
    }

    /// Hear everything that happens to an application from now on.
    pub(crate) fn follow(&mut self, index: usize) -> tokio::sync::mpsc::UnboundedReceiver<Change> {
        let (sender, receiver) = tokio::sync::mpsc::unbounded_channel();
        self.streams.entry(index).or_default().push(sender);
        receiver
    }

    pub(super) fn tell(&mut self, index: usize, change: &Change) {
        if let Some(streams) = self.streams.get_mut(&index) {
            streams.retain(|stream| stream.send(change.clone()).is_ok());
        }
    }

    pub(super) fn milestone(&self, index: usize, number: u64) {
        let application = &self.applications[index];
        if let Some(milestones) = &self.milestones
            && let Some(deployment) = self.deployment(application, number)
        {
            // The receiver lives as long as the simulator; after its end nobody needs to hear.
            let _ = milestones.send(Milestone {
                application: application.clone(),
                deployment,
                at: self.now,
            });
        }
    }

    pub(super) fn schedule(&mut self, at: OffsetDateTime, due: Due) {
        self.agenda_seq += 1;
        self.agenda.push(Reverse((at, self.agenda_seq, due)));
    }

    pub(super) fn record_mut(&mut self, index: usize, number: u64) -> Option<&mut Record> {
        self.records
            .get_mut(&index)?
            .iter_mut()
            .find(|record| record.number == number)
    }

    pub(super) fn forget_oldest(&mut self, index: usize) {
        let now = self.now;
        let seed = self.seed();
        if let Some(records) = self.records.get_mut(&index)
            && records.len() > KEPT_PER_APPLICATION
            && records[0].progress(seed, now).phase.is_finished()
        {
            let oldest = records.remove(0);
            if let Some(actions) = self.actions.get_mut(&index) {
                actions.retain(|action| action.deployment != Some(oldest.number));
            }
        }
    }
}
