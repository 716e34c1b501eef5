#![doc = include_str!("../README.md")]

mod cloud66;
mod control;
mod dice;
mod faults;
mod front;
mod listener;
mod quirks;
mod rate_limit;
mod request_log;
mod scalingo;
mod time_format;
mod webhooks;
mod world;

use std::net::{IpAddr, Ipv4Addr, SocketAddr};
use std::path::PathBuf;
use std::sync::atomic::Ordering;
use std::time::{Duration, Instant};

use serde_json::json;
use tokio::task::JoinSet;
use tokio_util::sync::{CancellationToken, DropGuard};

pub use self::faults::{ActiveFault, Fault, FaultKind, Faults};
pub use self::quirks::{CodeStyle, NewFrame, Quirks};
pub use self::request_log::{RequestEntry, RequestLog};
pub use self::webhooks::WebhookTarget;
pub use self::world::{
    ApplicationSummary, DeploymentSummary, Phase, Provider, Scenario, ShownChange, StartRequest, World, WorldError,
};

use self::dice::Dice;
use self::front::Front;
use self::rate_limit::RateLimit;
use self::webhooks::Webhooks;
use self::world::snapshot::Snapshot;

/// How often the world looks at the clock.
const TICK: Duration = Duration::from_millis(50);
/// The longest pause between a change and the regular save of it.
const SAVE_EVERY: Duration = Duration::from_secs(1);
/// How long [`Simulator::stop`] waits for the servers.
const STOP_WITHIN: Duration = Duration::from_millis(800);

/// What to simulate, and where.
#[derive(Debug, Clone)]
pub struct SimulatorSettings {
    /// Everything that looks random follows from it.
    pub seed: u64,
    /// Stacks of Cloud 66.
    pub cloud66_stacks: usize,
    /// Apps of Scalingo.
    pub scalingo_apps: usize,
    /// Past deployments of each application; half to one and a half of it.
    pub history_per_application: usize,
    /// Mean time between deployments that start by themselves; None: only by API and control.
    pub deployment_every: Option<Duration>,
    /// 1.0: a deployment takes some 20 to 60 seconds; 10.0: a tenth of that.
    pub speed: f64,
    /// Where the three servers listen.
    pub listen: IpAddr,
    /// Ports of Cloud 66, Scalingo and the control API; None: free ones.
    pub ports: Option<[u16; 3]>,
    /// Keeps the world between runs. A file that exists decides seed and numbers of applications.
    pub state_file: Option<PathBuf>,
    /// Whether the providers' rate limits are enforced.
    pub rate_limits: bool,
}

impl Default for SimulatorSettings {
    fn default() -> Self {
        Self {
            seed: 1,
            cloud66_stacks: 20,
            scalingo_apps: 20,
            history_per_application: 10,
            deployment_every: None,
            speed: 1.0,
            listen: IpAddr::V4(Ipv4Addr::LOCALHOST),
            ports: None,
            state_file: None,
            rate_limits: true,
        }
    }
}

/// Why a simulator cannot start.
#[derive(Debug, thiserror::Error)]
pub enum SimulatorError {
    /// The address is taken or not ours.
    #[error("cannot listen on {address}")]
    Bind {
        /// Where it should have listened.
        address: SocketAddr,
        /// What the system said.
        source: std::io::Error,
    },
    /// The state file cannot be read or written.
    #[error("cannot use the simulator's state file {}", path.display())]
    StateFile {
        /// The file.
        path: PathBuf,
        /// What the system said, or what is wrong with its content.
        source: std::io::Error,
    },
}

/// Both providers, running. Dropping it ends the servers; [`Simulator::stop`] also saves the world.
pub struct Simulator {
    world: World,
    cloud66: SocketAddr,
    scalingo: SocketAddr,
    control: SocketAddr,
    cloud66_token: String,
    scalingo_token: String,
    state_file: Option<PathBuf>,
    webhooks: Webhooks,
    tasks: JoinSet<()>,
    stop: DropGuard,
}

fn url(address: SocketAddr) -> String {
    let mut reachable = address;
    if address.ip().is_unspecified() {
        reachable.set_ip(IpAddr::V4(Ipv4Addr::LOCALHOST));
    }
    format!("http://{reachable}")
}

