//! The deployment socket: authentication, replay, live frames, interleaving, pings, drops.

use std::time::Duration;

use reqwest::Method;
use serde_json::{Value, json};
use slipway_simulator::{Fault, FaultKind, NewFrame, Provider, Scenario, StartRequest};

use crate::client::{Client, Stream, eventually};

fn first_app(client: &Client) -> String {
    client.world().applications(Provider::Scalingo)[0].name.clone()
}

fn request(client: &Client, scenario: Scenario) -> StartRequest {
    StartRequest {
        provider: Some(Provider::Scalingo),
        application: Some(first_app(client)),
        scenario: Some(scenario),
        ..StartRequest::default()
    }
}

fn start(client: &Client, scenario: Scenario) -> String {
    client.world().start(&request(client, scenario)).unwrap()[0].id.clone()
}

fn contents(frames: &[Value], id: &str) -> Vec<String> {
    let logs = frames
        .iter()
        .filter(|frame| frame["type"] == "log" && frame["id"] == id);
    logs.map(|frame| frame["data"]["content"].as_str().unwrap().trim_end().to_owned())
        .collect()
}

fn is_end(frame: &Value) -> bool {
    let running = ["queued", "building", "pushing", "starting"];
    frame["type"] == "status" && !running.contains(&frame["data"]["status"].as_str().unwrap())
}

#[tokio::test]
async fn a_wrong_or_missing_authentication_ends_the_socket() {
    let client = Client::new().await;
    let url = format!(
        "{}/apps/{}",
        client.simulator.scalingo_api_url().replace("http", "ws"),
        first_app(&client)
    );
    for token in [client.simulator.scalingo_token(), "a.b.c", ""] {
        let mut stream = Stream::open(&url).await;
        stream.authenticate(token).await;
        assert_eq!(stream.next().await, None);
    }
    let mut nowhere = Stream::open(&url.replace("/apps/", "/apps/none-")).await;
    nowhere.authenticate(client.jwt()).await;
    assert_eq!(nowhere.next().await, None);
    eventually("all sockets closed", || client.world().open_sockets() == 0).await;
}

#[tokio::test]
async fn replay_and_live_frames_make_the_stored_output() {
    let client = Client::new().await;
    let id = start(&client, Scenario::Success);
    client.advance(8);
    let mut stream = client.stream(&first_app(&client)).await;
    let mut frames = vec![stream.next().await.unwrap()];
    assert_eq!(frames[0]["type"], "log", "the replay begins with what was printed");
    client.advance(200);
    frames.extend(stream.until(is_end).await);
    let path = format!("/apps/{}/deployments/{id}/output", first_app(&client));
    let stored = client.scalingo(Method::GET, &path, None).await.text;
    let stored: Vec<String> = stored.lines().map(|line| line.trim_end().to_owned()).collect();
    assert_eq!(contents(&frames, &id), stored, "no line twice, none missed");
    let statuses: Vec<_> = frames
        .iter()
        .filter(|f| f["type"] == "status")
        .map(|f| &f["data"]["status"])
        .collect();
    assert_eq!(statuses, ["pushing", "starting", "success"]);
}

#[tokio::test]
async fn an_idle_app_replays_its_last_deployment_and_keeps_the_socket() {
    let client = Client::new().await;
    let mut stream = client.stream(&first_app(&client)).await;
    let last = client
        .world()
        .deployments(Provider::Scalingo, &first_app(&client))
        .unwrap()[0]
        .id
        .clone();
    assert_eq!(stream.next().await.unwrap()["id"], json!(last));
    let id = start(&client, Scenario::Success);
    let frames = stream.until(|frame| frame["type"] == "new").await;
    let new = &frames[frames.len() - 1]["data"]["deployment"];
    assert_eq!(new["id"], json!(id));
    assert!(new["pusher"]["username"].is_string());
    client.advance(200);
    stream.until(is_end).await;
    start(&client, Scenario::BuildFailure);
    client.advance(200);
    let frames = stream.until(is_end).await;
    assert_eq!(frames[frames.len() - 1]["data"]["status"], "build-error");
}

