//! The simulated providers, with an account of each in every world, and what the engine asked them.

use std::collections::BTreeMap;
use std::sync::Arc;

use slipway_core::provider::ProviderRegistry;
use slipway_core::{AccountName, Clock};
use slipway_provider_cloud66::{Cloud66Options, Cloud66Provider};
use slipway_provider_http::{CallBook, Secret, Url};
use slipway_provider_scalingo::{ScalingoOptions, ScalingoProvider};
use slipway_simulator::{Provider, Simulator, SimulatorSettings};

use super::time::VirtualTime;
use crate::Result;

/// So many worlds, with an account of each provider in each.
const WORLDS: usize = 5;
/// Past deployments of an application, about.
const HISTORY: usize = 3;

/// What a call was for.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) enum Kind {
    /// An account's list of applications.
    Feed,
    /// What became of deployments, and where a stream is.
    Status,
    /// The final text of a log.
    Log,
}

impl Kind {
    pub(crate) const ALL: [Self; 3] = [Self::Feed, Self::Status, Self::Log];

    fn of(operation: &str) -> Self {
        match operation {
            "list_applications" => Self::Feed,
            "read_log" => Self::Log,
            _ => Self::Status,
        }
    }

    pub(crate) fn name(self) -> &'static str {
        match self {
            Self::Feed => "feeds",
            Self::Status => "status",
            Self::Log => "logs",
        }
    }
}

/// How many calls there were.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub(crate) struct Counts {
    /// Those that were sent, by provider and kind.
    pub(crate) sent: BTreeMap<(&'static str, Kind), u64>,
    /// Those whose answer was no success: without faults in the world these were throttled.
    pub(crate) refused: u64,
    /// Those that our own count held back.
    pub(crate) held_back: u64,
}

impl Counts {
    pub(crate) fn of_kind(&self, kind: Kind) -> u64 {
        let of_kind = self.sent.iter().filter(|((_, known), _)| *known == kind);
        of_kind.map(|(_, count)| count).sum()
    }

    /// What came since `earlier`.
    pub(super) fn since(&self, earlier: &Self) -> Self {
        let before = |key| earlier.sent.get(key).copied().unwrap_or(0);
        Self {
            sent: self
                .sent
                .iter()
                .map(|(key, count)| (*key, count - before(key)))
                .collect(),
            refused: self.refused - earlier.refused,
            held_back: self.held_back - earlier.held_back,
        }
    }
}

pub(super) struct Accounts {
    pub(super) simulators: Vec<Simulator>,
    pub(super) registry: ProviderRegistry,
    pub(super) applications_each: usize,
    calls: CallBook,
}

/// How an account is called.
pub(super) fn account(provider: Provider, world: usize) -> String {
    format!("{}-{world}", provider.name())
}

impl Accounts {
    /// So many applications over ten accounts.
    pub(super) fn start(time: &mut VirtualTime, applications: usize) -> Result<Self> {
        let clock: Arc<dyn Clock> = Arc::new(time.clock.clone());
        let each = applications.div_ceil(2 * WORLDS);
        let mut this = Self {
            simulators: Vec::new(),
            registry: ProviderRegistry::default(),
            applications_each: each,
            calls: CallBook::default(),
        };
        for world in 0..WORLDS {
            let settings = SimulatorSettings {
                seed: world as u64 + 1,
                cloud66_stacks: each,
                scalingo_apps: each,
                history_per_application: HISTORY,
                ..SimulatorSettings::default()
            };
            let simulator = time.providers.run(Simulator::start(settings))??;
            time.keep(simulator.world().clone());
            let calls = |provider| this.calls.of_account(&account(provider, world));
            let cloud66 = Cloud66Options {
                base_url: Url::parse(&format!("{}/api/3", simulator.cloud66_url()))?,
                calls: calls(Provider::Cloud66),
                ..Cloud66Options::new(Secret::new(simulator.cloud66_token()))
            };
            let scalingo = ScalingoOptions {
                api_url: Url::parse(&simulator.scalingo_api_url())?,
                auth_url: Url::parse(&simulator.scalingo_auth_url())?,
                calls: calls(Provider::Scalingo),
                ..ScalingoOptions::new(Secret::new(simulator.scalingo_token()))
            };
            let cloud66 = Cloud66Provider::new(cloud66, Arc::clone(&clock))?;
            let scalingo = ScalingoProvider::new(scalingo, Arc::clone(&clock))?;
            let name = |provider| AccountName::from(account(provider, world).as_str());
            this.registry.insert(name(Provider::Cloud66), Arc::new(cloud66));
            this.registry.insert(name(Provider::Scalingo), Arc::new(scalingo));
            this.simulators.push(simulator);
        }
        Ok(this)
    }

    /// How many applications there are.
    pub(super) fn applications(&self) -> usize {
        2 * self.simulators.len() * self.applications_each
    }

    /// What was asked until now.
    pub(super) fn counts(&self) -> Counts {
        let mut counts = Counts::default();
        for (account, calls) in self.calls.accounts() {
            let provider = [Provider::Cloud66, Provider::Scalingo]
                .map(Provider::name)
                .into_iter()
                .find(|provider| account.starts_with(provider))
                .unwrap_or_default();
            for (operation, outcome, count) in calls.ended() {
                if outcome == "held_back" {
                    counts.held_back += count;
                    continue;
                }
                *counts.sent.entry((provider, Kind::of(operation))).or_default() += count;
                if outcome != "2xx" {
                    counts.refused += count;
                }
            }
        }
        counts
    }
}
