//! Streams and those who may no longer follow them; tickets.

use std::time::{Duration, Instant};

use axum::body::{Body, BodyDataStream};
use futures_util::StreamExt;
use http::StatusCode;
use serde_json::Value;
use slipway_server::Front;
use slipway_store::Visibility;
use tower::ServiceExt;

use super::{request, token, token_until};
use crate::harness::{Gateway, PATIENCE, READ};
use crate::rows::{insert_account, insert_application, insert_deployment, success};

pub(super) const STREAM: &str = "/api/v1/events/stream";

/// How long a stream may go on after its token has ended.
pub(super) const AT_MOST: Duration = Duration::from_secs(5);

pub(super) async fn open(router: &Front, path: &str, secret: Option<&str>) -> Result<BodyDataStream, StatusCode> {
    let response = router
        .clone()
        .oneshot(request("GET", path, secret, None))
        .await
        .expect("an answer");
    match response.status() {
        StatusCode::OK => Ok(Body::into_data_stream(response.into_body())),
        status => Err(status),
    }
}

/// Why a stream ended: the reason of its last event.
pub(super) async fn end(mut body: BodyDataStream) -> String {
    let mut text = String::new();
    let reading = async {
        while let Some(chunk) = body.next().await {
            text.push_str(std::str::from_utf8(&chunk.expect("a chunk")).expect("text"));
        }
    };
    tokio::time::timeout(PATIENCE, reading).await.expect("an end");
    let (_, last) = text.split_once("event: auth_expired\ndata: ").expect("auth_expired");
    let (data, rest) = last.split_once('\n').expect("a line");
    let event: Value = serde_json::from_str(data).expect("an event");
    assert!(event["id"].is_null() && rest.contains("retry: "), "{text}");
    event["reason"].as_str().expect("a reason").to_owned()
}

