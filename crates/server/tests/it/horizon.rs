//! History that was removed: lists, single reads and insights say how far it reaches, and nothing counts as 0.

use axum::body::Body;
use http::{Request, header};
use serde_json::Value;
use slipway_core::{DeploymentObservation, Status};
use slipway_store::retention::{self, Kind};
use time::{Duration, OffsetDateTime};

use crate::harness::{ADMIN, Answer, Gateway};
use crate::rows::{START, insert_application, insert_observed, observation};

/// Noon of the fifth of January.
const HORIZON: OffsetDateTime = time::macros::datetime!(2026-01-05 12:00 UTC);

fn succeeded(age: Duration) -> DeploymentObservation {
    DeploymentObservation {
        finished_at: Some(START + age + Duration::MINUTE),
        raw: Some(serde_json::json!({"status": "done"})),
        ..observation(Status::Succeeded)
    }
}

async fn remove_until(gateway: &Gateway, kind: Kind, at: OffsetDateTime) {
    let mut conn = gateway.db.pool.acquire().await.expect("a connection");
    retention::note(&mut conn, kind, at, 3).await.expect("noted");
    // A replica looks at it twice a second.
    tokio::time::sleep(std::time::Duration::from_millis(600)).await;
}

/// With the token that may do everything.
async fn ask(gateway: &Gateway, uri: &str) -> Answer {
    let bearer = format!("Bearer {ADMIN}");
    let request = Request::get(uri).header(header::AUTHORIZATION, bearer);
    gateway.ask(request.body(Body::empty()).expect("a request")).await
}

fn gone(answer: &Answer) -> String {
    let problem = answer.json();
    assert_eq!(
        (answer.status.as_u16(), &problem["code"]),
        (410, &"history_removed".into()),
        "{problem}"
    );
    problem["detail"].as_str().expect("a sentence").to_owned()
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn whoever_reads_learns_how_far_back_history_is_whole() {
    let gateway = Gateway::new().await;
    let pool = &gateway.db.pool;
    let application = insert_application(pool, "main", "shop").await;
    let mut kept = Vec::new();
    for day in 0..8 {
        let age = Duration::days(day);
        kept.push(insert_observed(pool, &application, age, &succeeded(age)).await);
    }
    gateway.settle().await;
    let whole = gateway.get_ok("/deployments").await.json();
    assert_eq!(whole["freshness"]["history_complete_since"], Value::Null);
    let path = "/insights/deployments?from=2026-01-03&to=2026-01-08";
    let all = gateway.get_ok(path).await.json();
    assert_eq!(
        (&all["total"]["succeeded"], &all["period"]["history_complete_since"]),
        (&6.into(), &Value::Null)
    );
    let nobody = "/deployments/018f0000-0000-7000-8000-000000000000";
    let missing = gateway.get(nobody).await.json();
    assert_eq!(missing["detail"], "there is no deployment with this id");

    remove_until(&gateway, Kind::History, HORIZON).await;
    for path in ["/deployments", "/applications", "/accounts", "/board"] {
        let list = gateway.get_ok(path).await.json();
        assert_eq!(
            list["freshness"]["history_complete_since"], "2026-01-05T12:00:00Z",
            "{path}"
        );
    }
    for path in [
        nobody.to_owned(),
        format!("{nobody}/timeline"),
        format!("{nobody}/logs"),
    ] {
        let missing = gateway.get(&path).await;
        let problem = missing.json();
        assert_eq!(
            (missing.status.as_u16(), &problem["code"]),
            (404, &"not_found".into()),
            "{path}"
        );
        let detail = problem["detail"].as_str().expect("a sentence");
        assert!(
            detail.contains("that ended before 2026-01-05T12:00:00Z were removed"),
            "{path}: {detail}"
        );
    }
    for window in [
        "created_before=2026-01-05T12:00:00Z",
        "finished_before=2026-01-04T00:00:00Z",
        "created_after=2025-01-01T00:00:00Z&created_before=2026-01-01T00:00:00Z",
    ] {
        let detail = gone(&gateway.get(&format!("/deployments?{window}")).await);
        assert!(
            detail.contains("2026-01-05T12:00:00Z") && detail.contains("ask for a time"),
            "{detail}"
        );
        let own = format!("/applications/{}/deployments?{window}", application.id);
        gone(&gateway.get(&own).await);
    }
    // What happens to be left of an older time is shown with a window that reaches past it.
    let list = gateway.get_ok("/deployments?created_before=2026-01-06T00:00:00Z").await;
    assert_eq!(list.items().len(), 4);

    // The sixth is the first whole day.
    let cut = gateway.get_ok(path).await.json();
    assert_eq!(cut["period"]["history_complete_since"], "2026-01-05T12:00:00Z");
    assert_eq!(
        (&cut["period"]["first_day"], &cut["period"]["starts_at"]),
        (&"2026-01-06".into(), &"2026-01-06T00:00:00Z".into())
    );
    assert_eq!(
        cut["intervals"].as_array().map(Vec::len),
        Some(3),
        "days that are not known are no days without deployments"
    );
    assert_eq!(
        (&cut["total"]["succeeded"], &cut["total"]["frequency"]["days"]),
        (&3.into(), &3.into())
    );
    let why = gateway.get_ok(&path.replace("deployments?", "explain?")).await.json();
    assert_eq!((&why["looked_at"], &why["period"]), (&3.into(), &cut["period"]));
    gone(&gateway.get("/insights/deployments?from=2026-01-03&to=2026-01-05").await);
    let later = gateway
        .get_ok("/insights/deployments?from=2026-01-06&to=2026-01-08")
        .await
        .json();
    assert_eq!(
        later["period"]["history_complete_since"],
        Value::Null,
        "nothing is missing there"
    );

    // A raw answer that is gone has another tag than the one that was there.
    let one = format!("/deployments/{}?include=raw", kept[7].id);
    let read = async || ask(&gateway, &format!("/api/v1{one}")).await;
    let there = read().await;
    assert_eq!(there.json()["raw"]["status"], "done");
    sqlx::query("DELETE FROM deployment_payloads")
        .execute(pool)
        .await
        .expect("removed");
    let none = read().await;
    assert_eq!(none.json()["raw"], Value::Null);
    assert_ne!(there.header("etag"), none.header("etag"));
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn operators_see_what_was_removed() {
    let gateway = Gateway::new().await;
    remove_until(&gateway, Kind::History, HORIZON).await;
    remove_until(&gateway, Kind::Events, HORIZON - Duration::DAY).await;
    remove_until(&gateway, Kind::Events, HORIZON - Duration::days(2)).await;
    let health = ask(&gateway, "/healthz").await.json();
    assert_eq!(
        health["retention"],
        serde_json::json!([
            {"kind": "events", "removed_before": "2026-01-04T12:00:00Z", "removed_count": 6},
            {"kind": "history", "removed_before": "2026-01-05T12:00:00Z", "removed_count": 3},
        ]),
        "it never moves back"
    );
    let metrics = ask(&gateway, "/metrics").await.text;
    for line in [
        "slipway_retention_removed_total{kind=\"events\"} 6",
        "slipway_retention_horizon_timestamp_seconds{kind=\"history\"} 1767614400",
        "slipway_remap_without_payload_total 0",
    ] {
        assert!(metrics.lines().any(|found| found == line), "{line} in {metrics}");
    }
}
