//! What the tests stand on: a database of their own, one application in it, and observations in a word.

use std::sync::Arc;
use std::time::Duration;

use slipway_core::observation::Asked;
use slipway_core::provider::{Capabilities, LiveRule, ProviderRegistry};
use slipway_core::{
    AccountName, ApplicationId, ApplicationObservation, Authority, Clock, Deployment, DeploymentDetails,
    DeploymentObservation, ManualClock, ProviderName, State, Status, Via, id,
};
use slipway_engine::Context;
use slipway_engine::ingest::{Batch, Lease, Report, ingest, ingest_applications};
use slipway_store::event_log::EventRow;
use slipway_store::{PgConnection, deployments, event_log, sync_targets};
use slipway_test_database::TestDatabase;
use time::OffsetDateTime;
use time::macros::datetime;

pub(crate) const START: OffsetDateTime = datetime!(2026-03-01 12:00 UTC);

pub(crate) struct World {
    pub(crate) context: Context,
    pub(crate) clock: ManualClock,
    pub(crate) application_id: ApplicationId,
    pub(crate) live_rule: LiveRule,
    pub(crate) lease: Lease,
    _database: TestDatabase,
}

impl World {
    pub(crate) async fn new(live_rule: LiveRule) -> Self {
        let database = TestDatabase::create().await.expect("a database");
        let clock = ManualClock::new(START);
        let context = Context::new(
            database.pool.clone(),
            ProviderRegistry::default(),
            Arc::new(clock.clone()),
        );
        let mut conn = context.pool.acquire().await.expect("a connection");
        sync_targets::insert_account(&mut conn, id::new_id(START), "main", "scalingo")
            .await
            .expect("an account");
        let lease = lease_account(&mut conn).await;
        let found = ingest_applications(
            &context,
            &AccountName::from("main"),
            &ProviderName::from("scalingo"),
            lease,
            &[application("app-1")],
        )
        .await
        .expect("an application");
        Self {
            context,
            clock,
            application_id: found[0],
            live_rule,
            lease,
            _database: database,
        }
    }

    pub(crate) async fn connection(&self) -> impl std::ops::DerefMut<Target = PgConnection> + use<> {
        self.context.pool.acquire().await.expect("a connection")
    }

    pub(crate) fn batch(&self, asked_second: i64, observations: Vec<DeploymentObservation>) -> Batch {
        Batch {
            application_id: self.application_id,
            lease: None,
            asked: Asked {
                via: Via::Poll,
                at: START + time::Duration::seconds(asked_second),
                is_correction: false,
            },
            capabilities: Capabilities {
                live_rule: self.live_rule,
                ..Capabilities::default()
            },
            observations,
        }
    }

    pub(crate) async fn see(&self, asked_second: i64, observations: Vec<DeploymentObservation>) -> Report {
        self.clock.advance(time::Duration::SECOND);
        ingest(&self.context, &self.batch(asked_second, observations))
            .await
            .expect("ingested")
    }

    pub(crate) async fn correct(&self, asked_second: i64, observation: DeploymentObservation) -> Report {
        let mut batch = self.batch(asked_second, vec![observation]);
        batch.asked.is_correction = true;
        ingest(&self.context, &batch).await.expect("ingested")
    }

    pub(crate) async fn deployment(&self, provider_deployment_id: &str) -> Deployment {
        let mut conn = self.connection().await;
        let ids = [provider_deployment_id.to_owned()];
        let mut found = deployments::find_by_provider_ids(&mut conn, self.application_id, &ids)
            .await
            .expect("a read");
        found.remove(provider_deployment_id).expect("stored")
    }

    pub(crate) async fn events_after(&self, seq: i64) -> Vec<EventRow> {
        event_log::list_after(&mut *self.connection().await, seq, 10_000)
            .await
            .expect("events")
    }

    pub(crate) async fn head(&self) -> i64 {
        event_log::find_head(&mut *self.connection().await)
            .await
            .expect("a head")
            .seq
    }

    pub(crate) async fn event_types_after(&self, seq: i64) -> Vec<String> {
        self.events_after(seq)
            .await
            .into_iter()
            .map(|event| event.r#type)
            .collect()
    }

    /// How often an event told that the final text of a log is stored.
    pub(crate) async fn log_changes(&self) -> usize {
        let events = self.events_after(0).await;
        let complete = events.iter().filter(|event| {
            event.r#type == "deployment.updated"
                && event
                    .deployment
                    .as_deref()
                    .is_some_and(|body| body.contains("\"complete\":true"))
        });
        complete.count()
    }

    pub(crate) fn now(&self) -> OffsetDateTime {
        self.clock.now()
    }
}

pub(crate) async fn lease_account(conn: &mut PgConnection) -> Lease {
    let accounts = ["main".to_owned()];
    let leased = sync_targets::acquire_due(conn, &accounts, "test", time::Duration::HOUR, 1)
        .await
        .expect("a lease");
    Lease {
        target_id: leased[0].id,
        token: leased[0].lease_token,
    }
}

pub(crate) fn application(key: &str) -> ApplicationObservation {
    ApplicationObservation {
        provider_application_id: key.to_owned(),
        name: key.to_owned(),
        environment: Some("production".to_owned()),
        region: None,
        url: None,
        provider_url: None,
        git_repository: None,
        git_branch: None,
        provider_status: Some("running".to_owned()),
        health: None,
        owner: None,
        created_at: None,
        activity: None,
        is_busy: false,
    }
}

/// A deployment created `second` seconds after the start of the test.
pub(crate) fn deployment(key: &str, second: i64, status: Status) -> DeploymentObservation {
    let created_at = START + time::Duration::seconds(second);
    DeploymentObservation {
        provider_deployment_id: key.to_owned(),
        state: State::new(status, Authority::Rest),
        finished_at: status.is_end().then_some(created_at + time::Duration::seconds(30)),
        details: DeploymentDetails {
            created_at: Some(created_at),
            ..DeploymentDetails::default()
        },
        raw: Some(serde_json::json!({ "id": key })),
        unmapped_status: None,
    }
}

pub(crate) fn streamed(key: &str, status: Status) -> DeploymentObservation {
    DeploymentObservation {
        state: State::new(status, Authority::Stream),
        finished_at: None,
        details: DeploymentDetails::default(),
        raw: None,
        ..deployment(key, 0, status)
    }
}

/// Waits until `condition` holds, for half a minute at most.
pub(crate) async fn until<F: Future<Output = bool>>(what: &str, mut condition: impl FnMut() -> F) {
    let limit = tokio::time::Instant::now() + Duration::from_secs(30);
    while !condition().await {
        assert!(tokio::time::Instant::now() < limit, "not within half a minute: {what}");
        tokio::time::sleep(Duration::from_millis(25)).await;
    }
}
