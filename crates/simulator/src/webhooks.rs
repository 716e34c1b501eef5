//! Webhooks of both providers: flat stack events of Cloud 66, events of Scalingo. Neither signs, neither repeats.

use std::sync::Arc;
use std::time::Duration;

use parking_lot::Mutex;
use serde::{Deserialize, Serialize};
use serde_json::{Value, json};
use tokio::sync::mpsc::UnboundedReceiver;
use tokio::time::Instant;
use tokio_util::sync::CancellationToken;

use crate::cloud66::payload as cloud66;
use crate::scalingo::payload as scalingo;
use crate::time_format::iso_seconds;
use crate::world::application::USERS;
use crate::world::change::Milestone;
use crate::world::{Phase, Provider, World};

/// How long a webhook that is to be overtaken waits for the one that overtakes it.
const HELD_AT_MOST: Duration = Duration::from_secs(2);

/// Where webhooks of one provider go.
#[derive(Debug, Clone, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct WebhookTarget {
    /// Whose events.
    pub provider: Provider,
    /// POST here.
    pub url: String,
    /// Send each one twice.
    #[serde(default)]
    pub duplicate: bool,
    /// Let each second one overtake the one before.
    #[serde(default)]
    pub reorder: bool,
    /// Scalingo: also when a deployment begins. Whether the real one does is not documented.
    #[serde(default)]
    pub at_start: bool,
}

/// The registered targets and how many deliveries were tried.
#[derive(Debug, Clone, Default)]
pub(crate) struct Webhooks(Arc<Mutex<Vec<Registered>>>);

#[derive(Debug, Clone)]
struct Registered {
    id: u64,
    target: WebhookTarget,
    held: Option<(Instant, Value)>,
}

impl Webhooks {
    pub(crate) fn add(&self, target: WebhookTarget) -> u64 {
        let mut targets = self.0.lock();
        let id = targets.last().map_or(1, |last| last.id + 1);
        targets.push(Registered { id, target, held: None });
        id
    }

    pub(crate) fn list(&self) -> Vec<(u64, WebhookTarget)> {
        self.0
            .lock()
            .iter()
            .map(|registered| (registered.id, registered.target.clone()))
            .collect()
    }

    pub(crate) fn clear(&self) {
        self.0.lock().clear();
    }

    /// What is to be posted now because of `payload`, in order.
    fn due(&self, provider: Provider, begin: bool, payload: &Value) -> Vec<(String, Value)> {
        let mut due = Vec::new();
        for registered in self.0.lock().iter_mut() {
            let target = &registered.target;
            let wanted = provider == Provider::Cloud66 || !begin || target.at_start;
            if target.provider != provider || !wanted {
                continue;
            }
            let copies = if target.duplicate { 2 } else { 1 };
            let mut post =
                |payload: &Value| due.extend(std::iter::repeat_n((target.url.clone(), payload.clone()), copies));
            match registered.held.take() {
                _ if !target.reorder => post(payload),
                None => registered.held = Some((Instant::now() + HELD_AT_MOST, payload.clone())),
                Some((_, held)) => {
                    post(payload);
                    post(&held);
                }
            }
        }
        due
    }

    /// What has waited long enough to be overtaken.
    fn overdue(&self) -> Vec<(String, Value)> {
        let now = Instant::now();
        let mut targets = self.0.lock();
        let overdue = targets
            .iter_mut()
            .filter(|registered| registered.held.as_ref().is_some_and(|(at, _)| *at <= now));
        overdue
            .filter_map(|registered| Some((registered.target.url.clone(), registered.held.take()?.1)))
            .collect()
    }
}

fn cloud66_payload(world: &World, milestone: &Milestone) -> Value {
    let Milestone {
        application,
        deployment,
        at,
    } = milestone;
    let phase = deployment.progress.phase;
    let (event_type, outcome) = match phase {
        Phase::Success => ("stack.redeploy.ok", Some("success")),
        phase if phase.is_finished() => ("stack.redeploy.fail", Some("failed")),
        _ => ("stack.deploy.started", None),
    };
    let mut payload = cloud66::stack(&world.state(), application);
    payload["event_type"] = json!(event_type);
    payload["timestamp"] = json!(at.unix_timestamp());
    // No deployment id and no commit: consumers match by time.
    payload["deploy_context"] = json!({
        "triggered_by": USERS[deployment.record.user].email,
        "outcome": outcome,
        "started_at": deployment.progress.started_at.map(iso_seconds),
        "finished_at": deployment.progress.finished_at.map(iso_seconds),
    });
    payload
}

/// Deliver until the simulator stops.
pub(crate) async fn deliver(
    world: World,
    webhooks: Webhooks,
    mut milestones: UnboundedReceiver<Milestone>,
    stop: CancellationToken,
) {
    let mut client: Option<reqwest::Client> = None;
    let mut overdue = tokio::time::interval(Duration::from_millis(250));
    loop {
        let due = tokio::select! {
            () = stop.cancelled() => return,
            _ = overdue.tick() => webhooks.overdue(),
            milestone = milestones.recv() => {
                let Some(milestone) = milestone else { return };
                if webhooks.0.lock().is_empty() {
                    continue;
                }
                let provider = milestone.application.provider;
                let payload = match provider {
                    Provider::Cloud66 => cloud66_payload(&world, &milestone),
                    Provider::Scalingo => {
                        let seed = world.state().seed();
                        scalingo::event(seed, &milestone.application, &milestone.deployment)
                    }
                };
                webhooks.due(provider, !milestone.deployment.progress.phase.is_finished(), &payload)
            }
        };
        for (url, payload) in due {
            let Some(client) = connected(&mut client) else { return };
            let sent = client.post(&url).json(&payload).send();
            tokio::select! {
                () = stop.cancelled() => return,
                sent = sent => if let Err(error) = sent {
                    tracing::debug!(%error, "webhook not delivered; the providers do not try again");
                }
            }
        }
    }
}

fn connected(client: &mut Option<reqwest::Client>) -> Option<&reqwest::Client> {
    if client.is_none() {
        // Another part of the process may have installed the same one.
        let _ = rustls::crypto::ring::default_provider().install_default();
        match reqwest::Client::builder().timeout(Duration::from_secs(5)).build() {
            Ok(built) => *client = Some(built),
            Err(error) => tracing::warn!(%error, "no webhooks: the HTTP client cannot be built"),
        }
    }
    client.as_ref()
}
