//! `slipway demo`: everything in one process, without an account anywhere.

mod credentials;
mod greeting;
mod webhooks;

use std::net::SocketAddr;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::{Duration, Instant};

use slipway_core::provider::ProviderRegistry;
use slipway_core::{AccountName, Clock, SystemClock};
use slipway_engine::SyncSettings;
use slipway_engine::freezes::Freezes;
use slipway_engine::logs::LogSettings;
use slipway_engine::retention::RetentionSettings;
use slipway_engine::rules::{Rule, Rules};
use slipway_provider_cloud66::{Cloud66Options, Cloud66Provider};
use slipway_provider_http::{CallBook, ConfigError, Secret, Url};
use slipway_provider_scalingo::{ScalingoOptions, ScalingoProvider};
use slipway_server::ServerSettings;
use slipway_simulator::{Simulator, SimulatorSettings};
use slipway_store::Visibility;
use slipway_store::deployments::{self, DeploymentFilter, DeploymentQuery};

use self::credentials::Credentials;
use self::greeting::Greeting;
use self::webhooks::Webhooks;
use super::{print, serve};
use crate::cli::DemoArgs;
use crate::database::Database;
use crate::failure::{Failure, chain};
use crate::gateway::{Api, Gateway, Parts, bind};
use crate::lifecycle::Lifecycle;
use crate::telemetry;

const CLOUD66_STACKS: usize = 22;
const SCALINGO_APPS: usize = 18;
const HISTORY_PER_APPLICATION: usize = 10;
const DEPLOYMENT_EVERY: Duration = Duration::from_secs(4);
const MAX_CONNECTIONS: u32 = 20;
/// The demo greets after this time even if a provider has nothing to show yet; the log says why.
const FIRST_ROWS_PATIENCE: Duration = Duration::from_secs(30);
const ACCOUNTS: [&str; 2] = ["cloud66-demo", "scalingo-demo"];

pub(crate) async fn run(args: DemoArgs) -> Result<(), Failure> {
    let started_at = Instant::now();
    telemetry::start_from_environment("warn,sqlx=error")?;
    let lifecycle = Lifecycle::listen()?;
    let (listener, address) = bind(args.listen).await?;
    let folder = args
        .data_dir
        .clone()
        .unwrap_or_else(|| slipway_builtin_postgres::default_data_dir().join("demo"));
    // The database first: its lock on the folder also guards the other files in it.
    let opening = Database::open_builtin(folder.clone(), "--data-dir", MAX_CONNECTIONS);
    let Some(database) = lifecycle.until_soft(opening).await.transpose()? else {
        return Ok(());
    };
    let demo = Demo {
        args,
        folder,
        address,
        started_at,
        lifecycle: lifecycle.clone(),
    };
    let ran = demo.run(listener, &database).await;
    let ended = lifecycle.until_hard(database.close()).await;
    ran.and(ended)
}

struct Demo {
    args: DemoArgs,
    folder: PathBuf,
    address: SocketAddr,
    started_at: Instant,
    lifecycle: Lifecycle,
}

impl Demo {
    fn is_open(&self) -> bool {
        self.address.ip().is_loopback() && !self.args.require_token
    }

    async fn run(&self, listener: tokio::net::TcpListener, database: &Database) -> Result<(), Failure> {
        let credentials = Credentials::keep_in(&self.folder)?;
        let simulator = simulator(self.args.seed, &self.folder).await?;
        let ran = self.run_gateway(listener, database, &simulator, &credentials).await;
        let ended = self.lifecycle.until_hard(simulator.stop()).await;
        ran.and(ended)
    }

