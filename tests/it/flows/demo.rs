//! `slipway demo`: one command, no account, and a board that moves.

use std::collections::{BTreeMap, BTreeSet};
use std::time::Duration;

use serde_json::{Value, json};
use slipway_api::{DeploymentList, DeploymentView, LogEventView};
use slipway_tests::{BOUND, Case, Demo, DemoOptions, Ended, Person, until, within};

const PROVIDERS: [&str; 2] = ["cloud66", "scalingo"];
const STATUSES: [&str; 6] = ["queued", "in_progress", "succeeded", "failed", "canceled", "unknown"];

fn keys(value: &Value) -> Vec<&str> {
    value
        .as_object()
        .expect("an object")
        .keys()
        .map(String::as_str)
        .collect()
}

/// Gone for good: the database too.
fn assert_gone(case: &Case, ended: &Ended) {
    assert_eq!(ended.code, Some(0), "{}", ended.stderr);
    assert_eq!(case.processes(), [], "no process is left behind");
}

async fn first_look(demo: &Demo) {
    assert_eq!(
        keys(&demo.ready),
        ["admin_token", "pid", "read_token", "simulators", "url"]
    );
    assert_eq!(keys(&demo.ready["simulators"]), ["cloud66", "control", "scalingo"]);
    assert_eq!(demo.ready["pid"], demo.process.pid());
    demo.api.assert_ready().await;

    let answer = demo.api.get("/api/v1/deployments?limit=200").await;
    let page: DeploymentList = answer.json();
    for provider in PROVIDERS {
        assert!(
            page.items.iter().any(|item| item.provider == provider),
            "{provider} is on the first page"
        );
    }
    // The words as they are on the wire, not as our types read them.
    let raw: Value = answer.json();
    for item in raw["items"].as_array().expect("a list") {
        assert!(
            STATUSES.iter().any(|status| item["status"] == *status),
            "{}",
            item["status"]
        );
    }
}

/// Both providers' events within the bound.
async fn live_look(demo: &Demo) {
    let mut stream = demo.api.stream(None).await;
    let mut providers = BTreeSet::new();
    let seen = tokio::time::timeout(BOUND, async {
        while providers.len() < PROVIDERS.len() {
            let (_, event) = stream.next_event(BOUND).await.expect("the stream goes on");
            // Of deployments that move, not of what the first read found.
            if event.deployment.is_some() {
                providers.extend(event.provider);
            }
        }
    });
    assert!(
        seen.await.is_ok(),
        "events of both providers, but only of {providers:?}"
    );
    assert!(providers.iter().all(|provider| PROVIDERS.contains(&provider.as_str())));
}

#[tokio::test]
async fn a_fresh_demo_moves_and_the_next_run_goes_on_where_it_ended() {
    let case = Case::begin().await;
    let options = DemoOptions::of(&case);
    let demo = Demo::start(&case, &options).await;
    let beginning = demo.api.event_cursor().await;
    first_look(&demo).await;
    live_look(&demo).await;
    until("all of the world's history is there", async || {
        let told: u64 = worlds(&demo).await.values().sum();
        (u64::try_from(demo.api.deployments("").await.len()).unwrap_or(0) >= told).then_some(())
    })
    .await;
    let deployments = demo.api.deployments("").await;
    let events = demo.api.events_after(&beginning).await;
    let applications: BTreeSet<_> = demo.api.applications().await.into_iter().map(|item| item.id).collect();
    let world = worlds(&demo).await;
    let tokens = (demo.ready["read_token"].clone(), demo.ready["admin_token"].clone());
    let ended = demo.interrupt().await;
    assert_gone(&case, &ended);
    assert_eq!(ended.stdout.len(), 1, "one line and nothing else: {:?}", ended.stdout);

    let demo = Demo::start(&case, &options).await;
    assert_eq!(
        tokens,
        (demo.ready["read_token"].clone(), demo.ready["admin_token"].clone())
    );
    let again: BTreeMap<_, _> = demo
        .api
        .deployments("")
        .await
        .into_iter()
        .map(|item| (item.id, item))
        .collect();
    for known in &deployments {
        let now = again
            .get(&known.id)
            .unwrap_or_else(|| panic!("{} was there before", known.id));
        assert_eq!(now.provider_deployment_id, known.provider_deployment_id);
        assert_eq!(now.created_at, known.created_at);
        assert!(now.version >= known.version);
        assert!(now.is_finished || !known.is_finished);
    }
    let log = demo.api.events_after(&beginning).await;
    assert_eq!(log[..events.len()], events, "the log goes on after what it held");
    let same: BTreeSet<_> = demo.api.applications().await.into_iter().map(|item| item.id).collect();
    assert_eq!(same, applications);
    for (application, count) in worlds(&demo).await {
        assert!(
            world.get(&application).is_some_and(|before| *before <= count),
            "the simulated world does not begin again: {application}"
        );
    }
    live_look(&demo).await;
    assert_gone(&case, &demo.interrupt().await);
}

