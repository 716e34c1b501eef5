//! A mapping that the configuration adds, or takes away, reaches history from the stored payloads.

use std::sync::Arc;

use serde_json::{Value, json};
use slipway_core::page::{Page, PageToken};
use slipway_core::provider::{
    AddedMapping, ApplicationRef, Capabilities, LiveRule, Provider, ProviderError, ProviderInfo, ProviderRegistry,
};
use slipway_core::{
    AccountName, ApplicationObservation, Authority, DeploymentDetails, DeploymentObservation, State, Status,
};
use slipway_engine::Context;
use slipway_engine::mappings::with_mappings;
use slipway_engine::relabel;
use slipway_store::unmapped_statuses;

use crate::relabel::relabel_all;
use crate::world::{START, World};

/// Knows `success`, and of everything else only the word.
#[derive(Debug)]
struct Words;

fn read(raw: &Value) -> Option<DeploymentObservation> {
    let word = raw["status"].as_str()?;
    let (status, is_known) = match word {
        "success" => (Status::Succeeded, true),
        _ => (Status::Unknown, false),
    };
    let created_at = START + time::Duration::seconds(raw["second"].as_i64()?);
    Some(DeploymentObservation {
        provider_deployment_id: raw["id"].as_str()?.to_owned(),
        state: State {
            is_finished: true,
            provider_status: Some(word.to_owned()),
            ..State::new(status, Authority::Rest)
        },
        finished_at: Some(created_at + time::Duration::seconds(30)),
        details: DeploymentDetails {
            created_at: Some(created_at),
            ..DeploymentDetails::default()
        },
        raw: Some(raw.clone()),
        unmapped_status: (!is_known).then(|| word.to_owned()),
    })
}

#[async_trait::async_trait]
impl Provider for Words {
    fn info(&self) -> &'static ProviderInfo {
        &ProviderInfo {
            name: "scalingo",
            display_name: "Words",
            documentation_url: "https://example.com/docs",
            status_mappings: &[],
        }
    }

    fn capabilities(&self) -> Capabilities {
        Capabilities {
            live_rule: LiveRule::LastSucceeded,
            ..Capabilities::default()
        }
    }

    fn reread(&self, _: &ApplicationRef, raw: &Value) -> Option<DeploymentObservation> {
        read(raw)
    }

    async fn list_applications(&self, _: Option<&PageToken>) -> Result<Page<ApplicationObservation>, ProviderError> {
        Err(ProviderError::unsupported("scalingo", "list_applications"))
    }

    async fn get_application(&self, _: &str) -> Result<ApplicationObservation, ProviderError> {
        Err(ProviderError::unsupported("scalingo", "get_application"))
    }

    async fn list_deployments(
        &self,
        _: &ApplicationRef,
        _: Option<&PageToken>,
    ) -> Result<Page<DeploymentObservation>, ProviderError> {
        Err(ProviderError::unsupported("scalingo", "list_deployments"))
    }

    async fn get_deployment(&self, _: &ApplicationRef, _: &str) -> Result<DeploymentObservation, ProviderError> {
        Err(ProviderError::unsupported("scalingo", "get_deployment"))
    }
}

fn frozen(status: Status) -> AddedMapping {
    AddedMapping {
        provider: "scalingo".to_owned(),
        provider_status: "Frozen".to_owned(),
        status,
        phase: None,
        failure_reason: (status == Status::Failed).then(|| "frozen".to_owned()),
    }
}

/// A process whose configuration has these mappings.
fn configured(world: &World, mappings: &[AddedMapping]) -> Context {
    let mut registry = ProviderRegistry::default();
    registry.insert(AccountName::from("main"), Arc::new(Words));
    let clock = Arc::new(world.clock.clone());
    let context = Context::new(world.context.pool.clone(), with_mappings(&registry, mappings), clock);
    // What is asked for now is newer than what the world has seen.
    context.note_database_time(world.now() + time::Duration::HOUR);
    context
}

async fn put_in_force(context: &Context) {
    let mut conn = context.pool.acquire().await.expect("a connection");
    relabel::announce(context, &mut conn).await.expect("announced");
}

