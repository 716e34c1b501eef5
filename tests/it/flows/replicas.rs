//! Two gateways over one PostgreSQL: the same events from both, the work done once.

use std::time::Duration;

use serde_json::Value;
use slipway_test_database::TestDatabase;
use slipway_tests::{Case, Gateway, ServeOptions, SimulateOptions, Simulators, until};

const PATIENCE: Duration = Duration::from_secs(60);

async fn pair(case: &Case, database: &TestDatabase, simulators: &Simulators) -> [Gateway; 2] {
    let options = ServeOptions::on(database);
    [
        Gateway::start(case, &options.named("one"), simulators).await,
        Gateway::start(case, &options.named("two"), simulators).await,
    ]
}

#[tokio::test]
async fn a_stream_goes_on_at_the_other_one_and_the_work_is_done_once() {
    let case = Case::begin().await;
    let database = TestDatabase::create().await.expect("a database for the test");
    let world = SimulateOptions {
        deployment_every: 0.7,
        ..SimulateOptions::default()
    };
    let simulators = Simulators::start(&case, &world).await;
    let gateways = pair(&case, &database, &simulators).await;
    let beginning = gateways[0].api.event_cursor().await;
    let (mut ids, mut last) = (Vec::new(), beginning.clone());
    for turn in 0..80 {
        let mut stream = gateways[turn % 2].api.stream(Some(&last)).await;
        let (id, _) = stream.next_event(PATIENCE).await.expect("another event");
        last.clone_from(&id);
        ids.push(id);
    }
    let mut twins = Vec::new();
    for gateway in &gateways {
        let events = until("this replica has seen the last one", async || {
            let events = gateway.api.events_after(&beginning).await;
            (events.len() >= ids.len()).then_some(events)
        })
        .await;
        twins.push(events);
    }
    let common = twins[0].len().min(twins[1].len());
    assert_eq!(twins[0][..common], twins[1][..common], "one log");
    let twin: Vec<_> = twins[0].iter().filter_map(|event| event.id.clone()).collect();
    assert_eq!(ids, twin[..ids.len()], "no gap and no duplicate");

    let deployments = gateways[1].api.deployments("").await;
    let mut keys: Vec<_> = deployments
        .iter()
        .map(|item| (item.application_id, item.provider_deployment_id.clone()))
        .collect();
    keys.sort_unstable();
    keys.dedup();
    assert_eq!(keys.len(), deployments.len(), "every deployment once");

    assert_polled_by_one(&simulators).await;
}

/// Reads of the same list follow each other at the interval of one gateway: a second one at work would halve it.
async fn assert_polled_by_one(simulators: &Simulators) {
    let log = simulators.control.get("/requests").await;
    for kind in ["cloud66.stacks.list", "scalingo.apps.list"] {
        let requests = log["requests"].as_array().expect("a list").iter();
        let times: Vec<_> = requests.filter(|request| request["kind"] == kind).map(at).collect();
        let [first, .., last] = times.as_slice() else {
            panic!("{kind} was read only {} times", times.len());
        };
        // One second is configured, with a tenth of jitter.
        let expected_at_most = (*last - *first).as_seconds_f64() / 0.9 + 1.0;
        let count = f64::from(u32::try_from(times.len()).expect("some"));
        assert!(
            count <= expected_at_most + 1.0,
            "{kind}: {count} reads where {expected_at_most} are due"
        );
    }
}

fn at(request: &Value) -> time::OffsetDateTime {
    let text = request["at"].as_str().expect("a time");
    time::OffsetDateTime::parse(text, &time::format_description::well_known::Rfc3339).expect("a time")
}

#[tokio::test]
async fn when_one_dies_the_other_does_its_work() {
    let case = Case::begin().await;
    let database = TestDatabase::create().await.expect("a database for the test");
    let simulators = Simulators::start(&case, &SimulateOptions::default()).await;
    let [one, two] = pair(&case, &database, &simulators).await;
    one.wait_until_synced().await;
    let last = two.api.event_cursor().await;
    // Something is in everybody's hands.
    let mut started = simulators.control.deploy("cloud66", "success", 2).await;
    started.extend(simulators.control.deploy("scalingo", "success", 2).await);
    let mut stream = one.api.stream(Some(&last)).await;
    let (mut last, _) = stream.next_event(PATIENCE).await.expect("an event");
    one.kill_9().await;
    while let Some(block) = stream.next().await {
        last = block.id.filter(|_| block.data.is_some()).unwrap_or(last);
    }

    // The other one takes the leases over when they expire, and the client goes on there.
    started.extend(simulators.control.deploy("scalingo", "build_failure", 1).await);
    let bound = Duration::from_secs(120);
    two.api
        .wait_for_deployments(&started, bound, "finished", |item| item.is_finished)
        .await;
    let expected: Vec<_> = two
        .api
        .events_after(&last)
        .await
        .into_iter()
        .filter_map(|event| event.id)
        .collect();
    let mut stream = two.api.stream(Some(&last)).await;
    for id in expected {
        assert_eq!(stream.next_event(PATIENCE).await.map(|(id, _)| id), Some(id));
    }
    two.wait_until_synced().await;
}
