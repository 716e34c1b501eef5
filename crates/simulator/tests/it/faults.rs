//! Faults as the control API sets them: each shows once per count, on the wire.

use std::time::{Duration, Instant};

use reqwest::Method;
use serde_json::{Value, json};

use crate::client::{Client, eventually};

async fn set(client: &Client, fault: Value) {
    assert_eq!(client.control(Method::POST, "/faults", Some(fault)).await.status, 201);
}

#[tokio::test]
async fn a_status_shows_as_often_as_counted_in_the_providers_shape() {
    let client = Client::new().await;
    set(
        &client,
        json!({ "provider": "scalingo", "kind": "status", "status": 500, "count": 2 }),
    )
    .await;
    for _ in 0..2 {
        let broken = client.scalingo(Method::GET, "/apps", None).await;
        assert_eq!(broken.status, 500);
        assert_eq!(
            broken.json(),
            json!({ "error": "Internal error occured, we're on it!" })
        );
    }
    assert_eq!(client.scalingo(Method::GET, "/apps", None).await.status, 200);
    set(
        &client,
        json!({ "provider": "cloud66", "kind": "status", "status": 503, "path_contains": "/deployments" }),
    )
    .await;
    assert_eq!(client.cloud66(Method::GET, "/stacks", None).await.status, 200);
    let list = client.cloud66(Method::GET, "/stacks/none/deployments", None).await;
    assert_eq!(list.status, 503);
    assert_ne!(list.json()["error"], "throttled");
    assert_eq!(
        client.control(Method::GET, "/faults", None).await.json()["faults"][0]["hits"],
        1
    );
    assert_eq!(client.control(Method::DELETE, "/faults", None).await.status, 204);
    assert_eq!(
        client
            .cloud66(Method::GET, "/stacks/none/deployments", None)
            .await
            .status,
        404
    );
}

#[tokio::test]
async fn throttled_looks_like_each_provider() {
    let client = Client::new().await;
    set(
        &client,
        json!({ "provider": "scalingo", "kind": "throttled", "count": 1 }),
    )
    .await;
    set(
        &client,
        json!({ "provider": "cloud66", "kind": "throttled", "count": 1 }),
    )
    .await;
    let scalingo = client.scalingo(Method::GET, "/apps", None).await;
    assert_eq!((scalingo.status.as_u16(), scalingo.text.as_str()), (429, "Retry later"));
    let cloud66 = client.cloud66(Method::GET, "/stacks", None).await;
    assert_eq!(
        (cloud66.status.as_u16(), &cloud66.json()["error"]),
        (503, &json!("throttled"))
    );
}

#[tokio::test]
async fn bodies_are_garbage_huge_or_cut() {
    let client = Client::new().await;
    set(&client, json!({ "provider": "cloud66", "kind": "garbage", "count": 1 })).await;
    let garbage = client.cloud66(Method::GET, "/stacks", None).await;
    assert_eq!(garbage.status, 200);
    assert!(serde_json::from_str::<Value>(&garbage.text).is_err());

    set(
        &client,
        json!({ "provider": "cloud66", "kind": "huge_body", "count": 1 }),
    )
    .await;
    let huge = client.cloud66(Method::GET, "/stacks", None).await;
    assert!(huge.text.len() > 10_000_000);
    huge.json();

    set(
        &client,
        json!({ "provider": "cloud66", "kind": "truncated", "count": 1 }),
    )
    .await;
    let url = format!("{}/api/3/stacks", client.simulator.cloud66_url());
    let mut cut = client
        .http
        .get(url)
        .bearer_auth(client.simulator.cloud66_token())
        .send()
        .await
        .unwrap();
    let promised = cut.content_length().unwrap();
    let mut got = 0;
    let ended = loop {
        match cut.chunk().await {
            Ok(Some(chunk)) => got += chunk.len() as u64,
            other => break other,
        }
    };
    assert!(ended.is_err(), "the connection breaks");
    assert_eq!(got, promised / 2);
}

