//! The poller and the follower against both simulated providers.

use std::sync::Arc;
use std::time::Duration;

use slipway_core::provider::ProviderRegistry;
use slipway_core::{AccountName, SystemClock};
use slipway_engine::logs::LogSettings;
use slipway_engine::supervisor::Supervisor;
use slipway_engine::{Engine, SyncSettings};
use slipway_provider_cloud66::{Cloud66Options, Cloud66Provider};
use slipway_provider_scalingo::{ScalingoOptions, ScalingoProvider};
use slipway_simulator::{Provider, Scenario, Simulator, SimulatorSettings, StartRequest};
use slipway_test_database::TestDatabase;
use tokio_util::sync::CancellationToken;

use crate::world::until;

pub(crate) struct Running {
    pub(crate) simulator: Simulator,
    pub(crate) database: TestDatabase,
    pub(crate) registry: ProviderRegistry,
    supervisor: Supervisor,
    shutdown: CancellationToken,
}

async fn start() -> Running {
    start_with(LogSettings::default()).await
}

pub(crate) async fn start_with(logs: LogSettings) -> Running {
    let simulator = Simulator::start(SimulatorSettings {
        cloud66_stacks: 3,
        scalingo_apps: 3,
        history_per_application: 4,
        rate_limits: false,
        speed: 5.0,
        ..SimulatorSettings::default()
    })
    .await
    .expect("simulators");
    let database = TestDatabase::create().await.expect("a database");
    let clock = Arc::new(SystemClock);
    let mut registry = ProviderRegistry::default();
    let mut cloud66 = Cloud66Options::new(simulator.cloud66_token().to_owned().into());
    cloud66.base_url = format!("{}/api/3", simulator.cloud66_url()).parse().expect("a URL");
    registry.insert(
        AccountName::from("c66"),
        Arc::new(Cloud66Provider::new(cloud66, clock.clone()).expect("an adapter")),
    );
    let mut scalingo = ScalingoOptions::new(simulator.scalingo_token().to_owned().into());
    scalingo.api_url = simulator.scalingo_api_url().parse().expect("a URL");
    scalingo.auth_url = simulator.scalingo_auth_url().parse().expect("a URL");
    registry.insert(
        AccountName::from("sc"),
        Arc::new(ScalingoProvider::new(scalingo, clock.clone()).expect("an adapter")),
    );
    let settings = SyncSettings {
        account_interval: Duration::from_millis(300),
        running_interval: Duration::from_millis(300),
        ..SyncSettings::default()
    };
    let shutdown = CancellationToken::new();
    let supervisor = Supervisor::new(clock.clone(), shutdown.clone());
    Engine::new(settings, database.pool.clone(), registry.clone(), clock)
        .with_logs(logs)
        .spawn(&supervisor);
    Running {
        simulator,
        database,
        registry,
        supervisor,
        shutdown,
    }
}

impl Running {
    pub(crate) async fn count(&self, condition: &str) -> i64 {
        let sql = format!("SELECT count(*) FROM {condition}");
        sqlx::query_scalar(sqlx::AssertSqlSafe(sql))
            .fetch_one(&self.database.pool)
            .await
            .expect("a count")
    }

    pub(crate) async fn stop(self) {
        self.shutdown.cancel();
        assert_eq!(
            self.supervisor.join(Duration::from_secs(10)).await,
            Vec::<String>::new()
        );
        self.simulator.stop().await;
    }
}

pub(crate) fn begin(running: &Running, provider: Provider, scenario: Scenario) -> String {
    let request = StartRequest {
        provider: Some(provider),
        scenario: Some(scenario),
        ..StartRequest::default()
    };
    running
        .simulator
        .world()
        .start(&request)
        .expect("a deployment")
        .remove(0)
        .id
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn everything_that_the_providers_have_comes_in_and_new_deployments_follow_to_their_end() {
    let running = start().await;
    let world = running.simulator.world();
    let mut expected = 0;
    for provider in [Provider::Cloud66, Provider::Scalingo] {
        for application in world.applications(provider) {
            expected += world.deployments(provider, &application.id).expect("known").len();
        }
    }
    let expected = i64::try_from(expected).expect("few");
    until("the history of both providers is there", || async {
        running.count("deployments").await == expected
    })
    .await;
    assert_eq!(running.count("applications").await, 6);
    until("history is complete", || async {
        running
            .count("sync_targets WHERE application_id IS NOT NULL AND backfill_state <> 'complete'")
            .await
            == 0
    })
    .await;

    let scenarios = [
        (Provider::Scalingo, Scenario::Success, "succeeded", true),
        (Provider::Scalingo, Scenario::BuildFailure, "failed", false),
        (Provider::Cloud66, Scenario::Success, "succeeded", false),
        (Provider::Cloud66, Scenario::Failed, "failed", false),
    ];
    let begun = scenarios.map(|(provider, scenario, status, is_streamed)| {
        (
            begin(&running, provider, scenario),
            provider,
            scenario,
            status,
            is_streamed,
        )
    });
    for (id, provider, scenario, status, is_streamed) in begun {
        let rows = format!(
            "deployments WHERE provider_deployment_id = '{id}' AND status = '{status}' AND finished_at IS NOT NULL"
        );
        until(&format!("{scenario:?} on {provider:?} ends as {status}"), || async {
            running.count(&rows).await == 1
        })
        .await;
        if is_streamed {
            let steps = format!(
                "transitions JOIN deployments ON id = deployment_id WHERE provider_deployment_id = '{id}' \
                 AND transitions.observed_via = 'stream'"
            );
            assert!(running.count(&steps).await >= 1, "the stream told of a step");
        }
    }
    assert_eq!(running.count("(SELECT provider_deployment_id, application_id FROM deployments GROUP BY 1, 2 HAVING count(*) > 1) AS twice").await, 0);
    running.stop().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn an_application_that_the_provider_no_longer_has_is_archived_after_a_404() {
    let running = start().await;
    until("all applications are there", || async {
        running.count("applications").await == 6
    })
    .await;
    let world = running.simulator.world();
    let gone = world.applications(Provider::Cloud66).remove(0);
    world.remove_application(Provider::Cloud66, &gone.id).expect("known");
    let archived = format!(
        "applications WHERE provider_application_id = '{}' AND archived_at IS NOT NULL",
        gone.id
    );
    until("it is archived", || async { running.count(&archived).await == 1 }).await;
    assert_eq!(running.count("events WHERE type = 'application.archived'").await, 1);
    running.stop().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn leases_are_given_back_at_a_clean_stop() {
    let running = start().await;
    until("all applications are there", || async {
        running.count("applications").await == 6
    })
    .await;
    begin(&running, Provider::Scalingo, Scenario::Stuck);
    until("the stream is followed", || async {
        running.count("sync_targets WHERE mode = 'stream'").await > 0
    })
    .await;
    let pool = running.database.pool.clone();
    running.shutdown.cancel();
    assert_eq!(
        running.supervisor.join(Duration::from_secs(10)).await,
        Vec::<String>::new()
    );
    let held: i64 = sqlx::query_scalar("SELECT count(*) FROM sync_targets WHERE lease_token IS NOT NULL")
        .fetch_one(&pool)
        .await
        .expect("a count");
    assert_eq!(held, 0);
    running.stop().await;
}
