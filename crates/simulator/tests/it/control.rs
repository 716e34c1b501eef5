//! The control API: time, deployments, applications, request log, quirks, webhooks.

use std::sync::Arc;

use parking_lot::Mutex;
use reqwest::Method;
use serde_json::{Value, json};
use slipway_simulator::{Provider, SimulatorSettings};

use crate::client::{Client, eventually, settings};

#[tokio::test]
async fn time_stands_still_moves_and_runs_again() {
    let client = Client::new().await;
    let before = client.control(Method::GET, "/time", None).await.json();
    assert_eq!(before["paused"], true);
    let after = client
        .control(Method::POST, "/time/advance", Some(json!({ "ms": 90_000 })))
        .await
        .json();
    assert_ne!(before["now"], after["now"]);
    assert_eq!(client.control(Method::GET, "/time", None).await.json(), after);
    assert_eq!(
        client.control(Method::POST, "/time/resume", None).await.json()["paused"],
        false
    );
    let now = client.world().now();
    eventually("the clock runs", || client.world().now() > now).await;
    assert!(
        client.world().now() < now + time::Duration::seconds(30),
        "it goes on from where it was"
    );
}

#[tokio::test]
async fn deployments_are_started_seen_and_cancelled() {
    let client = Client::new().await;
    let body = json!({ "provider": "cloud66", "scenario": "stuck" });
    let started = client.control(Method::POST, "/deployments", Some(body)).await.json()["deployments"][0].clone();
    let path = format!(
        "/applications/cloud66/{}/deployments",
        started["application"].as_str().unwrap()
    );
    let newest = client.control(Method::GET, &path, None).await.json()["deployments"][0].clone();
    assert_eq!((&newest["id"], &newest["scenario"]), (&started["id"], &json!("stuck")));
    let one = format!("{path}/{}", started["id"].as_str().unwrap());
    assert_eq!(client.control(Method::DELETE, &one, None).await.status, 204);
    client.advance(3);
    assert_eq!(client.control(Method::DELETE, &one, None).await.status, 409);
    let burst = client
        .control(Method::POST, "/deployments", Some(json!({ "scenario": "burst" })))
        .await;
    assert_eq!(burst.json()["deployments"].as_array().unwrap().len(), 5);
    let nowhere = json!({ "provider": "scalingo", "application": "none" });
    assert_eq!(
        client.control(Method::POST, "/deployments", Some(nowhere)).await.status,
        404
    );
}

#[tokio::test]
async fn applications_come_and_go() {
    let client = Client::new().await;
    let body = json!({ "provider": "scalingo", "name": "fresh" });
    let added = client
        .control(Method::POST, "/applications", Some(body.clone()))
        .await
        .json()["application"]
        .clone();
    assert_eq!(
        client.control(Method::POST, "/applications", Some(body)).await.status,
        409
    );
    let shown = client.scalingo(Method::GET, "/apps/fresh", None).await.json();
    assert_eq!(
        (&shown["app"]["id"], &shown["app"]["status"]),
        (&added["id"], &json!("new"))
    );
    assert_eq!(shown["app"]["last_deployed_at"], Value::Null);
    let deployments = client
        .scalingo(Method::GET, "/apps/fresh/deployments", None)
        .await
        .json();
    assert_eq!(deployments["meta"]["pagination"]["total_count"], 0);
    assert_eq!(
        client
            .control(Method::DELETE, "/applications/scalingo/fresh", None)
            .await
            .status,
        204
    );
    assert_eq!(client.scalingo(Method::GET, "/apps/fresh", None).await.status, 404);
}

