//! Another process that commits events through `ingest`, the one write path, when it is told to.

use std::io::{BufRead, Write};
use std::sync::Arc;
use std::time::Duration;

use serde_json::json;
use slipway_core::clock::{Clock, SystemClock};
use slipway_core::deployment::{Actor, Artifact, DeploymentDetails, Git, Trigger};
use slipway_core::observation::Asked;
use slipway_core::provider::{Capabilities, ProviderRegistry};
use slipway_core::{ApplicationId, Authority, DeploymentObservation, Phase, State, Status, Via};
use slipway_engine::Context;
use slipway_engine::ingest::{Batch, ingest};
use slipway_store::pool;

use crate::Result;
use crate::process::Part;

/// One transaction of the writer.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Commit {
    /// The number of its last event.
    pub(crate) last_seq: i64,
    /// When it was done, in microseconds of the machine's clock.
    pub(crate) at_us: i64,
}

/// The other process.
#[derive(Debug)]
pub(crate) struct Writer(Part);

impl Writer {
    /// Starts it.
    pub(crate) fn start(database_url: &str) -> Result<Self> {
        Ok(Self(Part::start(&["write", database_url])?))
    }

    /// Brings so many running deployments of an application in. They are what [`Writer::write`] changes.
    pub(crate) fn prepare(&mut self, application: &str, deployments: usize) -> Result<()> {
        self.0.tell(&format!("prepare {application} {deployments} 1 0"))?;
        self.done().map(drop)
    }

    /// Tells it to change so many deployments in one transaction, an event each; so many times, with a pause after each.
    pub(crate) fn write(&mut self, application: &str, deployments: usize, times: usize, pause: Duration) -> Result<()> {
        let pause = pause.as_micros();
        self.0
            .tell(&format!("write {application} {deployments} {times} {pause}"))
    }

    /// All transactions of the last order, once they are done.
    pub(crate) fn done(&mut self) -> Result<Vec<Commit>> {
        let mut commits = Vec::new();
        loop {
            let line = self.0.hear()?;
            if line == "done" {
                return Ok(commits);
            }
            let (seq, at) = line.split_once(' ').ok_or("the writer says something else")?;
            commits.push(Commit {
                last_seq: seq.parse()?,
                at_us: at.parse()?,
            });
        }
    }
}

/// The time in microseconds, by the clock that all processes of the machine share.
pub(crate) fn now_us() -> i64 {
    i64::try_from(SystemClock.now().unix_timestamp_nanos() / 1_000).unwrap_or(i64::MAX)
}

/// What [`Writer`] runs.
pub(crate) async fn run(database_url: &str) -> Result<()> {
    let pool = pool::connect_lazily(database_url.parse()?, 4);
    let context = Context::new(pool, ProviderRegistry::default(), Arc::new(SystemClock));
    let mut count = 0_u64;
    for line in std::io::stdin().lock().lines() {
        let line = line?;
        let words: Vec<&str> = line.split(' ').collect();
        let [_, application, deployments, times, pause] = words.as_slice() else {
            return Err("an order is: what, application, deployments, times, pause".into());
        };
        let application_id = ApplicationId(application.parse::<uuid::Uuid>()?);
        let pause = Duration::from_micros(pause.parse()?);
        let mut next = tokio::time::Instant::now();
        for _ in 0..times.parse::<usize>()? {
            count += 1;
            let batch = batch(&context, application_id, deployments.parse()?, count);
            let report = ingest(&context, &batch).await?;
            let at = now_us();
            if let Some(seq) = report.last_event {
                println!("{seq} {at}");
            }
            if !pause.is_zero() {
                // By the clock, so that slow commits do not lower the rate.
                next += pause;
                tokio::time::sleep_until(next).await;
            }
        }
        println!("done");
        std::io::stdout().flush()?;
    }
    Ok(())
}

fn batch(context: &Context, application_id: ApplicationId, deployments: usize, count: u64) -> Batch {
    Batch {
        application_id,
        lease: None,
        asked: Asked {
            via: Via::Poll,
            at: context.database_now(),
            is_correction: false,
        },
        capabilities: Capabilities::default(),
        observations: (0..deployments)
            .map(|number| observation(&format!("bench-{application_id}-{number}"), count))
            .collect(),
    }
}

/// As much as a provider tells of a deployment that runs; `count` makes it differ from the one before.
pub(crate) fn observation(key: &str, count: u64) -> DeploymentObservation {
    let text = |text: &str| Some(text.to_owned());
    DeploymentObservation {
        provider_deployment_id: key.to_owned(),
        state: State {
            phase: Some(Phase::BUILD),
            provider_status: text("building"),
            ..State::new(Status::InProgress, Authority::Rest)
        },
        finished_at: None,
        details: DeploymentDetails {
            provider_url: Some(format!(
                "https://dashboard.example.com/apps/shop-production/deploy/{key}"
            )),
            kind: text("git"),
            trigger: Trigger {
                kind: text("push"),
                provider_value: text("git"),
            },
            actor: Actor {
                id: text("us-b8747d95-57e2-4a95-a4c1-210c39881e40"),
                name: text("linus-k"),
                email: text("linus.k@harbour.example"),
            },
            git: Git {
                sha: text("5a822f8e0af3e14250bbb4e1647d6ece0818af4a"),
                previous_sha: text("599971ba4c3a61e75ef4aa5e6e60ad505010dfe8"),
                message: Some(format!("Say what is new, for the {count:>9}th time")),
                ..Git::default()
            },
            artifact: Artifact {
                image: text("shop-production:ba8ce1bf"),
                image_size_bytes: Some(433_563_364),
                base_image: text("scalingo/scalingo-22:v12"),
            },
            created_at: Some(time::macros::datetime!(2026-03-01 12:00 UTC)),
            ..DeploymentDetails::default()
        },
        raw: Some(json!({ "id": key, "status": "building", "git_ref": "5a822f8e0af3e14250bbb4e1647d6ece0818af4a" })),
        unmapped_status: None,
    }
}
