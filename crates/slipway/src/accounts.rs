//! Which adapter serves which account.

use std::sync::Arc;

use slipway_config::{AccountSettings, Faults, ProviderKeys, Settings};
use slipway_core::provider::{AddedMapping, ProviderRegistry, SharedProvider};
use slipway_core::{AccountName, Clock, Phase, Status};
use slipway_engine::freezes::Freezes;
use slipway_engine::mappings::with_mappings;
use slipway_engine::renames::Rename;
use slipway_provider_cloud66::{Cloud66Options, Cloud66Provider};
use slipway_provider_http::{CallBook, Calls, Secret, Url};
use slipway_provider_scalingo::{ScalingoOptions, ScalingoProvider, SourceUrlTemplate};

use crate::cli::ConfigArgs;
use crate::failure::Failure;
use crate::freezes;

/// The adapters of this program, each with its own keys in `[[accounts]]`.
pub(crate) const PROVIDERS: &[ProviderKeys] = &[
    ProviderKeys {
        name: slipway_provider_cloud66::NAME,
        keys: &["base_url", "dashboard_url"],
    },
    ProviderKeys {
        name: slipway_provider_scalingo::NAME,
        keys: &["region", "api_url", "auth_url", "dashboard_url", "source_url_template"],
    },
];

/// A configuration, and what is made of it.
pub(crate) struct Loaded {
    pub(crate) settings: Settings,
    pub(crate) registry: ProviderRegistry,
    /// The same without the mappings of the configuration.
    pub(crate) adapters: ProviderRegistry,
    /// What the adapters' calls are counted in.
    pub(crate) calls: CallBook,
    pub(crate) freezes: Freezes,
}

/// Reads the configuration, makes the adapters and reads the freeze windows. All faults are told at once.
pub(crate) fn load(args: &ConfigArgs, clock: &Arc<dyn Clock>) -> Result<Loaded, Failure> {
    read(args, clock, None).map_err(|faults| told(&faults))
}

/// The same. An account that is as it was `before` keeps its adapter, and with it what is known of its rate budget.
pub(crate) fn read(
    args: &ConfigArgs,
    clock: &Arc<dyn Clock>,
    before: Option<(&Settings, &ProviderRegistry, &CallBook)>,
) -> Result<Loaded, Faults> {
    let settings = Settings::load(args.config.as_deref(), std::env::vars(), PROVIDERS)?;
    let calls = before.map(|(.., calls)| calls.clone()).unwrap_or_default();
    let mut faults = Faults::default();
    let mut adapters = ProviderRegistry::default();
    for account in &settings.accounts {
        let name = AccountName::from(account.name.as_str());
        let kept = before.and_then(|(settings, adapters, _)| {
            let known = settings.accounts.iter().find(|known| known.name == account.name)?;
            adapters.get(&name).filter(|_| is_same(known, account)).cloned()
        });
        if let Some(provider) = kept.or_else(|| provider(account, &calls, clock, &mut faults)) {
            adapters.insert(name, provider);
        }
    }
    let registry = with_mappings(&adapters, &added_mappings(&settings));
    let freezes = freezes::read(&settings.freezes, &mut faults);
    if !faults.is_empty() {
        return Err(faults);
    }
    Ok(Loaded {
        settings,
        registry,
        adapters,
        calls,
        freezes,
    })
}

/// Whether two accounts come to the same adapter, wherever they are written.
fn is_same(one: &AccountSettings, other: &AccountSettings) -> bool {
    let options = |account: &AccountSettings| {
        let options = account.options.iter();
        options
            .map(|(key, option)| (*key, option.value.clone()))
            .collect::<Vec<_>>()
    };
    one.provider == other.provider && one.token == other.token && options(one) == options(other)
}

