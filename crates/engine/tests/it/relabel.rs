//! A changed rule set reaches what is stored, with versions and events, once.

use std::sync::Arc;

use slipway_core::provider::{Capabilities, LiveRule, ProviderRegistry, Support};
use slipway_core::{AccountName, ProviderName, Status};
use slipway_engine::Context;
use slipway_engine::ingest::ingest_applications;
use slipway_engine::relabel;
use slipway_engine::rules::{Rule, Rules};
use slipway_store::{applications, deployments};

use crate::provider::TestProvider;
use crate::world::{World, application, deployment};

/// Until there is nothing left to do.
pub(crate) async fn relabel_all(context: &Context) {
    let mut conn = context.pool.acquire().await.expect("a connection");
    let mut looks = 0;
    while relabel::relabel_some(context, &mut conn).await.expect("relabelled")
        | relabel::mark_some(context, &mut conn).await.expect("marked")
        | relabel::restamp_some(context, &mut conn).await.expect("restamped")
    {
        looks += 1;
        assert!(looks < 1_000, "it comes to no end");
    }
}

fn team(team: &str) -> Rules {
    Rules::new(vec![Rule {
        names: vec!["app-*".to_owned()],
        environment: Some("never: the provider has one".to_owned()),
        owner: Some("shop".to_owned()),
        labels: [("team".to_owned(), team.to_owned())].into(),
        ..Rule::default()
    }])
}

#[tokio::test]
async fn a_changed_rule_set_relabels_applications_and_deployments_with_events() {
    let world = World::new(LiveRule::LastSucceeded).await;
    let mut seen: Vec<_> = (0..450)
        .map(|number| deployment(&number.to_string(), -10_000 + number, Status::Succeeded))
        .collect();
    seen.push(deployment("running", 5, Status::InProgress));
    world.see(10, seen).await;
    let head = world.head().await;
    let before = world.deployment("running").await;

    let context = world.context.clone().with_rules(team("web"));
    let mut conn = world.connection().await;
    relabel::announce(&context, &mut conn).await.expect("announced");
    relabel_all(&context).await;

    let found = applications::find(&mut conn, world.application_id)
        .await
        .expect("a read")
        .expect("an application");
    assert_eq!(found.owner.as_deref(), Some("shop"));
    assert_eq!(found.environment.as_deref(), Some("production"));
    assert_eq!(found.labels["team"], "web");
    let after = world.deployment("running").await;
    assert_eq!((after.version, &after.labels), (before.version + 1, &found.labels));
    let body = deployments::find_body(&mut conn, after.id.0)
        .await
        .expect("a read")
        .expect("a body");
    let body: serde_json::Value = serde_json::from_str(&body.body).expect("JSON");
    assert_eq!(
        (&body["labels"]["team"], &body["version"]),
        (&serde_json::json!("web"), &serde_json::json!(after.version))
    );
    assert_eq!(world.deployment("0").await.labels, found.labels);
    // 451 deployments in batches of 200: three with history, the newest one with the running one.
    let types = world.event_types_after(head).await;
    let expected = [
        "application.updated",
        "deployment.updated",
        "application.history_changed",
        "application.history_changed",
        "application.history_changed",
    ];
    assert_eq!(types, expected);

    // Nothing is left, also for another process with the same rules.
    relabel_all(&context).await;
    assert_eq!(world.head().await, head + 5);
    // One with other rules that is not in force stands back.
    relabel_all(&world.context.clone().with_rules(team("other"))).await;
    assert_eq!(world.head().await, head + 5);
}

