//! The state file: the world between two runs.

use std::collections::HashMap;
use std::io::Write;
use std::path::Path;

use serde::{Deserialize, Serialize};
use time::OffsetDateTime;

use super::action::Action;
use super::application::{Application, Provider};
use super::deployment::Record;
use super::history::Origin;
use super::state::State;
use crate::SimulatorError;

/// After a kill the file can lack the newest deployments; their numbers must not be given out again.
const NUMBERS_SKIPPED_ON_LOAD: u64 = 10_000;

/// An application that was added while the world ran.
#[derive(Debug, Clone, Serialize, Deserialize)]
pub(crate) struct AddedApplication {
    pub(crate) provider: Provider,
    pub(crate) name: String,
    pub(crate) environment: String,
}

/// Everything that does not follow from the seed.
#[derive(Debug, Serialize, Deserialize)]
pub(crate) struct Snapshot {
    pub(crate) version: u32,
    pub(crate) origin: Origin,
    #[serde(with = "time::serde::timestamp::milliseconds")]
    pub(crate) now: OffsetDateTime,
    pub(crate) next_number: u64,
    pub(crate) added: Vec<AddedApplication>,
    pub(crate) removed: Vec<usize>,
    pub(crate) records: HashMap<usize, Vec<Record>>,
    pub(crate) actions: HashMap<usize, Vec<Action>>,
    /// Key generation of the Scalingo tokens, so that a token survives a restart of the simulator.
    pub(crate) token_key: u64,
}

impl Snapshot {
    pub(crate) fn of(state: &State, token_key: u64) -> Self {
        let removed = state.applications.iter().filter(|application| application.removed);
        Self {
            version: 1,
            origin: state.history.origin.clone(),
            now: state.now,
            next_number: state.next_number,
            added: state.added.clone(),
            removed: removed.map(|application| application.index).collect(),
            records: state.records.clone(),
            actions: state.actions.clone(),
            token_key,
        }
    }

    /// Read the file; None when there is none.
    pub(crate) fn load(path: &Path) -> Result<Option<Self>, SimulatorError> {
        let text = match std::fs::read(path) {
            Ok(text) => text,
            Err(error) if error.kind() == std::io::ErrorKind::NotFound => return Ok(None),
            Err(source) => {
                return Err(SimulatorError::StateFile {
                    path: path.to_owned(),
                    source,
                });
            }
        };
        match serde_json::from_slice::<Self>(&text) {
            Ok(mut snapshot) => {
                snapshot.next_number += NUMBERS_SKIPPED_ON_LOAD;
                Ok(Some(snapshot))
            }
            Err(source) => Err(SimulatorError::StateFile {
                path: path.to_owned(),
                source: source.into(),
            }),
        }
    }

    /// Write the file so that a reader (or a kill) finds the old or the new one, never half of it.
    pub(crate) fn save(&self, path: &Path, sync: bool) -> std::io::Result<()> {
        let text = serde_json::to_vec(self)?;
        let mut temporary = path.as_os_str().to_owned();
        temporary.push(".new");
        let mut file = std::fs::File::create(&temporary)?;
        file.write_all(&text)?;
        if sync {
            file.sync_data()?;
        }
        std::fs::rename(&temporary, path)
    }

    /// Every application of the world, in the order of their indexes.
    pub(crate) fn applications(origin: &Origin, added: &[AddedApplication], removed: &[usize]) -> Vec<Application> {
        let seed = origin.seed;
        let stacks = (0..origin.cloud66_stacks).map(|n| Application::drawn(seed, Provider::Cloud66, n, n));
        let apps = (0..origin.scalingo_apps)
            .map(|n| Application::drawn(seed, Provider::Scalingo, origin.cloud66_stacks + n, n));
        let mut applications: Vec<Application> = stacks.chain(apps).collect();
        for application in added {
            let index = applications.len();
            let AddedApplication {
                provider,
                name,
                environment,
            } = application;
            applications.push(Application::named(seed, *provider, index, name, environment));
        }
        for index in removed {
            if let Some(application) = applications.get_mut(*index) {
                application.removed = true;
            }
        }
        applications
    }
}
