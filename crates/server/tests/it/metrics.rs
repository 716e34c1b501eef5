//! What `/metrics` counts, and that nobody can make it grow.

use std::collections::BTreeSet;

use axum::body::Body;
use http::{Method, Request, header};

use crate::harness::{ADMIN, Answer, Gateway, READ};
use crate::rows::{insert_account, insert_application, insert_deployment, success};

async fn metrics(gateway: &Gateway) -> Answer {
    let request = Request::get("/metrics").header(header::AUTHORIZATION, format!("Bearer {ADMIN}"));
    gateway.ask(request.body(Body::empty()).expect("a request")).await
}

/// The names of all series with their labels, without their values.
fn series(text: &str) -> BTreeSet<String> {
    let samples = text.lines().filter(|line| !line.starts_with('#'));
    samples
        .filter_map(|line| Some(line.rsplit_once(' ')?.0.to_owned()))
        .collect()
}

fn value(text: &str, series: &str) -> f64 {
    let found = text
        .lines()
        .find_map(|line| line.strip_prefix(series)?.strip_prefix(' '));
    let found = found.unwrap_or_else(|| panic!("{series} is not in\n{text}"));
    found
        .parse()
        .unwrap_or_else(|error| panic!("{series} {found}: {error}"))
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn ten_thousand_paths_and_odd_methods_make_no_more_series_than_a_few() {
    let gateway = Gateway::new().await;
    let odd = ["BREW", "PROPFIND", "X-1", "GETT", "M-SEARCH"];
    let ask = async |number: usize| {
        let path = match number % 8 {
            0 => format!("/api/v1/deployments/018f0000-0000-7000-8000-{number:012}"),
            1 => format!("/api/v1/accounts/nobody-{number}"),
            2 => format!("/api/v1/deployments?q=word{number}"),
            3 => format!("/made-up/{number}/%2e%2e"),
            4 => format!("/api/v1/inbound/account-{number}/secret-{number}"),
            5 => format!("/assets/{number}.js"),
            6 => format!("/api/v1/applications/{number}/deployments"),
            _ => format!("/metrics/{number}"),
        };
        let method = match number % 7 {
            0 => Method::from_bytes(odd[number % odd.len()].as_bytes()).expect("a token"),
            1 => Method::POST,
            2 => Method::DELETE,
            _ => Method::GET,
        };
        let token = [READ, ADMIN, "made-up"][number % 3];
        let request = Request::builder()
            .method(method)
            .uri(path)
            .header(header::AUTHORIZATION, format!("Bearer {token}-{number}"))
            .header("x-request-id", format!("request-{number}"));
        gateway.send(request.body(Body::empty()).expect("a request")).await;
    };
    // Every kind of path with every method and every token.
    for number in 0..8 * 7 * 5 * 3 {
        ask(number).await;
    }
    metrics(&gateway).await;
    let before = series(&metrics(&gateway).await.text);
    for number in 1_000..11_000 {
        ask(number).await;
    }
    let answer = metrics(&gateway).await;
    let after = series(&answer.text);
    assert_eq!(after, before, "new: {:#?}", after.difference(&before));
    assert!(after.len() < 1500, "{} series", after.len());
    for told in ["nobody-", "made-up", "BREW", "word1", "secret-"] {
        assert!(!answer.text.contains(told), "{told} is a label");
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn requests_answers_in_memory_and_errors_are_counted_where_they_belong() {
    let gateway = Gateway::new().await;
    let pool = &gateway.db.pool;
    insert_account(pool, "main", Some(success())).await;
    let application = insert_application(pool, "main", "shop").await;
    let deployment = insert_deployment(pool, &application, time::Duration::ZERO).await;
    let path = format!("/deployments/{}", deployment.id);
    for _ in 0..3 {
        gateway.get_ok(&path).await;
    }
    assert_eq!(gateway.get("/deployments?nonsense=1").await.status, 400);
    let answer = metrics(&gateway).await;
    assert_eq!(
        answer.header("content-type"),
        "text/plain; version=0.0.4; charset=utf-8"
    );
    let text = &answer.text;
    let route = "method=\"GET\",route=\"/api/v1/deployments/{deployment_id}\"";
    assert_eq!(
        value(text, &format!("slipway_http_requests_total{{{route},status=\"2xx\"}}")),
        3.0
    );
    assert_eq!(
        value(text, &format!("slipway_http_request_duration_seconds_count{{{route}}}")),
        3.0
    );
    assert_eq!(
        value(text, "slipway_http_problems_total{code=\"unknown_parameter\"}"),
        1.0
    );
    assert_eq!(value(text, "slipway_answer_cache_hits_total{kind=\"deployment\"}"), 2.0);
    assert_eq!(
        value(text, "slipway_answer_cache_misses_total{kind=\"deployment\"}"),
        1.0
    );
    assert_eq!(value(text, "slipway_http_requests_in_flight"), 1.0, "the one that asks");
    assert_eq!(value(text, "slipway_database_up"), 1.0);
    assert_eq!(value(text, "slipway_feed_lag_events"), 0.0);
    let account = "account=\"main\",provider=\"testcloud\"";
    assert_eq!(value(text, &format!("slipway_account_applications{{{account}}}")), 1.0);
    assert!(value(text, &format!("slipway_account_lag_seconds{{{account}}}")) < 600.0);
    let states = ["fresh", "syncing", "stale", "error", "never"];
    let of = |state: &str| value(text, &format!("slipway_account_state{{{account},state=\"{state}\"}}"));
    assert_eq!(states.into_iter().map(of).sum::<f64>(), 1.0);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn without_the_database_the_rest_is_told_all_the_same() {
    let gateway = Gateway::new().await;
    gateway.db.pool.close().await;
    let text = metrics(&gateway).await.text;
    assert_eq!(value(&text, "slipway_database_up"), 0.0);
    assert!(value(&text, "slipway_feed_position") >= 0.0);
    assert!(
        !series(&text)
            .iter()
            .any(|series| series.starts_with("slipway_event_log_head"))
    );
}