async fn execute(gateway: &Gateway, statement: &str) {
    sqlx::raw_sql(sqlx::AssertSqlSafe(statement.to_owned()))
        .execute(&gateway.db.pool)
        .await
        .expect("done");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn whoever_may_no_longer_is_told_so_on_every_replica_within_five_seconds() {
    let gateway = Gateway::new().await;
    let (other, _running) = gateway.another().await;
    insert_account(&gateway.db.pool, "main", Some(success())).await;
    let shop = insert_application(&gateway.db.pool, "main", "shop").await;
    let running = insert_deployment(&gateway.db.pool, &shop, time::Duration::ZERO).await;
    let log = format!("/api/v1/deployments/{}/logs/stream", running.id);
    for (change, reason) in [
        (
            "UPDATE tokens SET revoked_at = now() WHERE revoked_at IS NULL",
            "revoked",
        ),
        (
            "UPDATE tokens SET scopes = '{events:read}' WHERE revoked_at IS NULL",
            "changed",
        ),
        (
            "UPDATE tokens SET accounts = '{main}' WHERE revoked_at IS NULL",
            "changed",
        ),
        (
            "UPDATE tokens SET expires_at = now() WHERE revoked_at IS NULL",
            "expired",
        ),
        ("DELETE FROM tokens WHERE revoked_at IS NULL", "revoked"),
    ] {
        let (_, secret) = token(&gateway, &["events:read", "logs:read"], Visibility::default()).await;
        let mut streams = Vec::new();
        for router in [&gateway.router, &other] {
            for path in [STREAM, &log] {
                streams.push(open(router, path, Some(&secret)).await.expect("a stream"));
            }
        }
        let untouched = open(&other, STREAM, Some(READ)).await.expect("a stream");
        execute(&gateway, change).await;
        let changed = Instant::now();
        for stream in streams {
            assert_eq!(end(stream).await, reason, "{change}");
        }
        assert!(changed.elapsed() < AT_MOST, "{change}: {:?}", changed.elapsed());
        drop(untouched);
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_token_that_ends_by_itself_ends_its_streams_and_waiting_requests() {
    let gateway = Gateway::new().await;
    let lifetime = Some(time::Duration::seconds(2));
    let (_, secret) = token_until(&gateway, &["events:read"], Visibility::default(), lifetime).await;
    let stream = open(&gateway.router, STREAM, Some(&secret)).await.expect("a stream");
    let waiting = gateway.ask(request("GET", "/api/v1/events?wait=25", Some(&secret), None));
    let began = Instant::now();
    let (reason, answer) = tokio::join!(end(stream), waiting);
    assert_eq!(reason, "expired");
    assert_eq!(
        (answer.status.as_u16(), answer.json()["code"].as_str()),
        (401, Some("token_expired"))
    );
    assert!(
        began.elapsed() < AT_MOST + Duration::from_secs(2),
        "{:?}",
        began.elapsed()
    );
}

async fn ticket(gateway: &Gateway, secret: &str) -> String {
    let answer = gateway
        .ask(request("POST", "/api/v1/stream-tickets", Some(secret), None))
        .await;
    assert_eq!(answer.status, 201, "{}", answer.text);
    let ticket = answer.json()["ticket"].as_str().expect("a ticket").to_owned();
    format!("{STREAM}?ticket={ticket}")
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_ticket_opens_one_stream_at_a_time_and_nothing_else() {
    let gateway = Gateway::new().await;
    let (other, _running) = gateway.another().await;
    let path = ticket(&gateway, READ).await;
    let first = open(&gateway.router, &path, None).await.expect("a stream");
    let second = open(&other, &path, None).await.expect("a stream");
    assert_eq!(end(first).await, "superseded");
    let third = open(&gateway.router, &path, None).await.expect("a stream");
    assert_eq!(end(second).await, "superseded");
    drop(third);
    drop(open(&other, &path, None).await.expect("it may come back"));

    for path in ["/api/v1/deployments", "/api/v1/events", "/api/v1/whoami"] {
        let query = path.to_owned() + "?" + &ticket(&gateway, READ).await.replace(&format!("{STREAM}?"), "");
        let answer = gateway.ask(request("GET", &query, None, None)).await;
        assert_eq!(answer.status, 401, "{path}");
    }
    let made_up = format!("{STREAM}?ticket=slt_{}", "x".repeat(43));
    assert_eq!(
        open(&gateway.router, &made_up, None).await.err(),
        Some(StatusCode::UNAUTHORIZED)
    );
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_ticket_ends_with_its_times_and_with_its_token() {
    let gateway = Gateway::new().await;
    let refused = async |path: &str| {
        let answer = gateway.ask(request("GET", path, None, None)).await;
        assert_eq!(answer.status, 401, "{}", answer.text);
        answer.json()["code"].as_str().unwrap_or_default().to_owned()
    };
    let unused = ticket(&gateway, READ).await;
    execute(
        &gateway,
        "UPDATE stream_tickets SET created_at = created_at - interval '31 seconds'",
    )
    .await;
    assert_eq!(refused(&unused).await, "ticket_expired");

    let used = ticket(&gateway, READ).await;
    let stream = open(&gateway.router, &used, None).await.expect("a stream");
    execute(
        &gateway,
        "UPDATE stream_tickets SET created_at = created_at - interval '10 minutes'",
    )
    .await;
    let again = open(&gateway.router, &used, None)
        .await
        .expect("within five minutes of the last");
    let back = "UPDATE stream_tickets SET last_seen_at = last_seen_at - interval '301 seconds'";
    execute(&gateway, back).await;
    drop((stream, again));
    // The end of the last connection is noted beside it: from then on the five minutes count.
    let noted = async {
        let is_noted = "SELECT bool_or(last_seen_at > now() - interval '300 seconds') FROM stream_tickets";
        let ask = async || {
            sqlx::query_scalar::<_, Option<bool>>(is_noted)
                .fetch_one(&gateway.db.pool)
                .await
        };
        while ask().await.expect("an answer") != Some(true) {
            tokio::time::sleep(Duration::from_millis(10)).await;
        }
    };
    tokio::time::timeout(PATIENCE, noted).await.expect("noted");
    execute(&gateway, back).await;
    assert_eq!(refused(&used).await, "ticket_expired");

    let old = ticket(&gateway, READ).await;
    drop(open(&gateway.router, &old, None).await.expect("a stream"));
    execute(&gateway, "UPDATE stream_tickets SET expires_at = now()").await;
    assert_eq!(refused(&old).await, "ticket_expired");

    let (_, secret) = token(&gateway, &["events:read"], Visibility::default()).await;
    let of_token = ticket(&gateway, &secret).await;
    let stream = open(&gateway.router, &of_token, None).await.expect("a stream");
    execute(&gateway, "UPDATE tokens SET revoked_at = now()").await;
    assert_eq!(end(stream).await, "revoked");
    assert_eq!(refused(&of_token).await, "token_revoked");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_ticket_opens_what_its_token_opens() {
    let gateway = Gateway::new().await;
    let pool = &gateway.db.pool;
    insert_account(pool, "main", Some(success())).await;
    let shop = insert_application(pool, "main", "shop").await;
    let deployment = insert_deployment(pool, &shop, time::Duration::ZERO).await;
    let log = format!("/api/v1/deployments/{}/logs/stream", deployment.id);
    for (scope, opens, refuses) in [
        ("logs:read", log.as_str(), STREAM),
        ("events:read", STREAM, log.as_str()),
    ] {
        let (_, secret) = token(&gateway, &[scope], Visibility::default()).await;
        let path = ticket(&gateway, &secret).await;
        let query = path.replace(STREAM, "");
        drop(
            open(&gateway.router, &format!("{opens}{query}"), None)
                .await
                .expect("a stream"),
        );
        let refused = open(&gateway.router, &format!("{refuses}{query}"), None).await.err();
        assert_eq!(refused, Some(StatusCode::FORBIDDEN), "{scope}: {refuses}");
    }
    let (_, secret) = token(&gateway, &["deployments:read"], Visibility::default()).await;
    let refused = gateway
        .ask(request("POST", "/api/v1/stream-tickets", Some(&secret), None))
        .await;
    assert_eq!(refused.status, 403);
    assert_eq!(refused.json()["errors"][0]["message"], "events:read or logs:read");
}
