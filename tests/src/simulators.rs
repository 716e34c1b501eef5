//! The simulated providers as a process of their own, and the control API of any simulator.

use std::collections::BTreeMap;
use std::time::Duration;

use serde_json::{Value, json};

use crate::case::Case;
use crate::process::Process;

/// What the simulated world is like. The default is small, quick, and quiet: nothing is deployed by itself.
#[derive(Debug, Clone)]
pub struct SimulateOptions {
    /// Everything random follows from it.
    pub seed: u64,
    /// Stacks of Cloud 66.
    pub cloud66_stacks: usize,
    /// Apps of Scalingo.
    pub scalingo_apps: usize,
    /// Past deployments of an application, about.
    pub history: usize,
    /// Seconds between deployments that start by themselves; 0 for none.
    pub deployment_every: f64,
    /// How much faster than life.
    pub speed: f64,
    /// Whether the providers' rate limits are enforced.
    pub rate_limits: bool,
}

impl Default for SimulateOptions {
    fn default() -> Self {
        Self {
            seed: 1,
            cloud66_stacks: 3,
            scalingo_apps: 3,
            history: 4,
            deployment_every: 0.0,
            speed: 10.0,
            rate_limits: false,
        }
    }
}

/// A process of `slipway simulate`.
#[derive(Debug)]
pub struct Simulators {
    /// The process.
    pub process: Process,
    /// What it printed: addresses and tokens.
    pub ready: Value,
    /// Its control API.
    pub control: Control,
}

impl Simulators {
    /// Starts it on free ports and waits until it serves.
    pub async fn start(case: &Case, options: &SimulateOptions) -> Self {
        let mut command = case.command(&["simulate", "--json", "--ports", "0,0,0"]);
        let mut option = |name: &str, value: String| {
            command.arg(format!("--{name}")).arg(value);
        };
        option("seed", options.seed.to_string());
        option("cloud66-stacks", options.cloud66_stacks.to_string());
        option("scalingo-apps", options.scalingo_apps.to_string());
        option("history", options.history.to_string());
        option("deployment-every", options.deployment_every.to_string());
        option("speed", options.speed.to_string());
        if !options.rate_limits {
            command.arg("--no-rate-limits");
        }
        let mut process = Process::start(command);
        let ready = process
            .wait_for_stdout("the simulators serve", |line| serde_json::from_str::<Value>(line).ok())
            .await;
        let control = Control::new(text(&ready["control"]["url"]));
        Self {
            process,
            ready,
            control,
        }
    }

    /// One of the printed texts: `text("/scalingo/api_url")`.
    pub fn text(&self, pointer: &str) -> &str {
        text(self.ready.pointer(pointer).unwrap_or(&Value::Null))
    }
}

fn text(value: &Value) -> &str {
    value.as_str().unwrap_or_else(|| panic!("a text, not {value}"))
}

/// The control API.
#[derive(Debug, Clone)]
pub struct Control {
    url: String,
    http: reqwest::Client,
}

impl Control {
    /// The one at this address.
    ///
    /// # Panics
    /// When there can be no HTTP client.
    pub fn new(url: &str) -> Self {
        let http = reqwest::Client::builder()
            .no_proxy()
            .timeout(Duration::from_secs(30))
            .build();
        Self {
            url: url.to_owned(),
            http: http.expect("an HTTP client"),
        }
    }

    /// One GET.
    ///
    /// # Panics
    /// When it is refused.
    pub async fn get(&self, path: &str) -> Value {
        self.send(self.http.get(format!("{}{path}", self.url))).await
    }

    /// One POST.
    ///
    /// # Panics
    /// When it is refused.
    pub async fn post(&self, path: &str, body: Value) -> Value {
        let request = self.http.post(format!("{}{path}", self.url));
        let request = request
            .header("content-type", "application/json")
            .body(body.to_string());
        self.send(request).await
    }

    /// One PATCH.
    ///
    /// # Panics
    /// When it is refused.
    pub async fn patch(&self, path: &str, body: Value) -> Value {
        let request = self.http.patch(format!("{}{path}", self.url));
        let request = request
            .header("content-type", "application/json")
            .body(body.to_string());
        self.send(request).await
    }

    /// One DELETE.
    ///
    /// # Panics
    /// When it is refused.
    pub async fn delete(&self, path: &str) {
        self.send(self.http.delete(format!("{}{path}", self.url))).await;
    }

    async fn send(&self, request: reqwest::RequestBuilder) -> Value {
        let response = request
            .send()
            .await
            .unwrap_or_else(|error| panic!("the control API: {error:?}"));
        let status = response.status();
        let text = response.text().await.unwrap_or_default();
        assert!(status.is_success(), "the control API answered {status}: {text}");
        serde_json::from_str(&text).unwrap_or_default()
    }

    /// Puts a fault in force.
    pub async fn fault(&self, fault: Value) {
        self.post("/faults", fault).await;
    }

    /// Ends all faults.
    pub async fn heal(&self) {
        self.delete("/faults").await;
    }

    /// Starts deployments; returns their ids at the provider.
    ///
    /// # Panics
    /// When they cannot be started.
    pub async fn deploy(&self, provider: &str, scenario: &str, count: usize) -> Vec<String> {
        let body = json!({"provider": provider, "scenario": scenario, "count": count});
        let started = self.post("/deployments", body).await;
        let started = started["deployments"].as_array().expect("a list");
        started
            .iter()
            .map(|deployment| text(&deployment["id"]).to_owned())
            .collect()
    }

    /// The applications of the world, as they are told.
    ///
    /// # Panics
    /// When they cannot be had.
    pub async fn applications(&self) -> Vec<Value> {
        self.get("/applications").await["applications"]
            .as_array()
            .expect("a list")
            .clone()
    }

    /// How many requests of each kind came.
    ///
    /// # Panics
    /// When it cannot be had.
    pub async fn counters(&self) -> BTreeMap<String, u64> {
        let counters = self.get("/requests/counters").await;
        serde_json::from_value(counters["counters"].clone()).expect("numbers by kind")
    }
}