    async fn run_gateway(
        &self,
        listener: tokio::net::TcpListener,
        database: &Database,
        simulator: &Simulator,
        credentials: &Credentials,
    ) -> Result<(), Failure> {
        let clock: Arc<dyn Clock> = Arc::new(SystemClock);
        let webhooks = Webhooks::new();
        let api = Api {
            listener,
            tokens: serve::tokens(Some(&credentials.read_token), Some(&credentials.admin_token)),
            oidc: None,
            settings: ServerSettings {
                // Nothing real is behind it, so that on this machine the dashboard needs no signing in.
                open_access: self.is_open(),
                open_writes: self.is_open(),
                webhook_secrets: webhooks.secrets(),
                ..ServerSettings::default()
            },
        };
        let calls = CallBook::default();
        let parts = Parts {
            database,
            registry: registry(simulator, &calls, &clock)?,
            calls,
            sync: Some(SyncSettings {
                ..serve::sync_defaults(&*clock, database)
            }),
            rules: rules(),
            logs: LogSettings::default(),
            retention: RetentionSettings::default(),
            freezes: Freezes::default(),
            renames: Vec::new(),
            clock,
            api: Some(api),
            metrics: None,
        };
        let mut gateway = Gateway::start(parts, &self.lifecycle).await?;
        webhooks.register(simulator, self.address);
        let greeted = async {
            wait_for_first_rows(database).await;
            let greeting = Greeting {
                address: self.address,
                credentials,
                is_open: self.is_open(),
                simulator,
                folder: &self.folder,
                started_at: self.started_at,
            };
            print(&if self.args.json {
                greeting.machine_text()
            } else {
                greeting.text()
            })
        };
        let served = match self.lifecycle.until_soft(greeted).await {
            None => Ok(()),
            Some(Err(failure)) => Err(failure),
            Some(Ok(())) => gateway.wait().await,
        };
        let ended = self.lifecycle.until_hard(gateway.stop()).await;
        served.and(ended)
    }
}

/// Scalingo knows no environments; the demo's apps carry them in their names, as is the custom there.
fn rules() -> Rules {
    let environment = |name: &str, environment: &str| Rule {
        providers: vec!["scalingo".to_owned()],
        names: vec![name.to_owned()],
        environment: Some(environment.to_owned()),
        ..Rule::default()
    };
    Rules::new(vec![
        environment("*-staging", "staging"),
        environment("*-development", "development"),
        environment("*", "production"),
    ])
}

async fn simulator(seed: u64, folder: &Path) -> Result<Simulator, Failure> {
    let settings = SimulatorSettings {
        seed,
        cloud66_stacks: CLOUD66_STACKS,
        scalingo_apps: SCALINGO_APPS,
        history_per_application: HISTORY_PER_APPLICATION,
        deployment_every: Some(DEPLOYMENT_EVERY),
        state_file: Some(folder.join("world.json")),
        ..SimulatorSettings::default()
    };
    Simulator::start(settings).await.map_err(|error| {
        Failure::new(format!(
            "{}; an empty --data-dir begins with a new world",
            chain(&error)
        ))
    })
}

fn registry(simulator: &Simulator, calls: &CallBook, clock: &Arc<dyn Clock>) -> Result<ProviderRegistry, Failure> {
    let failed = |error: ConfigError| Failure::new(format!("the simulators cannot be used: {error}"));
    let url = |text: String| Url::parse(&text).map_err(|error| failed(ConfigError(error.to_string())));

    let mut cloud66 = Cloud66Options::new(Secret::new(simulator.cloud66_token()));
    cloud66.base_url = url(format!("{}/api/3", simulator.cloud66_url()))?;
    let mut scalingo = ScalingoOptions::new(Secret::new(simulator.scalingo_token()));
    scalingo.api_url = url(simulator.scalingo_api_url())?;
    scalingo.auth_url = url(simulator.scalingo_auth_url())?;

    let [cloud66_account, scalingo_account] = ACCOUNTS.map(AccountName::from);
    cloud66.calls = calls.of_account(cloud66_account.as_str());
    scalingo.calls = calls.of_account(scalingo_account.as_str());
    let mut registry = ProviderRegistry::default();
    let cloud66 = Cloud66Provider::new(cloud66, Arc::clone(clock)).map_err(failed)?;
    registry.insert(cloud66_account, Arc::new(cloud66));
    let scalingo = ScalingoProvider::new(scalingo, Arc::clone(clock)).map_err(failed)?;
    registry.insert(scalingo_account, Arc::new(scalingo));
    Ok(registry)
}

/// Ready means that both providers have something to show.
async fn wait_for_first_rows(database: &Database) {
    let waited = async {
        for account in ACCOUNTS {
            while !has_rows(database, account).await {
                tokio::time::sleep(Duration::from_millis(50)).await;
            }
        }
    };
    if tokio::time::timeout(FIRST_ROWS_PATIENCE, waited).await.is_err() {
        tracing::warn!("not every provider has shown a deployment yet");
    }
}

async fn has_rows(database: &Database, account: &str) -> bool {
    let query = DeploymentQuery {
        filter: DeploymentFilter {
            accounts: vec![account.to_owned()],
            ..DeploymentFilter::default()
        },
        limit: 1,
        ..DeploymentQuery::default()
    };
    let Ok(mut connection) = database.pool.acquire().await else {
        return false;
    };
    deployments::list(&mut connection, &query, &Visibility::default())
        .await
        .is_ok_and(|page| !page.bodies.is_empty())
}
