//! Rows for tests, written through the store as ingest writes them.

use std::sync::Arc;

use async_trait::async_trait;
use slipway_api::DeploymentView;
use slipway_core::id::new_id;
use slipway_core::observation::Asked;
use slipway_core::page::{Page, PageToken};
use slipway_core::provider::{
    ApplicationRef, Capabilities, Provider, ProviderError, ProviderInfo, RateBudget, StatusMapping,
};
use slipway_core::{
    Application, ApplicationId, ApplicationObservation, Authority, Deployment, DeploymentDetails, DeploymentId,
    DeploymentObservation, EventType, FreshnessMode, Labels, LogState, Outcome, State, Status, Via, transition,
};
use slipway_store::deployments::StoredDeployment;
use slipway_store::event_log::NewEvent;
use slipway_store::sync_targets::Attempt;
use slipway_store::transitions::NewTransition;
use slipway_store::{PgPool, applications, deployments, event_log, sync_targets, transitions};
use time::{Duration, OffsetDateTime};

/// When the first row was made.
pub(crate) const START: OffsetDateTime = time::macros::datetime!(2026-01-02 03:04:05.678901 UTC);

/// An account that is not called by anything here.
#[derive(Debug)]
pub(crate) struct TestProvider;

#[async_trait]
impl Provider for TestProvider {
    fn info(&self) -> &'static ProviderInfo {
        &ProviderInfo {
            name: "testcloud",
            display_name: "Testcloud",
            documentation_url: "https://example.com/docs",
            status_mappings: const {
                &[StatusMapping {
                    provider_status: "done",
                    status: Status::Succeeded,
                    phase: None,
                    failure_reason: None,
                }]
            },
        }
    }

    fn capabilities(&self) -> Capabilities {
        Capabilities {
            follow_status: true,
            read_logs: true,
            follow_logs: true,
            ..Capabilities::default()
        }
    }

    fn rate_budget(&self) -> Option<RateBudget> {
        Some(RateBudget {
            limit: 60,
            remaining: 59,
            resets_at: None,
            must_last: std::time::Duration::from_secs(60),
            rule: slipway_core::budget::RateLimit {
                requests: 60,
                window: std::time::Duration::from_secs(60),
                kind: slipway_core::budget::WindowKind::Sliding,
                write_reserve: 6,
            },
        })
    }

    async fn list_applications(&self, _: Option<&PageToken>) -> Result<Page<ApplicationObservation>, ProviderError> {
        Err(ProviderError::unsupported("testcloud", "list_applications"))
    }

    async fn get_application(&self, _: &str) -> Result<ApplicationObservation, ProviderError> {
        Err(ProviderError::unsupported("testcloud", "get_application"))
    }

    async fn list_deployments(
        &self,
        _: &ApplicationRef,
        _: Option<&PageToken>,
    ) -> Result<Page<DeploymentObservation>, ProviderError> {
        Err(ProviderError::unsupported("testcloud", "list_deployments"))
    }

    async fn get_deployment(&self, _: &ApplicationRef, _: &str) -> Result<DeploymentObservation, ProviderError> {
        Err(ProviderError::unsupported("testcloud", "get_deployment"))
    }
}

/// Stores an application of `account`, with its sync target and its event.
pub(crate) async fn insert_application(pool: &PgPool, account: &str, name: &str) -> Application {
    let application = Application {
        id: ApplicationId::new(START),
        provider: "testcloud".into(),
        account: account.into(),
        observed: ApplicationObservation {
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
        },
        environment: Some("production".to_owned()),
        owner: None,
        labels: Labels::new(),
        last_deployment_id: None,
        live_deployment_id: None,
        first_seen_at: START,
        updated_at: START,
        archived_at: None,
        version: 1,
    };
    let mut tx = pool.begin().await.expect("a transaction");
    assert!(applications::insert(&mut tx, &application, "").await.expect("inserted"));
    sync_targets::insert_application(&mut tx, new_id(START), account, "testcloud", application.id, None)
        .await
        .expect("a target");
    let event = NewEvent {
        application_id: Some(application.id),
        provider: Some("testcloud".to_owned()),
        account: Some(account.to_owned()),
        environment: application.environment.clone(),
        ..plain_event(EventType::ApplicationDiscovered)
    };
    event_log::append(&mut tx, &[event], START).await.expect("appended");
    tx.commit().await.expect("committed");
    application
}

/// Stores a queued deployment, `age` after the start, with its transition and its event.
pub(crate) async fn insert_deployment(pool: &PgPool, application: &Application, age: Duration) -> Deployment {
    insert_observed(pool, application, age, &observation(Status::Queued)).await
}

/// Stores a deployment as it was observed, `age` after the start, with its transition and its event.
pub(crate) async fn insert_observed(
    pool: &PgPool,
    application: &Application,
    age: Duration,
    observation: &DeploymentObservation,
) -> Deployment {
    let created_at = START + age;
    let asked = Asked {
        via: Via::Poll,
        at: created_at,
        is_correction: false,
    };
    let Outcome::Created(tracked) = transition(None, observation, asked) else {
        panic!("created")
    };
    let id = DeploymentId::new(created_at);
    let deployment = Deployment {
        id,
        application_id: application.id,
        provider: application.provider.clone(),
        account: application.account.clone(),
        provider_deployment_id: Some(id.to_string()),
        environment: application.environment.clone(),
        labels: application.labels.clone(),
        application_name: application.observed.name.clone(),
        tracked: *tracked,
        is_live: None,
        is_latest: true,
        superseded_by_id: None,
        rollback_of_id: None,
        log: LogState::Open,
        created_at,
        version: 1,
        first_seen_at: created_at,
        observed_at: created_at,
        observed_via: Via::Poll,
        updated_at: created_at,
    };
    write(pool, &deployment, None, true, observation.raw.clone()).await;
    deployment
}

