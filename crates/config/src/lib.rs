#![doc = include_str!("../README.md")]

mod documentation;
mod fault;
mod keys;
mod layers;
mod node;
mod reader;
mod schema;
mod secret;
mod sections;

use std::path::Path;

use reader::Notes;

pub use fault::{Fault, Faults};
pub use schema::schema;
pub use secret::Secret;
pub use sections::{
    AccountOption, AccountSettings, AuthSettings, DatabaseSettings, DeploymentLogSettings, FreezeSettings, LogFormat,
    LogSettings, MappingSettings, MetricsSettings, OidcRestrictions, OidcSettings, ProviderKeys, RetentionSettings,
    RuleSettings, ServerSettings, SyncSettings, TraceSettings,
};

/// The layer below all others, as text: every key with its meaning.
pub const DEFAULTS: &str = include_str!("../../../config/default.toml");

/// The whole configuration.
#[derive(Debug, Clone)]
pub struct Settings {
    /// How the API is served.
    pub server: ServerSettings,
    /// Where the history is kept.
    pub database: DatabaseSettings,
    /// Who may call the API.
    pub auth: AuthSettings,
    /// The connections to providers.
    pub accounts: Vec<AccountSettings>,
    /// How native statuses are read that no adapter has a mapping for.
    pub status_mappings: Vec<MappingSettings>,
    /// What gives environments, owners and labels, in order.
    pub rules: Vec<RuleSettings>,
    /// In which windows nothing is deployed.
    pub freezes: Vec<FreezeSettings>,
    /// How often providers are asked.
    pub sync: SyncSettings,
    /// What is kept of the logs of deployments.
    pub logs: DeploymentLogSettings,
    /// How long everything else is kept.
    pub retention: RetentionSettings,
    /// What is logged, and how.
    pub log: LogSettings,
    /// How metrics are served.
    pub metrics: MetricsSettings,
    /// What becomes of traces.
    pub traces: TraceSettings,
}

impl Settings {
    /// Reads all layers. `environment` is usually [`std::env::vars`]; `providers` are the adapters of this binary with
    /// the keys that each takes in `[[accounts]]`.
    ///
    /// # Errors
    /// Everything that is wrong, at once.
    pub fn load(
        file: Option<&Path>,
        environment: impl IntoIterator<Item = (String, String)>,
        providers: &[ProviderKeys],
    ) -> Result<Self, Faults> {
        let environment = environment.into_iter().collect();
        let mut faults = Faults::default();
        let root = layers::merge(DEFAULTS, file, &environment, &mut faults);
        let notes = Notes {
            environment: &environment,
            faults: &mut faults,
            keys: None,
        };
        let settings = root.and_then(|root| sections::read(root, providers, notes));
        match settings {
            Some(settings) if faults.is_empty() => Ok(settings),
            _ => Err(faults),
        }
    }
}
