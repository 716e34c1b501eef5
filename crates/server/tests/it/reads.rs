//! Single resources and the lists that are complete in one page.

use axum::body::Body;
use http::{StatusCode, header};
use serde_json::Value;
use slipway_api::DeploymentView;
use slipway_core::Status;
use slipway_store::unmapped_statuses;
use time::Duration;

use crate::harness::{Gateway, get};
use crate::rows::{START, advance, insert_application, insert_deployment};

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_deployment_is_the_same_bytes_wherever_it_is_read() {
    let gateway = Gateway::new().await;
    let pool = &gateway.db.pool;
    let shop = insert_application(pool, "main", "shop").await;
    let mut deployment = insert_deployment(pool, &shop, Duration::ZERO).await;
    let path = format!("/deployments/{}", deployment.id);
    let alone = gateway.get_ok(&path).await;
    let view: DeploymentView = serde_json::from_str(&alone.text).unwrap();
    assert_eq!((view.id, view.version), (deployment.id.0, 1));
    assert!(gateway.get_ok("/deployments").await.text.contains(&alone.text));
    let after = gateway.cursor(0);
    let events = gateway.get_ok(&format!("/events?after={after}")).await;
    assert!(events.text.contains(&alone.text));

    let tag = alone.header("etag").to_owned();
    assert_eq!(tag, format!("\"{}-1\"", after.epoch));
    let again = async || {
        gateway
            .ask(
                get(&path)
                    .header(header::IF_NONE_MATCH, &tag)
                    .body(Body::empty())
                    .unwrap(),
            )
            .await
    };
    assert_eq!(again().await.status, StatusCode::NOT_MODIFIED);
    advance(pool, &mut deployment, Status::InProgress).await;
    gateway.settle().await;
    let changed = again().await;
    assert_eq!(
        (changed.status, &changed.json()["status"]),
        (StatusCode::OK, &Value::from("in_progress"))
    );
    // The answer shows at least what the header says: here exactly the last of three events.
    assert_eq!(changed.header("x-event-cursor"), gateway.cursor(3).to_string());
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_timeline_tells_each_state_and_how_long_it_lasted() {
    let gateway = Gateway::new().await;
    let pool = &gateway.db.pool;
    let shop = insert_application(pool, "main", "shop").await;
    let mut deployment = insert_deployment(pool, &shop, Duration::ZERO).await;
    advance(pool, &mut deployment, Status::InProgress).await;
    advance(pool, &mut deployment, Status::Succeeded).await;
    let entries = gateway
        .get_ok(&format!("/deployments/{}/timeline", deployment.id))
        .await
        .items();
    let told: Vec<_> = entries
        .iter()
        .map(|entry| {
            (
                entry["status"].as_str().unwrap(),
                entry["previous_status"].as_str(),
                entry["lasted_ms"].as_i64(),
            )
        })
        .collect();
    let expected = [
        ("queued", None, Some(1000)),
        ("in_progress", Some("queued"), Some(1000)),
        ("succeeded", Some("in_progress"), None),
    ];
    assert_eq!(told, expected);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn providers_tell_what_they_can_do_and_what_was_not_understood() {
    let gateway = Gateway::new().await;
    let mut conn = gateway.db.pool.acquire().await.unwrap();
    unmapped_statuses::count(&mut conn, "testcloud", "melting", 3, START)
        .await
        .unwrap();
    unmapped_statuses::count(&mut conn, "elsewhere", "odd", 1, START)
        .await
        .unwrap();
    let items = gateway.get_ok("/providers").await.items();
    assert_eq!(items.len(), 1);
    assert_eq!(items[0]["name"], "testcloud");
    assert_eq!(items[0]["capabilities"]["follow_status"], true);
    assert_eq!(items[0]["status_mappings"][0]["status"], "succeeded");
    assert_eq!(items[0]["unmapped_statuses"].as_array().unwrap().len(), 1);
    assert_eq!(items[0]["unmapped_statuses"][0]["count"], 3);
    // Configured, and nobody has begun to read it.
    let accounts = gateway.get_ok("/accounts").await.items();
    assert_eq!(
        (&accounts[0]["name"], &accounts[0]["freshness"]["state"]),
        (&"main".into(), &"never".into())
    );
}