#[tokio::test]
async fn history_is_read_again_from_what_is_stored_and_goes_on_after_a_crash() {
    let world = World::new(LiveRule::LastSucceeded).await;
    let seen = (0..450).map(|number| {
        let status = if number % 3 == 0 { "success" } else { "frozen" };
        read(&json!({"id": number.to_string(), "status": status, "second": -10_000 + number})).expect("a deployment")
    });
    world.see(10, seen.collect()).await;
    put_in_force(&configured(&world, &[])).await;
    relabel_all(&configured(&world, &[])).await;
    let before = [
        world.deployment("3").await,
        world.deployment("4").await,
        world.deployment("449").await,
    ];
    assert_eq!(before[1].tracked.status(), Status::Unknown);
    assert!(before[2].tracked.state.provider_status.is_some());
    let words = async || {
        let mut conn = world.connection().await;
        unmapped_statuses::list(&mut conn).await.expect("a read")
    };
    assert_eq!(
        (words().await[0].provider_status.as_str(), words().await[0].seen_count),
        ("frozen", 300)
    );

    // The first process gets as far as one batch and dies.
    let head = world.head().await;
    let failed = [frozen(Status::Failed)];
    let first = configured(&world, &failed);
    put_in_force(&first).await;
    {
        let mut conn = world.connection().await;
        assert!(relabel::mark_some(&first, &mut conn).await.expect("marked"));
        assert!(relabel::restamp_some(&first, &mut conn).await.expect("restamped"));
    }
    assert_eq!(
        world.deployment("449").await.tracked.status(),
        Status::Failed,
        "the newest first"
    );
    assert_eq!(
        world.deployment("4").await.tracked.status(),
        Status::Unknown,
        "the rest is still to come"
    );
    relabel_all(&configured(&world, &failed)).await;

    let after = world.deployment("4").await;
    assert_eq!(
        (after.tracked.status(), after.version),
        (Status::Failed, before[1].version + 1)
    );
    assert_eq!(after.tracked.state.failure_reason.as_deref(), Some("frozen"));
    assert_eq!(
        after.tracked.state.provider_status.as_deref(),
        Some("frozen"),
        "the native word stays"
    );
    assert_eq!(after.created_at, before[1].created_at);
    assert_eq!(
        world.deployment("3").await.version,
        before[0].version,
        "what it does not concern stays"
    );
    let events = world.events_after(head).await;
    let told: Vec<_> = events.iter().filter_map(|event| event.deployment_id).collect();
    let distinct: std::collections::BTreeSet<_> = told.iter().copied().collect();
    assert_eq!((told.len(), distinct.len()), (300, 300), "an event for each, once");
    assert_eq!(words().await[0].seen_count, 300, "reading again counts nothing");

    // Nothing is left to do, and one whose mapping is not in force stands back.
    let head = world.head().await;
    relabel_all(&configured(&world, &failed)).await;
    relabel_all(&configured(&world, &[])).await;
    assert_eq!(world.head().await, head);

    // Another mapping corrects what the first one made, and none takes it back. What runs follows.
    let succeeded = configured(&world, &[frozen(Status::Succeeded)]);
    put_in_force(&succeeded).await;
    relabel_all(&succeeded).await;
    let newest = world.deployment("449").await;
    assert_eq!(
        (newest.tracked.status(), newest.is_live),
        (Status::Succeeded, Some(true))
    );
    let none = configured(&world, &[]);
    put_in_force(&none).await;
    relabel_all(&none).await;
    assert_eq!(world.deployment("4").await.tracked.status(), Status::Unknown);
    assert_eq!(
        world.deployment("447").await.is_live,
        Some(true),
        "the one that succeeded last"
    );
    assert_eq!(world.deployment("449").await.is_live, Some(false));
}

#[tokio::test]
async fn what_has_no_payload_any_more_stays_as_it_was_and_is_counted() {
    let world = World::new(LiveRule::LastSucceeded).await;
    let seen = (0..10).map(|number| {
        let status = if number < 4 { "success" } else { "frozen" };
        read(&json!({"id": number.to_string(), "status": status, "second": -10_000 + number})).expect("a deployment")
    });
    world.see(10, seen.collect()).await;
    let removed = "DELETE FROM deployment_payloads WHERE deployment_id IN
                   (SELECT id FROM deployments WHERE provider_deployment_id IN ('1', '5', '6'))";
    sqlx::query(removed)
        .execute(&world.context.pool)
        .await
        .expect("removed");
    let context = configured(&world, &[frozen(Status::Failed)]);
    put_in_force(&context).await;
    relabel_all(&context).await;
    assert_eq!(world.deployment("4").await.tracked.status(), Status::Failed);
    assert_eq!(world.deployment("5").await.tracked.status(), Status::Unknown);
    assert_eq!(context.figures.not_remapped(), 2, "a known status needs no payload");
}
