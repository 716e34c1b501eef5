//! Deployments that move through all their states, brought in by the one write path until the log is long enough.

use std::sync::Arc;
use std::sync::atomic::{AtomicI64, Ordering};
use std::time::Duration;

use slipway_core::observation::Asked;
use slipway_core::provider::{Capabilities, LiveRule, ProviderRegistry};
use slipway_core::{
    AccountName, ApplicationId, ApplicationObservation, Authority, DeploymentDetails, DeploymentObservation, Phase,
    ProviderName, State, Status, SystemClock, Via, id,
};
use slipway_engine::Context;
use slipway_engine::ingest::{Batch, Lease, ingest, ingest_applications};
use slipway_store::{PgPool, sync_targets};

/// Before the next try.
const PAUSE: Duration = Duration::from_millis(100);

const STEPS: [(Status, Option<Phase>); 5] = [
    (Status::Queued, None),
    (Status::InProgress, Some(Phase::BUILD)),
    (Status::InProgress, Some(Phase::PUSH)),
    (Status::InProgress, Some(Phase::START)),
    (Status::Succeeded, None),
];

/// Writes until the newest event has reached the goal. What fails is written again, as every source of ours does: whether
/// it was committed before the failure or not, the rows and events are the same.
pub(super) async fn write(pool: PgPool, number: usize, newest: Arc<AtomicI64>, goal: i64) {
    let context = Context::new(pool, ProviderRegistry::default(), Arc::new(SystemClock));
    let application_id = loop {
        if let Some(id) = own_application(&context, &format!("chaos-{number}")).await {
            break id;
        }
        tokio::time::sleep(PAUSE).await;
    };
    for key in 0_u64.. {
        for (status, phase) in STEPS {
            let batch = Batch {
                application_id,
                lease: None,
                asked: Asked {
                    via: Via::Poll,
                    at: context.clock.now(),
                    is_correction: false,
                },
                capabilities: Capabilities {
                    live_rule: LiveRule::LastSucceeded,
                    ..Capabilities::default()
                },
                observations: vec![observation(&context, key, status, phase)],
            };
            loop {
                match ingest(&context, &batch).await {
                    Ok(report) => {
                        newest.fetch_max(report.last_event.unwrap_or(0), Ordering::Relaxed);
                        break;
                    }
                    // The database is away: it comes back.
                    Err(_) => tokio::time::sleep(PAUSE).await,
                }
            }
            if newest.load(Ordering::Relaxed) >= goal {
                return;
            }
        }
    }
}

/// An account and an application that no gateway looks after. None when the database is away.
async fn own_application(context: &Context, name: &str) -> Option<ApplicationId> {
    let mut conn = context.pool.acquire().await.ok()?;
    let new_id = id::new_id(context.clock.now());
    sync_targets::insert_account(&mut conn, new_id, name, "scalingo")
        .await
        .ok()?;
    let names = [name.to_owned()];
    let leased = sync_targets::acquire_due(&mut conn, &names, "chaos", time::Duration::MINUTE, 1)
        .await
        .ok()?;
    drop(conn);
    let lease = leased.first().map(|target| Lease {
        target_id: target.id,
        token: target.lease_token,
    })?;
    let (account, provider) = (AccountName::from(name), ProviderName::from("scalingo"));
    let found = ingest_applications(context, &account, &provider, lease, &[application(name)])
        .await
        .ok()?;
    found.first().copied()
}

fn application(name: &str) -> ApplicationObservation {
    ApplicationObservation {
        provider_application_id: name.to_owned(),
        name: name.to_owned(),
        environment: Some("production".to_owned()),
        region: None,
        url: None,
        provider_url: None,
        git_repository: None,
        git_branch: None,
        provider_status: None,
        health: None,
        owner: None,
        created_at: None,
        activity: None,
        is_busy: false,
    }
}

fn observation(context: &Context, key: u64, status: Status, phase: Option<Phase>) -> DeploymentObservation {
    let mut state = State::new(status, Authority::Rest);
    state.phase = phase;
    DeploymentObservation {
        provider_deployment_id: format!("{key:06}"),
        state,
        finished_at: status.is_end().then(|| context.clock.now()),
        details: DeploymentDetails::default(),
        raw: None,
        unmapped_status: None,
    }
}
