//! The simulated world: applications and deployments of both providers, moving along their scenarios.

pub(crate) mod action;
pub(crate) mod application;
mod build_log;
pub(crate) mod change;
mod course;
pub(crate) mod deployment;
mod history;
mod scenario;
pub(crate) mod snapshot;
pub(crate) mod state;
mod view;

use std::collections::{BinaryHeap, HashMap};
use std::path::PathBuf;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, AtomicUsize, Ordering};
use std::time::Duration;

use parking_lot::{Mutex, MutexGuard};
use time::OffsetDateTime;
use tokio::sync::Notify;
use tokio::sync::mpsc::UnboundedSender;

pub use self::application::Provider;
pub use self::change::ShownChange;
pub(crate) use self::course::Start;
pub use self::scenario::{Phase, Scenario};
pub use self::view::{ApplicationSummary, DeploymentSummary, StartRequest, WorldError};

use self::change::Milestone;
use self::history::{History, Origin};
use self::snapshot::Snapshot;
use self::state::State;
use crate::faults::Faults;
use crate::quirks::Quirks;
use crate::request_log::RequestLog;
use crate::{SimulatorSettings, time_format};

/// A handle on the simulated world; clones share it.
#[derive(Clone)]
pub struct World(Arc<Shared>);

pub(crate) struct Shared {
    state: Mutex<State>,
    faults: Faults,
    requests: RequestLog,
    quirks: Mutex<Quirks>,
    /// Rises when all tokens of Scalingo expire at once.
    pub(crate) token_key: AtomicU64,
    pub(crate) open_sockets: AtomicUsize,
    /// Something must be written to the state file soon.
    pub(crate) unsaved: Notify,
    /// One writer of the state file at a time; taken after the lock of the state, never before.
    writing: Mutex<()>,
    /// `next_number` as it stands in the state file.
    written_numbers: AtomicU64,
    state_file: Option<PathBuf>,
}

fn wall_clock() -> OffsetDateTime {
    let now = time_format::wall_clock();
    // Milliseconds are what the state file keeps: a restart must not shift anything.
    now.replace_millisecond(now.millisecond()).unwrap_or(now)
}

impl World {
    pub(crate) fn new(
        settings: &SimulatorSettings,
        snapshot: Option<Snapshot>,
        milestones: UnboundedSender<Milestone>,
    ) -> Self {
        let wall = wall_clock();
        let fresh = snapshot.is_none();
        let snapshot = snapshot.unwrap_or_else(|| Snapshot {
            version: 1,
            origin: Origin {
                seed: settings.seed,
                cloud66_stacks: settings.cloud66_stacks,
                scalingo_apps: settings.scalingo_apps,
                history_per_application: settings.history_per_application,
                began_at: wall,
            },
            now: wall,
            next_number: 0,
            added: Vec::new(),
            removed: Vec::new(),
            records: HashMap::new(),
            actions: HashMap::new(),
            token_key: 0,
        });
        let applications = Snapshot::applications(&snapshot.origin, &snapshot.added, &snapshot.removed);
        let history = History::new(snapshot.origin);
        let mut state = State {
            next_number: snapshot.next_number.max(history.first_free_number()),
            now: snapshot.now,
            // A world that ran ahead of the clock goes on from where it was.
            offset: (snapshot.now - wall).max(time::Duration::ZERO),
            paused: false,
            applications: Vec::with_capacity(applications.len()),
            by_key: HashMap::with_capacity(applications.len() * 2),
            records: snapshot.records,
            actions: snapshot.actions,
            added: snapshot.added,
            running: HashMap::new(),
            waiting: Vec::new(),
            agenda: BinaryHeap::new(),
            agenda_seq: 0,
            streams: HashMap::new(),
            milestones: Some(milestones),
            deployment_every: settings.deployment_every,
            speed: if settings.speed > 0.0 { settings.speed } else { 1.0 },
            generation: u64::from(fresh),
            history,
        };
        for application in applications {
            state.index_application(application);
        }
        state.continue_after_load(wall);
        let shared = Shared {
            state: Mutex::new(state),
            faults: Faults::new(settings.seed),
            requests: RequestLog::default(),
            quirks: Mutex::new(Quirks::new(settings.rate_limits)),
            token_key: AtomicU64::new(snapshot.token_key),
            open_sockets: AtomicUsize::new(0),
            unsaved: Notify::new(),
            writing: Mutex::new(()),
            written_numbers: AtomicU64::new(0),
            state_file: settings.state_file.clone(),
        };
        Self(Arc::new(shared))
    }