/// Moves a deployment to another status.
pub(crate) async fn advance(pool: &PgPool, deployment: &mut Deployment, status: Status) {
    let before = deployment.tracked.status();
    let asked = Asked {
        via: Via::Poll,
        at: deployment.updated_at + Duration::SECOND,
        is_correction: false,
    };
    let Outcome::Changed(tracked, _) = transition(Some(&deployment.tracked), &observation(status), asked) else {
        panic!("changed");
    };
    deployment.tracked = *tracked;
    deployment.version += 1;
    deployment.updated_at = asked.at;
    write(pool, deployment, Some(before), false, None).await;
}

/// Stores an account's sync target, never read, or read just now, or failed.
pub(crate) async fn insert_account(pool: &PgPool, account: &str, attempt: Option<Attempt>) {
    let mut conn = pool.acquire().await.expect("a connection");
    sync_targets::insert_account(&mut conn, new_id(START), account, "testcloud")
        .await
        .expect("a target");
    let Some(attempt) = attempt else { return };
    let accounts = [account.to_owned()];
    let minute = Duration::MINUTE;
    for target in sync_targets::acquire_due(&mut conn, &accounts, "test", minute, 100)
        .await
        .expect("leases")
    {
        let held = sync_targets::release(&mut conn, target.id, target.lease_token, &attempt, minute, minute).await;
        assert!(held.expect("released"));
    }
}

/// An attempt that went well.
pub(crate) fn success() -> Attempt {
    Attempt::Succeeded {
        mode: FreshnessMode::Poll,
        read_activity: None,
    }
}

pub(crate) fn observation(status: Status) -> DeploymentObservation {
    DeploymentObservation {
        provider_deployment_id: String::new(),
        state: State::new(status, Authority::Rest),
        finished_at: None,
        details: DeploymentDetails::default(),
        raw: None,
        unmapped_status: None,
    }
}

fn plain_event(r#type: EventType) -> NewEvent {
    NewEvent {
        r#type,
        occurred_at: None,
        application_id: None,
        deployment_id: None,
        provider: None,
        account: None,
        environment: None,
        status: None,
        previous_status: None,
        observed_via: None,
        reason: None,
        deployment: None,
    }
}

async fn write(
    pool: &PgPool,
    deployment: &Deployment,
    before: Option<Status>,
    is_new: bool,
    raw: Option<serde_json::Value>,
) {
    let at = deployment.updated_at;
    let capabilities = Arc::new(TestProvider).capabilities();
    let body = serde_json::to_string(&DeploymentView::new(deployment, capabilities)).expect("JSON");
    let status = deployment.tracked.status();
    let r#type = match (is_new, status) {
        (true, _) => EventType::DeploymentCreated,
        (_, Status::InProgress) => EventType::DeploymentStarted,
        _ => EventType::DeploymentFinished,
    };
    let event = NewEvent {
        application_id: Some(deployment.application_id),
        deployment_id: Some(deployment.id),
        provider: Some(deployment.provider.to_string()),
        account: Some(deployment.account.to_string()),
        environment: deployment.environment.clone(),
        status: Some(status),
        previous_status: before,
        observed_via: Some(Via::Poll),
        deployment: Some(body.clone()),
        ..plain_event(r#type)
    };
    let stored = [StoredDeployment {
        deployment: deployment.clone(),
        body,
        raw,
    }];
    let mut tx = pool.begin().await.expect("a transaction");
    if is_new {
        deployments::insert(&mut tx, &stored, at).await.expect("inserted");
    } else {
        deployments::update(&mut tx, &stored, at).await.expect("updated");
    }
    let entry = NewTransition {
        deployment,
        previous_status: before,
        occurred_at: None,
        is_correction: false,
    };
    transitions::append(&mut tx, &[entry], at).await.expect("a transition");
    event_log::append(&mut tx, &[event], at).await.expect("appended");
    tx.commit().await.expect("committed");
}

/// Stores as many queued deployments, a second apart, in few statements.
pub(crate) async fn insert_many(pool: &PgPool, application: &Application, count: i64) -> Vec<Deployment> {
    let first = insert_deployment(pool, application, Duration::ZERO).await;
    let capabilities = Arc::new(TestProvider).capabilities();
    let mut all = vec![first.clone()];
    for number in 1..count {
        let mut deployment = first.clone();
        deployment.created_at = START + Duration::seconds(number);
        deployment.id = DeploymentId::new(deployment.created_at);
        deployment.provider_deployment_id = Some(deployment.id.to_string());
        all.push(deployment);
    }
    let mut conn = pool.acquire().await.expect("a connection");
    for chunk in all[1..].chunks(1_000) {
        let stored: Vec<_> = chunk
            .iter()
            .map(|deployment| StoredDeployment {
                deployment: deployment.clone(),
                body: serde_json::to_string(&DeploymentView::new(deployment, capabilities)).expect("JSON"),
                raw: None,
            })
            .collect();
        deployments::insert(&mut conn, &stored, START).await.expect("inserted");
    }
    all
}