#[tokio::test]
async fn requests_are_logged_and_counted_by_kind() {
    let client = Client::new().await;
    client.cloud66(Method::GET, "/stacks.json?page=1", None).await;
    client.cloud66(Method::GET, "/stacks/none/deployments", None).await;
    client.scalingo(Method::GET, "/apps", None).await;
    client.scalingo(Method::GET, "/weird/path", None).await;
    let counters = client.control(Method::GET, "/requests/counters", None).await.json();
    assert_eq!(
        counters["counters"],
        json!({ "cloud66.stacks.list": 1, "cloud66.deployments.list": 1, "scalingo.apps.list": 1, "scalingo.other": 1 })
    );
    let requests = client.control(Method::GET, "/requests", None).await.json();
    let first = &requests["requests"][0];
    assert_eq!(
        (&first["method"], &first["path"]),
        (&json!("GET"), &json!("/api/3/stacks.json?page=1"))
    );
    assert_eq!(
        (&first["status"], &requests["requests"][1]["status"]),
        (&json!(200), &json!(404))
    );
    assert_eq!(client.control(Method::DELETE, "/requests", None).await.status, 204);
    assert_eq!(
        client.control(Method::GET, "/requests/counters", None).await.json()["counters"],
        json!({})
    );
}

#[tokio::test]
async fn quirks_change_one_by_one() {
    let client = Client::new().await;
    let changed = client
        .control(Method::PATCH, "/quirks", Some(json!({ "scalingo_new_frame": "id" })))
        .await
        .json();
    assert_eq!(
        (&changed["scalingo_new_frame"], &changed["cloud66_code_style"]),
        (&json!("id"), &json!("integer"))
    );
    assert_eq!(
        client
            .control(Method::PATCH, "/quirks", Some(json!({ "nonsense": 1 })))
            .await
            .status,
        400
    );
    let about = client.control(Method::GET, "/", None).await.json();
    assert_eq!(about["scalingo"]["token"], client.simulator.scalingo_token());
}

/// A server that remembers what is posted to it.
async fn receiver() -> (String, Arc<Mutex<Vec<Value>>>) {
    let seen = Arc::new(Mutex::new(Vec::new()));
    let kept = seen.clone();
    let router = axum::Router::new().fallback(move |axum::Json(body): axum::Json<Value>| {
        kept.lock().push(body);
        async {}
    });
    let listener = tokio::net::TcpListener::bind("127.0.0.1:0").await.unwrap();
    let url = format!("http://{}/hook", listener.local_addr().unwrap());
    tokio::spawn(async move { axum::serve(listener, router).await });
    (url, seen)
}

#[tokio::test]
async fn webhooks_of_both_shapes_twice_and_out_of_order() {
    let client = Client::with(SimulatorSettings { ..settings() }).await;
    let (cloud66_url, cloud66) = receiver().await;
    let (scalingo_url, scalingo) = receiver().await;
    let hook = json!({ "provider": "cloud66", "url": cloud66_url, "reorder": true });
    assert_eq!(client.control(Method::POST, "/webhooks", Some(hook)).await.status, 201);
    let hook = json!({ "provider": "scalingo", "url": scalingo_url, "duplicate": true });
    assert_eq!(client.control(Method::POST, "/webhooks", Some(hook)).await.status, 201);
    for provider in ["cloud66", "scalingo"] {
        let start = json!({ "provider": provider, "scenario": "success" });
        client.control(Method::POST, "/deployments", Some(start)).await;
    }
    client.advance(300);
    eventually("four webhooks", || {
        cloud66.lock().len() == 2 && scalingo.lock().len() == 2
    })
    .await;
    let cloud66 = cloud66.lock();
    assert_eq!(
        cloud66[0]["event_type"], "stack.redeploy.ok",
        "the end overtook the start"
    );
    assert_eq!(
        cloud66[0]["deploy_context"]["outcome"], "success",
        "a plain string here"
    );
    assert!(cloud66[0]["uid"].is_string() && cloud66[0]["timestamp"].is_i64());
    assert_eq!(cloud66[1]["event_type"], "stack.deploy.started");
    let scalingo = scalingo.lock();
    assert_eq!(scalingo[0], scalingo[1]);
    assert_eq!(
        (&scalingo[0]["type"], &scalingo[0]["type_data"]["status"]),
        (&json!("deployment"), &json!("success"))
    );
    let apps = client.world().applications(Provider::Scalingo);
    assert!(apps.iter().any(|app| scalingo[0]["app_name"] == app.name));
}
