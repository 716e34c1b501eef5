//! Writes over a provider of which the tests decide what it does.

mod branches;
mod fake;
mod order;
mod outage;
mod refusals;
mod retention;

use std::sync::Arc;
use std::time::Duration;

use slipway_core::provider::{LiveRule, ProviderRegistry, TriggerRequest};
use slipway_core::{AccountName, Deployment, DeploymentId};
use slipway_engine::Setup;
use slipway_engine::freezes::Freezes;
use slipway_engine::ingest::{Batch, Report, ingest};
use slipway_engine::writes::{Order, Reply, Request, WriteError, Writes};
use slipway_store::deployments;
use slipway_store::idempotency::IdempotencyKey;

use crate::guard::GUARD;
use crate::world::World;
pub(crate) use fake::{FakeProvider, Script};

/// A world with a provider that takes writes.
pub(crate) struct Site {
    pub(crate) world: World,
    pub(crate) provider: Arc<FakeProvider>,
    pub(crate) writes: Writes,
}

impl Site {
    pub(crate) async fn new(is_numbered: bool) -> Self {
        Self::with(is_numbered, Freezes::default()).await
    }

    pub(crate) async fn with(is_numbered: bool, freezes: Freezes) -> Self {
        let mut world = World::new(LiveRule::LastSucceeded).await;
        // Every write here is watched.
        sqlx::raw_sql(GUARD)
            .execute(&world.context.pool)
            .await
            .expect("the guard stands");
        let provider = FakeProvider::new(world.clock.clone(), is_numbered);
        let mut registry = ProviderRegistry::default();
        registry.insert(AccountName::from("main"), provider.clone());
        world.context.setup = Setup::new(registry);
        let writes = Writes::new(world.context.clone(), freezes).with_lease(Duration::from_secs(60));
        Self {
            world,
            provider,
            writes,
        }
    }

    pub(crate) fn trigger(&self, git_ref: &str) -> Order {
        let request = TriggerRequest {
            git_ref: Some(git_ref.to_owned()),
            ..TriggerRequest::default()
        };
        Order::Trigger(self.world.application_id, request)
    }

    pub(crate) async fn make(&self, order: Order) -> Result<Reply, WriteError> {
        self.writes.make(order, request(None)).await
    }

    /// What it made.
    pub(crate) async fn made(&self, order: Order) -> DeploymentId {
        match self.make(order).await.expect("an answer") {
            Reply::Deployment { id, .. } => id,
            Reply::Refused { refusal, .. } => panic!("refused: {refusal:?}"),
        }
    }

    /// One poll of everything that the provider has.
    pub(crate) async fn poll(&self) -> Report {
        let observations = self.provider.site().deployments.iter().rev().cloned().collect();
        let batch = Batch {
            capabilities: self.provider.capabilities,
            ..self
                .world
                .batch((self.world.now() - crate::world::START).whole_seconds(), observations)
        };
        ingest(&self.world.context, &batch).await.expect("ingested")
    }

    pub(crate) async fn find(&self, id: DeploymentId) -> Option<Deployment> {
        let mut conn = self.world.connection().await;
        deployments::find(&mut conn, id).await.expect("a read")
    }

    pub(crate) async fn row(&self, id: DeploymentId) -> Deployment {
        self.find(id).await.expect("a row")
    }

    pub(crate) async fn count_rows(&self) -> i64 {
        self.number("SELECT count(*) FROM deployments").await
    }

    pub(crate) async fn number(&self, sql: &'static str) -> i64 {
        let mut conn = self.world.connection().await;
        sqlx::query_scalar(sql).fetch_one(&mut *conn).await.expect("a number")
    }

    pub(crate) async fn run(&self, sql: &'static str) {
        let mut conn = self.world.connection().await;
        sqlx::raw_sql(sql).execute(&mut *conn).await.expect("done");
    }

    /// The process that made the writes is gone, and its leases have ended.
    pub(crate) async fn end_leases(&self) {
        self.run("UPDATE intents SET lease_expires_at = now() - interval '1 second' WHERE lease_token IS NOT NULL")
            .await;
    }

    pub(crate) async fn reconcile(&self) {
        self.writes.reconcile().await.expect("reconciled");
    }

    pub(crate) fn pass(&self, minutes: i64) {
        self.world.clock.advance(time::Duration::minutes(minutes));
    }
}

pub(crate) fn request(key: Option<(&str, &str)>) -> Request {
    Request {
        principal_id: "token:1".to_owned(),
        principal: "tester".to_owned(),
        key: key.map(|(key, body)| IdempotencyKey {
            principal_id: "token:1".to_owned(),
            method: "POST".to_owned(),
            path: "/applications/1/deployments".to_owned(),
            key: key.to_owned(),
            fingerprint: body.as_bytes().to_vec(),
        }),
        ..Request::default()
    }
}