fn added_mappings(settings: &Settings) -> Vec<AddedMapping> {
    let mappings = settings.status_mappings.iter();
    let added = mappings.filter_map(|mapping| {
        Some(AddedMapping {
            provider: mapping.provider.clone(),
            provider_status: mapping.provider_status.clone(),
            status: Status::parse(&mapping.status)?,
            phase: mapping.phase.clone().map(Phase::other),
            failure_reason: mapping.failure_reason.clone(),
        })
    });
    added.collect()
}

/// The accounts that say what they were called before.
pub(crate) fn renames(settings: &Settings) -> Vec<Rename> {
    let renames = settings.accounts.iter().filter_map(|account| {
        Some(Rename {
            former: account.previous_name.as_deref()?.into(),
            name: account.name.as_str().into(),
            provider: account.provider,
        })
    });
    renames.collect()
}

fn told(faults: &Faults) -> Failure {
    Failure::new(format!(
        "the configuration has faults; every key is explained in config/default.toml\n{faults}"
    ))
}

fn provider(
    account: &AccountSettings,
    calls: &CallBook,
    clock: &Arc<dyn Clock>,
    faults: &mut Faults,
) -> Option<SharedProvider> {
    let calls = calls.of_account(&account.name);
    let made = match account.provider {
        slipway_provider_cloud66::NAME => cloud66(account, calls, clock, faults)?,
        slipway_provider_scalingo::NAME => scalingo(account, calls, clock, faults)?,
        other => Err(format!("this release has no adapter for `{other}`")),
    };
    made.map_err(|message| faults.push(&account.place, format!("account {}", account.name), message))
        .ok()
}

type Made = Option<Result<SharedProvider, String>>;

fn cloud66(account: &AccountSettings, calls: Arc<Calls>, clock: &Arc<dyn Clock>, faults: &mut Faults) -> Made {
    let mut options = Cloud66Options::new(token(account));
    options.calls = calls;
    set_url(account, "base_url", &mut options.base_url, faults)?;
    set_url(account, "dashboard_url", &mut options.dashboard_url, faults)?;
    Some(shared(Cloud66Provider::new(options, Arc::clone(clock))))
}

fn token(account: &AccountSettings) -> Secret {
    Secret::new(account.token.expose())
}

fn scalingo(account: &AccountSettings, calls: Arc<Calls>, clock: &Arc<dyn Clock>, faults: &mut Faults) -> Made {
    let region = account
        .options
        .get("region")
        .map_or("osc-fr1", |region| region.value.as_str());
    let mut options = match ScalingoOptions::in_region(region, token(account)) {
        Ok(options) => options,
        Err(error) => return Some(Err(error.to_string())),
    };
    options.calls = calls;
    set_url(account, "api_url", &mut options.api_url, faults)?;
    set_url(account, "auth_url", &mut options.auth_url, faults)?;
    set_url(account, "dashboard_url", &mut options.dashboard_url, faults)?;
    if let Some(option) = account.options.get("source_url_template") {
        match SourceUrlTemplate::parse(&option.value) {
            Ok(template) => options.source_url_template = Some(template),
            Err(error) => {
                faults.push(&option.place, format!("account {}", account.name), error.to_string());
                return None;
            }
        }
    }
    Some(shared(ScalingoProvider::new(options, Arc::clone(clock))))
}

fn shared<P, E>(made: Result<P, E>) -> Result<SharedProvider, String>
where
    P: slipway_core::provider::Provider + 'static,
    E: std::fmt::Display,
{
    match made {
        Ok(provider) => Ok(Arc::new(provider)),
        Err(error) => Err(error.to_string()),
    }
}

/// None after a fault.
fn set_url(account: &AccountSettings, key: &str, url: &mut Url, faults: &mut Faults) -> Option<()> {
    let Some(option) = account.options.get(key) else {
        return Some(());
    };
    match Url::parse(&option.value) {
        Ok(parsed) => *url = parsed,
        Err(error) => {
            faults.push(
                &option.place,
                format!("account {}: {key}", account.name),
                format!("is not a URL: {error}"),
            );
            return None;
        }
    }
    Some(())
}