#[tokio::test]
async fn new_applications_and_deployments_get_their_labels_at_once_and_a_new_name_is_found() {
    let world = World::new(LiveRule::LastSucceeded).await;
    let context = world.context.clone().with_rules(team("web"));
    let (account, provider) = (AccountName::from("main"), ProviderName::from("scalingo"));
    let ids = ingest_applications(&context, &account, &provider, world.lease, &[application("app-2")])
        .await
        .expect("ingested");
    let mut conn = world.connection().await;
    let found = applications::find(&mut conn, ids[0])
        .await
        .expect("a read")
        .expect("there");
    assert_eq!((found.labels["team"].as_str(), found.version), ("web", 1));

    world.see(1, vec![deployment("1", 0, Status::Queued)]).await;
    assert!(world.deployment("1").await.labels.is_empty());
    let mut renamed = application("app-1");
    renamed.name = "app-new".to_owned();
    ingest_applications(&context, &account, &provider, world.lease, &[renamed])
        .await
        .expect("ingested");
    relabel::announce(&context, &mut conn).await.expect("announced");
    relabel_all(&context).await;
    let after = world.deployment("1").await;
    assert_eq!(
        (after.application_name.as_str(), after.labels["team"].as_str()),
        ("app-new", "web")
    );
}

/// A process whose provider can do something else than the one that wrote last.
pub(crate) fn with_capabilities(context: &Context, capabilities: Capabilities) -> Context {
    with_provider(
        context,
        TestProvider {
            capabilities,
            log: None,
        },
    )
}

pub(crate) fn with_provider(context: &Context, provider: TestProvider) -> Context {
    let mut registry = ProviderRegistry::default();
    registry.insert(AccountName::from("main"), Arc::new(provider));
    Context::new(context.pool.clone(), registry, Arc::clone(&context.clock))
        .with_rules((*context.setup.now().rules).clone())
}

#[tokio::test]
async fn what_a_provider_can_do_now_reaches_what_is_stored_by_the_process_that_started_last() {
    let world = World::new(LiveRule::LastSucceeded).await;
    // What was deployed is known, so it can be deployed again.
    let deployment = |key: &str, second: i64, status: Status| {
        let mut seen = deployment(key, second, status);
        seen.details.git.sha = Some("c31221df".to_owned());
        seen
    };
    let seen = vec![
        deployment("old", -500, Status::Succeeded),
        deployment("running", 5, Status::InProgress),
    ];
    world.see(10, seen).await;
    relabel_all(&world.context).await;
    let head = world.head().await;
    let cancels = Capabilities {
        cancel: Support::Supported,
        redeploy: Support::Supported,
        ..Capabilities::default()
    };
    let context = with_capabilities(&world.context, cancels);
    let mut conn = world.connection().await;
    relabel::announce(&context, &mut conn).await.expect("announced");
    relabel_all(&context).await;

    let body = async |key: &str| {
        let id = world.deployment(key).await.id.0;
        let mut conn = world.connection().await;
        let found = deployments::find_body(&mut conn, id)
            .await
            .expect("a read")
            .expect("there");
        serde_json::from_str::<serde_json::Value>(&found.body).expect("JSON")
    };
    assert_eq!(
        body("running").await["allowed_actions"],
        serde_json::json!(["cancel", "redeploy"])
    );
    assert_eq!(body("old").await["allowed_actions"], serde_json::json!(["redeploy"]));
    assert_eq!(
        (&body("old").await["version"], world.deployment("old").await.version),
        (&2.into(), 2)
    );
    let types = world.event_types_after(head).await;
    assert_eq!(types, ["deployment.updated", "application.history_changed"]);

    // The process before, which still runs, stands back, and what it writes meanwhile is mended.
    relabel_all(&world.context).await;
    assert_eq!(world.head().await, head + 2);
    world.see(20, vec![deployment("late", 8, Status::Queued)]).await;
    let head = world.head().await;
    assert_eq!(body("late").await["allowed_actions"], serde_json::json!([]));
    relabel_all(&world.context).await;
    assert_eq!(world.head().await, head, "it stands back");
    relabel_all(&context).await;
    assert_eq!(
        body("late").await["allowed_actions"],
        serde_json::json!(["cancel", "redeploy"])
    );
}
