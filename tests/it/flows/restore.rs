//! A database that was restored from a backup: positions of the time before are refused, on a replica that went on meanwhile
//! and on one that starts afterwards.

use std::time::Duration;

use serde_json::Value;
use slipway_test_database::TestDatabase;
use slipway_tests::{Case, Gateway, Process, ServeOptions, SimulateOptions, Simulators};

const PATIENCE: Duration = Duration::from_secs(60);

/// Follows the open stream to its `reset`, and tells its reason and where it goes on.
async fn reset(stream: &mut slipway_tests::Stream) -> (String, String) {
    let reading = async {
        while let Some(block) = stream.next().await {
            if block.event.as_deref() == Some("reset") {
                let event = block.view().expect("an event");
                assert_eq!(block.id, None, "a control frame: {}", block.raw);
                return (event.reason.expect("a reason"), event.cursor.expect("a cursor"));
            }
        }
        panic!("the stream ended without a reset");
    };
    tokio::time::timeout(PATIENCE, reading).await.expect("a reset in time")
}

#[tokio::test]
async fn whoever_follows_begins_anew_with_a_new_epoch() {
    let case = Case::begin().await;
    let database = TestDatabase::create().await.expect("a database for the test");
    let world = SimulateOptions {
        deployment_every: 1.0,
        ..SimulateOptions::default()
    };
    let simulators = Simulators::start(&case, &world).await;
    let options = ServeOptions::on(&database);
    let gateway = Gateway::start(&case, &options, &simulators).await;
    let mut open = gateway.api.stream(None).await;
    let (old, _) = open.next_event(PATIENCE).await.expect("an event");
    let page = gateway.api.get("/api/v1/deployments?limit=1").await;
    let list: Value = page.json();
    let (tag, next) = (
        page.header("etag").expect("a tag").to_owned(),
        list["next_cursor"].clone(),
    );

    let mut migrate = case.command(&["migrate", "--new-epoch", "--config"]);
    migrate.arg(Gateway::config_file(&case, &options));
    let migrated = Process::start(migrate).ended().await;
    assert_eq!(migrated.code, Some(0), "{}", migrated.stderr);

    let (reason, cursor) = reset(&mut open).await;
    assert_eq!(reason, "unknown_epoch");
    assert_ne!(epoch(&cursor), epoch(&old));
    let (id, _) = open.next_event(PATIENCE).await.expect("it goes on live");
    assert_eq!(epoch(&id), epoch(&cursor));

    let other = Gateway::start(&case, &options.named("later"), &simulators).await;
    for api in [&gateway.api, &other.api] {
        let mut resumed = api.stream(Some(&old)).await;
        let (reason, cursor) = reset(&mut resumed).await;
        assert_eq!((reason.as_str(), epoch(&cursor)), ("unknown_epoch", epoch(&id)));
        let gone = api
            .try_get(&format!("/api/v1/events?after={old}"))
            .await
            .expect("an answer");
        let problem: Value = serde_json::from_str(&gone.text).expect("JSON");
        assert_eq!((gone.status, &problem["code"]), (410, &Value::from("cursor_gone")));
        let behind = api
            .try_get(&format!("/api/v1/deployments?min_cursor={old}"))
            .await
            .expect("an answer");
        assert_eq!(behind.status, 410, "{}", behind.text);
        // A page goes on where it was, and says which log it shows; nothing is taken for what it was before.
        let walk = format!(
            "/api/v1/deployments?limit=1&cursor={}",
            next.as_str().expect("a cursor")
        );
        assert!([200, 400, 410].contains(&api.try_get(&walk).await.expect("an answer").status));
        let again = api.get("/api/v1/deployments?limit=1").await;
        assert_ne!(again.header("etag"), Some(&*tag));
        assert_eq!(again.event_cursor.as_deref().map(epoch), Some(epoch(&id)));
    }
}

fn epoch(cursor: &str) -> &str {
    cursor.split_once('-').expect("epoch and number").0
}