#[tokio::test]
async fn unknown_statuses_and_nulls_come_in_right_json() {
    let client = Client::new().await;
    let stack = client.cloud66(Method::GET, "/stacks", None).await.json()["response"][0]["uid"].clone();
    let stack = stack.as_str().unwrap();
    let app = client.scalingo(Method::GET, "/apps", None).await.json()["apps"][0]["name"].clone();
    let app = app.as_str().unwrap();
    let deployments = format!("/stacks/{stack}/deployments");
    set(
        &client,
        json!({ "provider": "cloud66", "kind": "unknown_status", "count": 1 }),
    )
    .await;
    let answer = client.cloud66(Method::GET, &deployments, None).await.json();
    assert_eq!(
        answer["response"][0]["outcome"],
        json!({ "code": 99, "meaning": "teleported" })
    );
    set(
        &client,
        json!({ "provider": "scalingo", "kind": "unknown_status", "count": 1 }),
    )
    .await;
    let answer = client
        .scalingo(Method::GET, &format!("/apps/{app}/deployments"), None)
        .await
        .json();
    assert_eq!(answer["deployments"][0]["status"], "teleporting");
    set(
        &client,
        json!({ "provider": "cloud66", "kind": "null_fields", "count": 1 }),
    )
    .await;
    let answer = client.cloud66(Method::GET, &deployments, None).await.json();
    assert!(answer["response"][0]["id"].is_u64() && answer["pagination"]["pages"].is_u64());
    assert_eq!(answer["response"][0]["outcome"], Value::Null);
    assert_eq!(answer["response"][0]["started_at"], Value::Null);
    set(
        &client,
        json!({ "provider": "scalingo", "kind": "null_fields", "count": 2 }),
    )
    .await;
    let answer = client
        .scalingo(Method::GET, &format!("/apps/{app}/deployments"), None)
        .await
        .json();
    assert!(answer["deployments"][0]["id"].is_string() && answer["meta"]["pagination"]["total_pages"].is_u64());
    assert_eq!(answer["deployments"][0]["pusher"], Value::Null);
    let answer = client.scalingo(Method::GET, &format!("/apps/{app}"), None).await.json();
    assert!(answer["app"]["id"].is_string());
    assert_eq!(answer["app"]["status"], Value::Null);
}

#[tokio::test]
async fn latency_waits_and_a_hang_never_answers_but_is_counted() {
    let client = Client::new().await;
    set(
        &client,
        json!({ "provider": "cloud66", "kind": "latency", "latency_ms": 150, "count": 1 }),
    )
    .await;
    let began = Instant::now();
    assert_eq!(client.cloud66(Method::GET, "/stacks", None).await.status, 200);
    assert!(began.elapsed() >= Duration::from_millis(150));
    set(&client, json!({ "provider": "cloud66", "kind": "hang", "count": 1 })).await;
    let url = format!("{}/api/3/stacks", client.simulator.cloud66_url());
    let hanging = client.http.get(url).bearer_auth(client.simulator.cloud66_token());
    let hanging = tokio::spawn(hanging.send());
    eventually("the hanging request is counted", || {
        client.world().requests().counter("cloud66.stacks.list") == 2
    })
    .await;
    assert!(!hanging.is_finished());
    client.simulator.stop().await;
    assert!(hanging.await.unwrap().is_err(), "a stop ends what hangs");
}

#[tokio::test]
async fn a_probability_of_half_hits_about_half() {
    let client = Client::new().await;
    set(
        &client,
        json!({ "provider": "cloud66", "kind": "status", "status": 502, "probability": 0.5 }),
    )
    .await;
    let mut hit = 0;
    for _ in 0..100 {
        hit += usize::from(client.cloud66(Method::GET, "/stacks/none", None).await.status == 502);
    }
    // Drawn from the seed: the same number in every run.
    assert!((25..75).contains(&hit), "{hit}");
}

#[tokio::test]
async fn a_fault_that_nobody_knows_is_refused() {
    let client = Client::new().await;
    let refused = client
        .control(
            Method::POST,
            "/faults",
            Some(json!({ "provider": "cloud66", "kind": "curse" })),
        )
        .await;
    assert_eq!(refused.status, 422);
    let refused = client
        .control(
            Method::POST,
            "/faults",
            Some(json!({ "provider": "heroku", "kind": "hang" })),
        )
        .await;
    assert_eq!(refused.status, 422);
}
