//! Gateways under test: `slipway demo` and `slipway serve`.

use std::path::{Path, PathBuf};

use serde_json::Value;
use slipway_test_database::TestDatabase;

use crate::api::Api;
use crate::case::{Case, Person};
use crate::process::{Ended, Process};
use crate::simulators::{Control, Simulators};
use crate::wait::until;

const READ_TOKEN: &str = "read-token-of-the-tests";
/// What the path of the webhooks of every test gateway ends with.
const WEBHOOK_SECRET: &str = "webhook-secret-of-the-tests-0123456789";
const ADMIN_TOKEN: &str = "admin-token-of-the-tests";

/// How `slipway demo` is started. The default: a free port and the folder `data`.
#[derive(Debug, Clone)]
pub struct DemoOptions {
    /// Its data folder.
    pub data_dir: PathBuf,
    /// `--seed`, if not left out.
    pub seed: Option<u64>,
    /// Who runs it.
    pub person: Person,
}

impl DemoOptions {
    /// The default of this case.
    pub fn of(case: &Case) -> Self {
        Self {
            data_dir: case.path("data"),
            seed: None,
            person: Person::Myself,
        }
    }

    fn command(&self, case: &Case) -> std::process::Command {
        let mut command = case.command_as(self.person, &["demo", "--json", "--listen", ":0", "--data-dir"]);
        command.arg(&self.data_dir);
        if let Some(seed) = self.seed {
            command.arg("--seed").arg(seed.to_string());
        }
        command
    }
}

/// A running `slipway demo`.
#[derive(Debug)]
pub struct Demo {
    /// The process.
    pub process: Process,
    /// The line that it printed.
    pub ready: Value,
    /// Its API, with the read token.
    pub api: Api,
    /// Its API, with the admin token.
    pub admin: Api,
    /// The control API of its simulated providers.
    pub control: Control,
}

impl Demo {
    /// Starts it and waits for its line.
    ///
    /// # Panics
    /// When it does not get ready.
    pub async fn start(case: &Case, options: &DemoOptions) -> Self {
        let mut process = Process::start(options.command(case));
        let ready = process
            .wait_for_stdout("the demo is ready", |line| {
                Some(serde_json::from_str::<Value>(line).ok())
            })
            .await
            .expect("the first line is JSON");
        let text = |pointer: &str| {
            let value = ready.pointer(pointer).and_then(Value::as_str);
            value.unwrap_or_else(|| panic!("{pointer} in {ready}"))
        };
        Self {
            api: Api::new(text("/url"), text("/read_token")),
            admin: Api::new(text("/url"), text("/admin_token")),
            control: Control::new(text("/simulators/control")),
            process,
            ready,
        }
    }

    /// A demo that may still be starting.
    pub fn launch(case: &Case, options: &DemoOptions) -> Process {
        Process::start(options.command(case))
    }

    /// Ctrl-C, and the wait for the end.
    pub async fn interrupt(self) -> Ended {
        self.process.signal_group(libc::SIGINT);
        self.process.ended().await
    }
}

/// How `slipway serve` is started. The default: a free port, the built-in database in the folder `data`, and quick polling.
#[derive(Debug, Clone)]
pub struct ServeOptions {
    /// Names its files, so that several can run in one case.
    pub name: String,
    /// `[database]`: a URL, or else the built-in one.
    pub database_url: Option<String>,
    /// More arguments.
    pub arguments: Vec<String>,
    /// What its environment tells it.
    pub environment: Vec<(String, String)>,
    /// More of its configuration, after everything else.
    pub more: String,
    /// `sync.applications_every`
    pub applications_every: String,
    /// `sync.active_every`
    pub active_every: String,
    /// `sync.idle_every`
    pub idle_every: String,
}

impl Default for ServeOptions {
    fn default() -> Self {
        Self {
            name: "gateway".to_owned(),
            database_url: None,
            arguments: Vec::new(),
            environment: Vec::new(),
            more: String::new(),
            applications_every: "1s".to_owned(),
            active_every: "500ms".to_owned(),
            idle_every: "10s".to_owned(),
        }
    }
}

impl ServeOptions {
    /// On a database of the tests' server.
    pub fn on(database: &TestDatabase) -> Self {
        Self {
            database_url: Some(database.url.clone()),
            ..Self::default()
        }
    }

    /// The same for another replica.
    #[must_use]
    pub fn named(&self, name: &str) -> Self {
        Self {
            name: name.to_owned(),
            ..self.clone()
        }
    }

    /// The same with one more variable in its environment.
    #[must_use]
    pub fn with_environment(&self, name: &str, value: &str) -> Self {
        let mut this = self.clone();
        this.environment.push((name.to_owned(), value.to_owned()));
        this
    }

