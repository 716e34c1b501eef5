//! Several gateways over one PostgreSQL: the same events from each, the work done once, whatever becomes of one of them.

use std::time::Duration;

use serde_json::Value;
use slipway_test_database::TestDatabase;
use slipway_tests::{Api, Case, Gateway, ServeOptions, SimulateOptions, Simulators, Wire, until, within};

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

const LONG: Duration = Duration::from_secs(120);

/// Deployments last long enough to be met while they run, at a pace of the lists that the providers' limits allow.
fn slower() -> SimulateOptions {
    SimulateOptions {
        speed: 4.0,
        ..SimulateOptions::default()
    }
}

/// Starts some of everything; answers their ids at the providers.
async fn deploy_some(simulators: &Simulators) -> Vec<String> {
    let mut started = Vec::new();
    for (provider, scenario) in [
        ("cloud66", "success"),
        ("cloud66", "failed"),
        ("scalingo", "success"),
        ("scalingo", "build_failure"),
    ] {
        started.extend(simulators.control.deploy(provider, scenario, 1).await);
    }
    started
}

async fn wait_until_finished(api: &Api, started: &[String]) {
    api.wait_for_deployments(started, LONG, "finished", |item| item.is_finished)
        .await;
}

/// Both tell the same log, and in it each of these deployments begins once, ends once, and never goes back.
async fn assert_each_event_once(gateways: [&Gateway; 2], beginning: &str, started: &[String]) {
    let mut logs = Vec::new();
    let last = gateways[0].api.event_cursor().await;
    for gateway in gateways {
        let events = within(LONG, "it has read the log as far", async || {
            let events = gateway.api.events_after(beginning).await;
            events
                .iter()
                .any(|event| event.id.as_deref() == Some(&last))
                .then_some(events)
        })
        .await;
        logs.push(events);
    }
    let common = logs[0].len().min(logs[1].len());
    assert_eq!(logs[0][..common], logs[1][..common], "one log");
    for id in started {
        let of_it: Vec<_> = logs[0]
            .iter()
            .filter_map(|event| Some((event.r#type.as_str(), event.deployment.as_ref()?)))
            .filter(|(_, deployment)| deployment.provider_deployment_id.as_ref() == Some(id))
            .collect();
        let count = |r#type: &str| of_it.iter().filter(|(told, _)| *told == r#type).count();
        assert_eq!(count("deployment.created"), 1, "{id}: {of_it:?}");
        assert_eq!(count("deployment.finished"), 1, "{id}: {of_it:?}");
        let mut told: Vec<_> = of_it
            .iter()
            .map(|(r#type, deployment)| (deployment.version, *r#type))
            .collect();
        assert!(told.is_sorted_by_key(|(version, _)| *version), "{id}: {told:?}");
        let all = told.len();
        told.sort_unstable();
        told.dedup();
        assert_eq!(told.len(), all, "{id}: nothing is told twice: {told:?}");
        let versions: std::collections::BTreeSet<_> = told.iter().map(|(version, _)| *version).collect();
        let first = *versions.first().expect("it was created");
        assert_eq!(
            versions.into_iter().collect::<Vec<_>>(),
            (first..=told[all - 1].0).collect::<Vec<_>>(),
            "{id}: no gap"
        );
    }
}

#[tokio::test]
async fn one_that_stands_still_past_its_leases_changes_nothing_when_it_goes_on() {
    let case = Case::begin().await;
    let database = TestDatabase::create().await.expect("a database for the test");
    let simulators = Simulators::start(&case, &slower()).await;
    let [one, two] = pair(&case, &database, &simulators).await;
    one.wait_until_synced().await;
    let beginning = two.api.event_cursor().await;
    // In the middle of the work, with streams open and leases held.
    let mut started = deploy_some(&simulators).await;
    until("the work has begun", async || {
        let deployments = two.api.deployments("").await;
        deployments.iter().any(|item| !item.is_finished).then_some(())
    })
    .await;
    one.process.signal_group(libc::SIGSTOP);
    started.extend(deploy_some(&simulators).await);
    wait_until_finished(&two.api, &started).await;
    // What the one that stands still had in hand has been taken over, so its leases are long past.
    one.process.signal_group(libc::SIGCONT);
    started.extend(deploy_some(&simulators).await);
    wait_until_finished(&one.api, &started).await;
    assert_each_event_once([&one, &two], &beginning, &started).await;
    one.wait_until_synced().await;
}

#[tokio::test]
async fn one_that_is_cut_off_from_the_database_is_replaced_and_comes_back() {
    let case = Case::begin().await;
    let database = TestDatabase::create().await.expect("a database for the test");
    let simulators = Simulators::start(&case, &slower()).await;
    let wire = Wire::to(&database).await;
    let options = ServeOptions::on(&database);
    let far = ServeOptions {
        database_url: Some(wire.url.clone()),
        ..options.named("far")
    };
    let (far, near) = tokio::join!(Gateway::start(&case, &far, &simulators), async {
        Gateway::start(&case, &options.named("near"), &simulators).await
    });
    near.wait_until_synced().await;
    let beginning = near.api.event_cursor().await;
    let mut started = deploy_some(&simulators).await;
    until("the work has begun", async || {
        let deployments = near.api.deployments("").await;
        deployments.iter().any(|item| !item.is_finished).then_some(())
    })
    .await;
    wire.cut();
    started.extend(deploy_some(&simulators).await);
    wait_until_finished(&near.api, &started).await;
    until("it says that it cannot serve", async || {
        (!far.api.is_ready().await).then_some(())
    })
    .await;
    wire.mend();
    within(LONG, "it is ready again", async || {
        far.api.is_ready().await.then_some(())
    })
    .await;
    started.extend(deploy_some(&simulators).await);
    wait_until_finished(&far.api, &started).await;
    assert_each_event_once([&far, &near], &beginning, &started).await;
    far.wait_until_synced().await;
}

#[tokio::test]
async fn three_share_the_work_and_the_last_one_does_it_all() {
    let case = Case::begin().await;
    let database = TestDatabase::create().await.expect("a database for the test");
    let simulators = Simulators::start(&case, &SimulateOptions::default()).await;
    let [one, two] = pair(&case, &database, &simulators).await;
    let options = ServeOptions::on(&database);
    let three = Gateway::start(&case, &options.named("three"), &simulators).await;
    three.wait_until_synced().await;
    let beginning = three.api.event_cursor().await;
    let mut started = deploy_some(&simulators).await;
    one.kill_9().await;
    started.extend(deploy_some(&simulators).await);
    two.kill_9().await;
    started.extend(deploy_some(&simulators).await);
    wait_until_finished(&three.api, &started).await;
    assert_each_event_once([&three, &three], &beginning, &started).await;
    assert_polled_by_one(&simulators).await;
    three.wait_until_synced().await;
}

/// Nothing runs and nobody deploys: no socket is open, no application is read, only the two lists are.
#[tokio::test]
async fn while_nothing_happens_only_the_lists_are_read() {
    let case = Case::begin().await;
    let database = TestDatabase::create().await.expect("a database for the test");
    let simulators = Simulators::start(&case, &slower()).await;
    let options = ServeOptions {
        idle_every: "10m".to_owned(),
        ..ServeOptions::on(&database)
    };
    let (one, two) = (options.named("one"), options.named("two"));
    let (one, _two) = tokio::join!(
        Gateway::start(&case, &one, &simulators),
        Gateway::start(&case, &two, &simulators)
    );
    one.wait_until_synced().await;
    let lists = ["cloud66.stacks.list", "scalingo.apps.list"];
    let quiet = async || -> std::collections::BTreeMap<String, u64> {
        let mut counters = simulators.control.counters().await;
        counters.retain(|kind, _| !lists.contains(&kind.as_str()) && !kind.contains("tokens"));
        counters
    };
    let open_sockets = async || {
        simulators.control.get("/sockets").await["open"]
            .as_u64()
            .expect("a number")
    };
    // What is left of the beginning ends first: reads that the first walk made due, a stream that lingers.
    let list_count = async || simulators.control.counters().await["scalingo.apps.list"];
    let settled = within(LONG, "nothing but the lists is read between two looks", async || {
        let (before, lists_before) = (quiet().await, list_count().await);
        while list_count().await < lists_before + 2 {
            tokio::time::sleep(Duration::from_millis(100)).await;
        }
        (quiet().await == before && open_sockets().await == 0).then_some(before)
    })
    .await;
    let lists_before = list_count().await;
    within(LONG, "five more looks at the list", async || {
        (list_count().await >= lists_before + 5).then_some(())
    })
    .await;
    assert_eq!(quiet().await, settled, "an idle application costs nothing");
    assert_eq!(open_sockets().await, 0);

    // One deployment opens one socket, of its own application, and costs a few reads of that one only.
    let started = simulators.control.deploy("scalingo", "success", 1).await;
    within(LONG, "one socket is open", async || {
        (open_sockets().await == 1).then_some(())
    })
    .await;
    wait_until_finished(&one.api, &started).await;
    within(LONG, "the socket is closed", async || {
        (open_sockets().await == 0).then_some(())
    })
    .await;
    let log = simulators.control.get("/requests").await;
    let requests = log["requests"].as_array().expect("a list");
    let streams: std::collections::BTreeSet<_> = requests
        .iter()
        .filter(|request| request["kind"] == "scalingo.stream")
        .map(|request| request["path"].to_string())
        .collect();
    assert_eq!(streams.len(), 1, "{streams:?}");
    let cost: u64 = {
        let after = quiet().await;
        after
            .iter()
            .map(|(kind, count)| count - settled.get(kind).copied().unwrap_or(0))
            .sum()
    };
    assert!(cost <= 15, "{cost} calls for one deployment");
}