    pub(crate) fn state(&self) -> MutexGuard<'_, State> {
        self.0.state.lock()
    }

    pub(crate) fn shared(&self) -> &Shared {
        &self.0
    }

    /// The faults that the servers show; see the control API.
    #[must_use]
    pub fn faults(&self) -> &Faults {
        &self.0.faults
    }

    /// What the servers were asked, and how often.
    #[must_use]
    pub fn requests(&self) -> &RequestLog {
        &self.0.requests
    }

    /// The switches of provider behaviour, as they are now.
    #[must_use]
    pub fn quirks(&self) -> Quirks {
        self.0.quirks.lock().clone()
    }

    /// Change switches of provider behaviour.
    pub fn set_quirks(&self, change: impl FnOnce(&mut Quirks)) {
        change(&mut self.0.quirks.lock());
    }

    /// The time in the world.
    #[must_use]
    pub fn now(&self) -> OffsetDateTime {
        self.state().now
    }

    /// Stop the world's clock; it moves by [`World::advance`] only.
    pub fn pause(&self) {
        self.state().paused = true;
    }

    /// Let the clock run again, from where the world is.
    pub fn resume(&self) {
        let mut state = self.state();
        if state.paused {
            state.paused = false;
            state.offset = (state.now - wall_clock()).max(time::Duration::ZERO);
        }
    }

    /// True while [`World::pause`] holds.
    #[must_use]
    pub fn is_paused(&self) -> bool {
        self.state().paused
    }

    /// Let `duration` of virtual time pass at once, doing everything that is due in its order.
    pub fn advance(&self, duration: Duration) {
        let duration = time::Duration::milliseconds(i64::try_from(duration.as_millis()).unwrap_or(i64::MAX));
        let mut state = self.state();
        let until = if state.paused {
            state.now + duration
        } else {
            state.offset += duration;
            (wall_clock() + state.offset).max(state.now)
        };
        state.advance_to(until);
        self.write_ahead(&state);
    }

    /// Move to the present. Called by the ticking task.
    pub(crate) fn tick(&self) {
        let mut state = self.state();
        if state.paused {
            return;
        }
        let generation = state.generation;
        let until = wall_clock() + state.offset;
        state.advance_to(until);
        if state.generation != generation {
            self.write_ahead(&state);
        }
    }

    /// Put new ids into the state file before anybody can be told of them. To be called before the lock is given back.
    ///
    /// Not synced to the disk: what a killed process wrote stays, and the next regular save is synced.
    pub(crate) fn write_ahead(&self, state: &State) {
        let written = self.0.written_numbers.load(Ordering::SeqCst);
        if let Some(path) = &self.0.state_file
            && state.next_number != written
        {
            let _writing = self.0.writing.lock();
            match self.snapshot(state).save(path, false) {
                Ok(()) => self.0.written_numbers.store(state.next_number, Ordering::SeqCst),
                Err(error) => tracing::error!(%error, path = %path.display(), "the world was not saved"),
            }
        }
        self.0.unsaved.notify_one();
    }

    fn snapshot(&self, state: &State) -> Snapshot {
        Snapshot::of(state, self.0.token_key.load(Ordering::SeqCst))
    }

    /// Write the state file now, if there is one.
    pub(crate) fn save(&self) -> std::io::Result<()> {
        let Some(path) = &self.0.state_file else { return Ok(()) };
        let state = self.state();
        let (snapshot, numbers) = (self.snapshot(&state), state.next_number);
        // Taken before the state is given back: the files follow each other as the states did.
        let _writing = self.0.writing.lock();
        drop(state);
        snapshot.save(path, true)?;
        self.0.written_numbers.store(numbers, Ordering::SeqCst);
        Ok(())
    }

    /// How many deployment sockets are open.
    #[must_use]
    pub fn open_sockets(&self) -> usize {
        self.0.open_sockets.load(Ordering::SeqCst)
    }

    /// How many deployments of the past have been computed since the start.
    #[must_use]
    pub fn history_computed(&self) -> u64 {
        self.state().history.computed.load(Ordering::Relaxed)
    }
}