impl Simulator {
    /// Bind, load or make the world, and serve.
    ///
    /// # Errors
    /// When a port is taken, or the state file cannot be read or written.
    pub async fn start(settings: SimulatorSettings) -> Result<Self, SimulatorError> {
        let [cloud66_port, scalingo_port, control_port] = settings.ports.unwrap_or_default();
        let (cloud66_listener, cloud66) = listener::bind((settings.listen, cloud66_port).into()).await?;
        let (scalingo_listener, scalingo) = listener::bind((settings.listen, scalingo_port).into()).await?;
        let (control_listener, control) = listener::bind((settings.listen, control_port).into()).await?;

        let snapshot = match &settings.state_file {
            Some(path) => Snapshot::load(path)?,
            None => None,
        };
        let seed = snapshot.as_ref().map_or(settings.seed, |snapshot| snapshot.origin.seed);
        if seed != settings.seed {
            tracing::warn!(
                kept = seed,
                asked = settings.seed,
                "the kept world has another seed and goes on with it"
            );
        }
        let (milestones, milestones_receiver) = tokio::sync::mpsc::unbounded_channel();
        let world = World::new(&settings, snapshot, milestones);
        if let Some(path) = &settings.state_file {
            world.save().map_err(|source| SimulatorError::StateFile {
                path: path.clone(),
                source,
            })?;
        }

        let cloud66_token = Dice::new(seed, "cloud66 token", 0).word(64);
        let scalingo_token = format!("tk-us-{}", Dice::new(seed, "scalingo token", 0).word(48));
        let stop = CancellationToken::new();
        let front = |provider, token: &str, address: SocketAddr| {
            front::router(Front {
                provider,
                world: world.clone(),
                token: token.to_owned(),
                authority: address.to_string(),
                rate_limit: RateLimit::default(),
                stop: stop.clone(),
            })
        };
        let webhooks = Webhooks::default();
        let control_router = control::router(control::Control {
            world: world.clone(),
            webhooks: webhooks.clone(),
            about: json!({
                "seed": seed,
                "cloud66": { "url": url(cloud66), "token": cloud66_token },
                "scalingo": { "api_url": url(scalingo), "auth_url": url(scalingo), "token": scalingo_token },
                "control": { "url": url(control) },
            }),
        });

        let mut tasks = JoinSet::new();
        let cloud66_router = front(Provider::Cloud66, &cloud66_token, cloud66);
        let scalingo_router = front(Provider::Scalingo, &scalingo_token, scalingo);
        tasks.spawn(listener::serve(cloud66_listener, cloud66_router, stop.clone()));
        tasks.spawn(listener::serve(scalingo_listener, scalingo_router, stop.clone()));
        tasks.spawn(listener::serve(control_listener, control_router, stop.clone()));
        tasks.spawn(webhooks::deliver(
            world.clone(),
            webhooks.clone(),
            milestones_receiver,
            stop.clone(),
        ));
        tasks.spawn(tick(world.clone(), stop.clone()));
        if let Some(path) = settings.state_file.clone() {
            tasks.spawn(keep(world.clone(), path, stop.clone()));
        }
        Ok(Self {
            world,
            cloud66,
            scalingo,
            control,
            cloud66_token,
            scalingo_token,
            state_file: settings.state_file,
            webhooks,
            tasks,
            stop: stop.drop_guard(),
        })
    }

    /// Base of Cloud 66, `http://127.0.0.1:PORT`; the API is below `/api/3`.
    #[must_use]
    pub fn cloud66_url(&self) -> String {
        url(self.cloud66)
    }

    /// Base of Scalingo's regional API, `http://127.0.0.1:PORT`; the API is below `/v1`.
    #[must_use]
    pub fn scalingo_api_url(&self) -> String {
        url(self.scalingo)
    }

    /// Base of Scalingo's auth host; here the same as the API's.
    #[must_use]
    pub fn scalingo_auth_url(&self) -> String {
        url(self.scalingo)
    }

    /// Base of the control API.
    #[must_use]
    pub fn control_url(&self) -> String {
        url(self.control)
    }

    /// The token that Cloud 66 accepts.
    #[must_use]
    pub fn cloud66_token(&self) -> &str {
        &self.cloud66_token
    }

    /// The API token (`tk-us-…`) that Scalingo's auth host exchanges.
    #[must_use]
    pub fn scalingo_token(&self) -> &str {
        &self.scalingo_token
    }

    /// The world, for those in the same process.
    #[must_use]
    pub fn world(&self) -> &World {
        &self.world
    }

    /// Send a provider's webhooks there, as a `POST /webhooks` of the control API does.
    pub fn send_webhooks(&self, target: WebhookTarget) {
        self.webhooks.add(target);
    }

    /// End every connection, save the world, and wait until that is done (less than a second).
    pub async fn stop(self) {
        let Self {
            world,
            state_file,
            mut tasks,
            stop,
            ..
        } = self;
        stop.disarm().cancel();
        let ended = async { while tasks.join_next().await.is_some() {} };
        if tokio::time::timeout(STOP_WITHIN, ended).await.is_err() {
            tracing::warn!("a server of the simulator did not end in time");
        }
        if let Some(path) = state_file
            && let Err(error) = world.save()
        {
            tracing::error!(%error, path = %path.display(), "the simulator's world was not saved");
        }
    }
}

async fn tick(world: World, stop: CancellationToken) {
    let mut ticks = tokio::time::interval(TICK);
    ticks.set_missed_tick_behavior(tokio::time::MissedTickBehavior::Skip);
    while stop.run_until_cancelled(ticks.tick()).await.is_some() {
        world.tick();
    }
}

/// Write the state file when something changed, and never most of the time. New ids do not wait for this.
async fn keep(world: World, path: PathBuf, stop: CancellationToken) {
    loop {
        if stop
            .run_until_cancelled(world.shared().unsaved.notified())
            .await
            .is_none()
        {
            return;
        }
        let began = Instant::now();
        let writer = world.clone();
        match tokio::task::spawn_blocking(move || writer.save()).await {
            Ok(Ok(())) => {}
            Ok(Err(error)) => tracing::error!(%error, path = %path.display(), "the world was not saved"),
            Err(error) => tracing::error!(%error, "the task that saves the world failed"),
        }
        let pause = SAVE_EVERY.min(began.elapsed() * 10);
        if stop.run_until_cancelled(tokio::time::sleep(pause)).await.is_none() {
            return;
        }
    }
}

impl World {
    /// Put a fault in force; returns its id (0 for those that happen once, at once).
    pub fn set_fault(&self, fault: Fault) -> u64 {
        if fault.kind == FaultKind::ExpireTokens {
            self.shared().token_key.fetch_add(1, Ordering::SeqCst);
            self.shared().unsaved.notify_one();
            return 0;
        }
        self.faults().add(fault)
    }
}