    fn config(&self, case: &Case, simulators: &Simulators) -> String {
        let database = match &self.database_url {
            Some(url) => format!("url = '{url}'"),
            None => format!("data_dir = '{}'", case.path("data").display()),
        };
        format!(
            "[server]\nlisten = '127.0.0.1:0'\n\
             [database]\n{database}\nmax_connections = 10\n\
             [auth]\nread_token = '{READ_TOKEN}'\nadmin_token = '{ADMIN_TOKEN}'\n\
             [sync]\napplications_every = '{}'\nactive_every = '{}'\nidle_every = '{}'\n\
             [log]\nformat = 'json'\nfilter = 'info'\n\
             [[accounts]]\nname = 'cloud66-test'\nprovider = 'cloud66'\ntoken = '{}'\nbase_url = '{}/api/3'\nwebhook_secret = '{WEBHOOK_SECRET}'\n\
             [[accounts]]\nname = 'scalingo-test'\nprovider = 'scalingo'\ntoken = '{}'\napi_url = '{}'\nauth_url = '{}'\nwebhook_secret = '{WEBHOOK_SECRET}'\n{}",
            self.applications_every,
            self.active_every,
            self.idle_every,
            simulators.text("/cloud66/token"),
            simulators.text("/cloud66/url"),
            simulators.text("/scalingo/token"),
            simulators.text("/scalingo/api_url"),
            simulators.text("/scalingo/auth_url"),
            self.more,
        )
    }
}

/// A running `slipway serve`.
#[derive(Debug)]
pub struct Gateway {
    /// The process.
    pub process: Process,
    /// Its API, with the read token.
    pub api: Api,
    /// Its API, with the admin token.
    pub admin: Api,
}

impl Gateway {
    /// The accounts of every test gateway, Cloud 66 first.
    pub const ACCOUNTS: [&str; 2] = ["cloud66-test", "scalingo-test"];

    /// The configuration that it was started with.
    pub fn config_file(case: &Case, options: &ServeOptions) -> PathBuf {
        case.path(&format!("{}.toml", options.name))
    }

    /// Where the provider of an account sends its webhooks.
    pub fn webhook_url(&self, account: &str) -> String {
        format!("{}/api/v1/inbound/{account}/{WEBHOOK_SECRET}", self.api.base())
    }

    /// Starts it and waits until it is ready.
    ///
    /// # Panics
    /// When it does not get ready.
    pub async fn start(case: &Case, options: &ServeOptions, simulators: &Simulators) -> Self {
        let file = Self::config_file(case, options);
        std::fs::write(&file, options.config(case, simulators)).expect("the case's folder is writable");
        Self::start_with(case, &file, options).await
    }

    /// A process that only syncs, with what `options` says, and where it serves metrics.
    ///
    /// # Panics
    /// When it does not get ready.
    pub async fn start_syncing(case: &Case, options: &ServeOptions, simulators: &Simulators) -> (Process, Api) {
        let file = Self::config_file(case, options);
        std::fs::write(&file, options.config(case, simulators)).expect("the case's folder is writable");
        let mut command = case.command(&["sync", "--config"]);
        command.arg(&file);
        let mut process = Process::start(command);
        let api = operations_of(&mut process).await;
        (process, api)
    }

    async fn start_with(case: &Case, file: &Path, options: &ServeOptions) -> Self {
        let mut command = case.command(&["serve", "--config"]);
        command.arg(file).args(&options.arguments);
        for (name, value) in &options.environment {
            command.env(name, value);
        }
        let mut process = Process::start(command);
        // With port 0 only the log tells which one it became.
        let address = process
            .wait_for_stderr("the gateway serves", |line| {
                let line: Value = serde_json::from_str(line).ok()?;
                (line["message"] == "the gateway serves").then(|| line["address"].as_str().map(str::to_owned))?
            })
            .await;
        let base = format!("http://{address}");
        let gateway = Self {
            process,
            api: Api::new(&base, READ_TOKEN),
            admin: Api::new(&base, ADMIN_TOKEN),
        };
        until("the gateway is ready", async || {
            gateway.api.is_ready().await.then_some(())
        })
        .await;
        gateway
    }

    /// Waits until both accounts are read to their ends and everything is fresh.
    pub async fn wait_until_synced(&self) {
        until("both accounts are fresh and their history complete", async || {
            let accounts = self.api.accounts().await;
            let is_done = |name: &&str| {
                accounts.get(*name).is_some_and(|account| {
                    account.freshness.state == slipway_api::FreshnessState::Fresh
                        && account.freshness.backfill.state == "complete"
                })
            };
            Self::ACCOUNTS.iter().all(is_done).then_some(())
        })
        .await;
    }

    /// Where it serves metrics without a token; needs `metrics.listen`.
    pub async fn operations(&mut self) -> Api {
        operations_of(&mut self.process).await
    }

    /// Kills it the hard way and waits until it is gone.
    pub async fn kill_9(self) {
        self.process.signal_group(libc::SIGKILL);
        self.process.ended().await;
    }
}

/// With port 0 only the log tells which one it became.
async fn operations_of(process: &mut Process) -> Api {
    let address = process
        .wait_for_stderr("metrics are served", |line| {
            let line: Value = serde_json::from_str(line).ok()?;
            let is_it = line["message"] == "metrics and health are served without a token";
            is_it.then(|| line["address"].as_str().map(str::to_owned))?
        })
        .await;
    Api::new(&format!("http://{address}"), "")
}
