//! What is given again from memory is what the router answers: the same bytes, for the same callers, within the same limits.

use axum::body::Body;
use http::{HeaderMap, StatusCode, header};
use serde_json::Value;
use slipway_core::Application;
use slipway_server::ServerSettings;
use slipway_store::Visibility;
use time::Duration;

use crate::access::{of_account, request, token};
use crate::harness::{ADMIN, Answer, Gateway, PATIENCE, READ, get, settings};
use crate::rows::{insert_account, insert_application, insert_deployment, success};

struct World {
    gateway: Gateway,
    /// Every answer names it.
    application: Application,
    paths: Vec<String>,
}

async fn world(settings: ServerSettings) -> World {
    let gateway = Gateway::with(settings).await;
    let pool = &gateway.db.pool;
    insert_account(pool, "main", Some(success())).await;
    let application = insert_application(pool, "main", "web").await;
    let deployment = insert_deployment(pool, &application, Duration::minutes(1)).await;
    gateway.settle().await;
    let paths = vec![
        "/api/v1/deployments?limit=5".to_owned(),
        "/api/v1/deployments?limit=5&status=queued,in_progress,succeeded".to_owned(),
        format!("/api/v1/deployments/{}", deployment.id.0),
        format!("/api/v1/applications/{}/deployments", application.id.0),
        "/api/v1/applications".to_owned(),
        "/api/v1/board".to_owned(),
    ];
    World {
        gateway,
        application,
        paths,
    }
}

/// The head but for what is new each time, and for the length, which is told on the wire.
fn lasting(answer: &Answer) -> HeaderMap {
    let mut headers = answer.headers.clone();
    headers.remove(header::CONTENT_LENGTH);
    for name in ["x-request-id", "ratelimit"] {
        assert!(headers.remove(name).is_some(), "{name} is missing");
    }
    headers
}

/// Freshness is as old as the look at it.
fn body(answer: &Answer) -> Value {
    let mut body = answer.json();
    if let Some(object) = body.as_object_mut() {
        object.remove("freshness");
    }
    body
}

#[tokio::test]
async fn an_answer_given_again_is_the_same_and_counts_as_one() {
    let World { gateway, paths, .. } = world(ServerSettings {
        requests_per_minute: 10_000,
        ..settings()
    })
    .await;
    for path in &paths {
        let ask = async |more: &[(&str, &str)]| {
            let plain = get(path);
            let asked = more
                .iter()
                .fold(plain, |asked, (name, value)| asked.header(*name, *value));
            gateway.ask(asked.body(Body::empty()).expect("a request")).await
        };
        let first = ask(&[]).await;
        assert_eq!(first.status, StatusCode::OK, "{path}: {}", first.text);
        for _ in 0..3 {
            let again = ask(&[]).await;
            assert_eq!(again.status, StatusCode::OK);
            assert_eq!(lasting(&again), lasting(&first), "{path}");
            assert_eq!(body(&again), body(&first), "{path}");
            assert_ne!(again.header("x-request-id"), first.header("x-request-id"));
        }
        let tag = first.header("etag").to_owned();
        let known = ask(&[("if-none-match", &tag), ("x-request-id", "mine")]).await;
        assert_eq!((known.status, &*known.text), (StatusCode::NOT_MODIFIED, ""), "{path}");
        assert_eq!((known.header("etag"), known.header("x-request-id")), (&*tag, "mine"));
        assert!(!known.headers.contains_key(header::CONTENT_TYPE), "{path}");
        let head = gateway.ask(request("HEAD", path, Some(READ), None)).await;
        assert_eq!((head.status, &*head.text), (StatusCode::OK, ""), "{path}");
    }
    let metrics = gateway.ask(request("GET", "/metrics", Some(ADMIN), None)).await.text;
    let counted = metrics
        .lines()
        .find(|line| {
            line.starts_with("slipway_http_requests_total")
                && line.contains("/deployments/{deployment_id}\"")
                && line.contains("\"2xx\"")
        })
        .unwrap_or_else(|| panic!("{metrics}"));
    assert!(counted.ends_with(" 4") || counted.ends_with(" 5"), "{counted}");
}

#[tokio::test]
async fn what_one_caller_learnt_is_for_nobody_who_may_less() {
    let World {
        gateway,
        application,
        paths,
    } = world(settings()).await;
    let named = application.id.0.to_string();
    let ask = async |path: &str, secret: &str| gateway.ask(request("GET", path, Some(secret), None)).await;
    let (_, blind) = token(&gateway, &["logs:read"], Visibility::default()).await;
    let (_, elsewhere) = token(&gateway, &["deployments:read"], of_account("other")).await;
    for path in &paths {
        for _ in 0..2 {
            let told = ask(path, READ).await;
            assert_eq!(told.status, StatusCode::OK, "{path}");
            assert!(told.text.contains(&named), "{path}: {}", told.text);
        }
        assert_eq!(ask(path, &blind).await.status, StatusCode::FORBIDDEN, "{path}");
        let nothing = ask(path, &elsewhere).await;
        assert!(!nothing.text.contains(&named), "{path}: {}", nothing.text);
        assert_eq!(ask(path, "nobody").await.status, StatusCode::UNAUTHORIZED, "{path}");
    }
}

#[tokio::test]
async fn a_limit_and_a_revocation_hold_for_what_is_known_by_heart() {
    let World { gateway, paths, .. } = world(ServerSettings {
        requests_per_minute: 3,
        ..settings()
    })
    .await;
    let ask = async |path: &str, secret: &str| gateway.ask(request("GET", path, Some(secret), None)).await;
    for left in ["2", "1", "0"] {
        let told = ask(&paths[0], READ).await;
        assert_eq!(told.status, StatusCode::OK);
        assert!(
            told.header("ratelimit").contains(&format!("r={left};")),
            "{}",
            told.header("ratelimit")
        );
    }
    let refused = ask(&paths[0], READ).await;
    assert_eq!(refused.status, StatusCode::TOO_MANY_REQUESTS, "{}", refused.text);
    assert_eq!(refused.header("content-type"), "application/problem+json");
    assert_eq!(
        (refused.json()["code"].as_str(), refused.header("etag")),
        (Some("rate_limited"), "")
    );

    let (row, secret) = token(&gateway, &["deployments:read"], Visibility::default()).await;
    for _ in 0..2 {
        assert_eq!(ask(&paths[2], &secret).await.status, StatusCode::OK);
    }
    let revoked = request("DELETE", &format!("/api/v1/tokens/{}", row.id), Some(ADMIN), None);
    assert_eq!(gateway.ask(revoked).await.status, StatusCode::OK);
    let refused = async {
        // Within its limit, or refused for what it is.
        while ask(&paths[2], &secret).await.status != StatusCode::UNAUTHORIZED {
            tokio::time::sleep(std::time::Duration::from_millis(20)).await;
        }
    };
    let refused = tokio::time::timeout(PATIENCE, refused).await;
    assert!(refused.is_ok(), "a token that was taken back still reads");
}