/// The world as its simulator tells it: how many deployments each application has.
async fn worlds(demo: &Demo) -> BTreeMap<String, u64> {
    let applications = demo.control.applications().await.into_iter();
    applications
        .map(|item| (name(&item), item["deployments"].as_u64().unwrap_or(0)))
        .collect()
}

fn name(application: &Value) -> String {
    format!(
        "{} {} {}",
        application["provider"], application["id"], application["name"]
    )
}

#[tokio::test]
async fn an_ordinary_user_can_run_it() {
    let case = Case::begin().await;
    let options = DemoOptions {
        data_dir: case.folder_of("home", Person::OrdinaryUser).join("data"),
        person: Person::OrdinaryUser,
        ..DemoOptions::of(&case)
    };
    let demo = Demo::start(&case, &options).await;
    first_look(&demo).await;
    assert_gone(&case, &demo.interrupt().await);
}

#[tokio::test]
async fn a_seed_makes_the_same_world_again() {
    let case = Case::begin().await;
    let mut worlds = Vec::new();
    for (folder, seed) in [("a", 7), ("b", 7), ("c", 8)] {
        let options = DemoOptions {
            data_dir: case.path(folder),
            seed: Some(seed),
            ..DemoOptions::of(&case)
        };
        let demo = Demo::start(&case, &options).await;
        let world: BTreeSet<_> = demo.control.applications().await.iter().map(name).collect();
        assert!(world.len() > 30, "about 40 applications: {}", world.len());
        worlds.push(world);
        assert_gone(&case, &demo.interrupt().await);
    }
    assert_eq!(worlds[0], worlds[1]);
    assert!(worlds[0].is_disjoint(&worlds[2]), "another seed, another world");
}

#[tokio::test]
async fn asked_to_stop_it_ends_all_streams_and_itself() {
    let case = Case::begin().await;
    let demo = Demo::start(&case, &DemoOptions::of(&case)).await;
    let mut streams = Vec::new();
    for _ in 0..50 {
        let mut stream = demo.api.stream(None).await;
        assert!(stream.next().await.is_some(), "it begins");
        streams.push(stream);
    }
    demo.process.signal(libc::SIGTERM);
    // Two seconds are promised; this machine may be busy.
    let ended = demo.process.ended_within(Duration::from_secs(20)).await;
    assert_gone(&case, &ended);
    for mut stream in streams {
        let mut last = None;
        while let Some(block) = stream.next().await {
            last = Some(block);
        }
        let last = last.expect("a goodbye");
        assert!(last.retry.is_some(), "when to come back: {}", last.raw);
        assert!(last.id.is_some() && last.data.is_none(), "and from where: {}", last.raw);
    }
}

/// As long as a deployment takes in life, on a machine that does something else as well.
const A_DEPLOYMENT: Duration = Duration::from_secs(240);

