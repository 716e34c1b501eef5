//! Deployments as Grafana reads annotations.

use serde_json::json;
use time::Duration;

use crate::harness::Gateway;
use crate::rows::{START, insert_account, insert_application, insert_deployment, success};

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_window_in_milliseconds_gives_the_deployments_in_it_newest_first() {
    let gateway = Gateway::new().await;
    let pool = &gateway.db.pool;
    insert_account(pool, "main", Some(success())).await;
    let application = insert_application(pool, "main", "shop").await;
    let mut deployments = Vec::new();
    for hours in 0..4 {
        deployments.push(insert_deployment(pool, &application, Duration::hours(hours)).await);
    }
    let ms = |hours: i64| (START + Duration::hours(hours)).unix_timestamp() * 1000;
    let path = format!("/annotations?from={}&to={}", ms(1), ms(3));
    let answer = gateway.get_ok(&path).await;
    assert!(answer.headers.contains_key("x-event-cursor"));
    let found = answer.json();
    let found = found.as_array().expect("a plain array");
    let ids: Vec<_> = found.iter().map(|annotation| annotation["id"].clone()).collect();
    assert_eq!(
        ids,
        [json!(deployments[2].id), json!(deployments[1].id)],
        "{}",
        answer.text
    );
    let newest = &found[0];
    let shown = gateway
        .get_ok(&format!("/deployments/{}", deployments[2].id))
        .await
        .json();
    let began = shown["started_at"]
        .as_str()
        .or(shown["created_at"].as_str())
        .expect("a time");
    let rfc3339 = time::format_description::well_known::Rfc3339;
    let began = time::OffsetDateTime::parse(began, &rfc3339).expect("an instant");
    assert_eq!(newest["time"], json!(began.unix_timestamp_nanos() / 1_000_000));
    assert_eq!(newest["timeEnd"].is_null(), shown["finished_at"].is_null());
    let status = shown["status"].as_str().expect("a status");
    let text = newest["text"].as_str().expect("a text");
    assert!(text.starts_with("shop") && text.contains(status), "{text}");
    let tags = newest["tags"].as_array().expect("tags");
    for tag in ["deployment", status, "shop", "testcloud", "main"] {
        assert!(tags.contains(&json!(tag)), "{tag} in {tags:?}");
    }
    // The same window in words, and less of it.
    let rfc3339 = "/annotations?from=2000-01-01T00:00:00Z&limit=1&account=main,other";
    assert_eq!(gateway.get_ok(rfc3339).await.json().as_array().map(Vec::len), Some(1));
    let none = format!("{path}&status=canceled&environment=nowhere");
    assert_eq!(gateway.get_ok(&none).await.json(), json!([]));
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_range_that_is_none_is_refused_by_name() {
    let gateway = Gateway::new().await;
    for (query, field) in [
        ("from=tomorrow", "from"),
        ("from=99999999999999999999", "from"),
        ("to=999999999999999999", "to"),
        ("from=2000&to=1000", "from"),
        ("limit=0", "limit"),
        ("since=1", "since"),
    ] {
        let answer = gateway.get(&format!("/annotations?{query}")).await;
        assert_eq!(answer.status, 400, "{query}: {}", answer.text);
        assert_eq!(answer.json()["errors"][0]["field"], field, "{query}: {}", answer.text);
    }
}