#[tokio::test]
async fn new_frames_can_carry_the_id_only_and_pings_come_when_quiet() {
    let client = Client::new().await;
    client.world().set_quirks(|quirks| {
        quirks.scalingo_new_frame = NewFrame::Id;
        quirks.scalingo_ping_every_ms = 20;
    });
    let mut stream = client.stream(&first_app(&client)).await;
    let frames = stream.until(|frame| frame["type"] == "ping").await;
    assert!(frames[frames.len() - 1]["data"]["ts"].is_i64());
    let id = start(&client, Scenario::Success);
    let frames = stream.until(|frame| frame["type"] == "new").await;
    assert_eq!(frames[frames.len() - 1]["data"]["deployment"], json!(id));
}

#[tokio::test]
async fn several_deployments_interleave_by_id() {
    let client = Client::new().await;
    let mut stream = client.stream(&first_app(&client)).await;
    stream.next().await.unwrap();
    let burst = StartRequest {
        count: Some(3),
        ..request(&client, Scenario::Burst)
    };
    let ids: Vec<String> = client
        .world()
        .start(&burst)
        .unwrap()
        .into_iter()
        .map(|started| started.id)
        .collect();
    client.advance(2_000);
    let mut frames = Vec::new();
    for _ in 0..3 {
        frames.extend(stream.until(is_end).await);
    }
    let order: Vec<&str> = frames
        .iter()
        .filter(|f| f["type"] == "log")
        .filter_map(|f| f["id"].as_str())
        .collect();
    for id in &ids {
        let path = format!("/apps/{}/deployments/{id}/output", first_app(&client));
        let stored = client.scalingo(Method::GET, &path, None).await.text;
        assert_eq!(contents(&frames, id).len(), stored.lines().count());
    }
    let mut changes = order.clone();
    changes.dedup();
    assert!(
        changes.len() > ids.len() * 2,
        "lines of one are mixed with lines of the others"
    );
}

#[tokio::test]
async fn sockets_break_fall_silent_and_are_refused_on_demand() {
    let client = Client::new().await;
    let app = first_app(&client);
    let mut stream = client.stream(&app).await;
    stream.next().await.unwrap();
    let fault = |kind| Fault {
        path_contains: Some(app.clone()),
        ..Fault::new(Provider::Scalingo, kind)
    };
    client.world().set_fault(fault(FaultKind::DropSocket));
    while stream.next().await.is_some() {}
    eventually("the socket is gone", || client.world().open_sockets() == 0).await;

    client.world().set_fault(Fault {
        count: Some(1),
        ..fault(FaultKind::DropSocket)
    });
    let mut short = client.stream(&app).await;
    let mut frames = 0;
    while short.next().await.is_some() {
        frames += 1;
    }
    assert_eq!(frames, 3);

    client.world().set_quirks(|quirks| quirks.scalingo_ping_every_ms = 10);
    client.world().set_fault(Fault {
        count: Some(1),
        ..fault(FaultKind::SilentSocket)
    });
    let mut silent = client.stream(&app).await;
    eventually("the silent socket is open", || client.world().open_sockets() == 1).await;
    start(&client, Scenario::Success);
    client.advance(100);
    let heard = tokio::time::timeout(Duration::from_millis(300), silent.next()).await;
    assert!(heard.is_err(), "not even a ping: {heard:?}");
    let mut other = client.stream(&app).await;
    assert!(other.next().await.is_some(), "only one socket was to fall silent");

    client.world().set_fault(fault(FaultKind::RefuseSocket));
    let url = format!(
        "{}/apps/{app}",
        client.simulator.scalingo_api_url().replace("http", "ws")
    );
    let refused = tokio_tungstenite::connect_async(&url).await.unwrap_err();
    assert!(refused.to_string().contains("503"), "{refused}");
}

#[tokio::test]
async fn a_removed_app_ends_its_sockets() {
    let client = Client::new().await;
    let app = first_app(&client);
    let mut stream = client.stream(&app).await;
    stream.next().await.unwrap();
    client.world().remove_application(Provider::Scalingo, &app).unwrap();
    while stream.next().await.is_some() {}
    assert_eq!(
        client.scalingo(Method::GET, &format!("/apps/{app}"), None).await.status,
        404
    );
}