/// Lines from where the last connection ended, `count` of them at most. With the reason, if the log ended.
async fn read_lines(demo: &Demo, id: uuid::Uuid, lines: &mut Vec<(String, String)>, count: usize) -> Option<String> {
    let from = lines.last().map(|(position, _)| position.clone());
    let mut stream = demo.api.log_stream(id, from.as_deref()).await;
    let target = lines.len() + count;
    while lines.len() < target {
        let block = stream.next().await.expect("the log goes on to its end");
        let Some(data) = block.data.as_deref() else { continue };
        let view: LogEventView = serde_json::from_str(data).expect("an event of a log");
        match view.r#type.as_str() {
            "line" => {
                let position = block.id.expect("a line has a position");
                assert!(lines.iter().all(|(known, _)| *known != position), "{position} twice");
                lines.push((position, view.text.expect("a line")));
            }
            "end" => return Some(view.reason.unwrap_or_default()),
            "heartbeat" => {}
            other => panic!("{other}: {}", block.raw),
        }
    }
    None
}

#[tokio::test]
async fn what_is_triggered_is_followed_to_its_end_and_read_whole() {
    let case = Case::begin().await;
    let demo = Demo::start(&case, &DemoOptions::of(&case)).await;
    let mut events = demo.api.stream(None).await;
    let applications = demo.api.applications().await;
    let free = applications.iter().find(|application| {
        application.provider == "scalingo" && application.allowed_actions.iter().any(|action| action == "trigger")
    });
    let path = format!("/api/v1/applications/{}/deployments", free.expect("an app").id);
    let key = [("idempotency-key", "demo")];
    let made = demo.admin.post(&path, &json!({"git_ref": "main"}), &key).await;
    assert_eq!(made.status, 202, "{}", made.text);
    let deployment: DeploymentView = serde_json::from_str(&made.text).expect("a deployment");
    let again = demo.admin.post(&path, &json!({"git_ref": "main"}), &key).await;
    assert_eq!(
        (&again.text, again.header("idempotency-replayed")),
        (&made.text, Some("true"))
    );

    // A reader that loses its connection again and again.
    let mut lines = Vec::new();
    let followed = async {
        loop {
            if let Some(reason) = read_lines(&demo, deployment.id, &mut lines, 7).await {
                return reason;
            }
        }
    };
    let reason = tokio::time::timeout(A_DEPLOYMENT, followed)
        .await
        .expect("the log ends");
    assert_eq!(reason, "complete");
    assert!(lines.len() > 7, "only {} lines", lines.len());
    let text: String = lines.iter().map(|(_, line)| format!("{line}\n")).collect();
    let whole = demo
        .api
        .get(&format!("/api/v1/deployments/{}/logs", deployment.id))
        .await;
    assert_eq!((whole.status, whole.text.as_str()), (200, text.as_str()));

    // Its end came on the stream of events, too.
    let ended = within(A_DEPLOYMENT, "its end on the stream", async || {
        let (_, event) = events.next_event(BOUND).await?;
        let is_end = event.r#type == "deployment.finished" && event.deployment_id == Some(deployment.id);
        is_end.then_some(event)
    })
    .await;
    assert!(ended.deployment.is_some_and(|shown| shown.is_finished));
    let view: DeploymentView = demo
        .api
        .get(&format!("/api/v1/deployments/{}", deployment.id))
        .await
        .json();
    assert!(view.logs.complete && view.is_finished, "{view:?}");
    assert_gone(&case, &demo.interrupt().await);
}

#[tokio::test]
async fn its_provider_tells_it_what_happens() {
    let case = Case::begin().await;
    let demo = Demo::start(&case, &DemoOptions::of(&case)).await;
    let registered = demo.control.get("/webhooks").await;
    assert_eq!(registered["webhooks"].as_array().map(Vec::len), Some(1), "{registered}");
    within(A_DEPLOYMENT, "a change by hint", async || {
        let all = demo.api.deployments("").await;
        all.iter().any(|item| item.observed_via == "webhook").then_some(())
    })
    .await;
    assert_gone(&case, &demo.interrupt().await);
}
