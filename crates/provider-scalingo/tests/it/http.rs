//! Token exchange, reads and errors.

use std::sync::Arc;

use base64::Engine;
use base64::prelude::BASE64_STANDARD;
use futures_util::future::join_all;
use serde_json::json;
use slipway_core::page::PageToken;
use slipway_core::provider::{ErrorKind, Provider, TriggerRequest, Write};
use time::Duration;

use crate::platform::{ACCOUNT_TOKEN, Platform, app, jwt, reply};

const APPS: &str = r#"{"apps":[{"id":"5410","name":"example-app"}]}"#;

#[tokio::test]
async fn each_host_gets_its_own_credential_and_no_other() {
    let platform = Platform::start(|_, _| reply(200, APPS)).await;
    let apps = platform.provider.list_applications(None).await.unwrap();
    assert_eq!((apps.items.len(), apps.next), (1, None));
    let basic = BASE64_STANDARD.encode(format!(":{ACCOUNT_TOKEN}"));
    assert_eq!(platform.auth_seen(), [format!("/v1/tokens/exchange Basic {basic}")]);
    assert_eq!(platform.api_seen(), [format!("/v1/apps Bearer {}", jwt(1))]);
    let shown = format!("{:?}", platform.provider);
    assert!(!shown.contains("s3cret") && !shown.contains(&jwt(1)), "{shown}");
}

#[tokio::test]
async fn callers_share_one_exchange_until_five_minutes_before_its_end() {
    let platform = Arc::new(Platform::start(|_, _| reply(200, APPS)).await);
    for result in join_all((0..10).map(|_| platform.provider.list_applications(None))).await {
        result.unwrap();
    }
    assert_eq!(platform.auth_seen().len(), 1);
    platform.clock.advance(Duration::minutes(54));
    platform.provider.list_applications(None).await.unwrap();
    assert_eq!(platform.auth_seen().len(), 1);
    platform.clock.advance(Duration::minutes(1));
    platform.provider.list_applications(None).await.unwrap();
    assert_eq!(platform.auth_seen().len(), 2);
    assert!(platform.api_seen().last().unwrap().ends_with(&jwt(2)));
}

#[tokio::test]
async fn a_refused_token_is_exchanged_once_more() {
    let platform = Platform::start(|_, authorization| {
        if authorization.ends_with(&jwt(2)) {
            reply(200, APPS)
        } else {
            reply(401, r#"{"error":"expired"}"#)
        }
    })
    .await;
    platform.provider.list_applications(None).await.unwrap();
    platform.provider.list_applications(None).await.unwrap();
    assert_eq!((platform.auth_seen().len(), platform.api_seen().len()), (2, 3));
}

#[tokio::test]
async fn an_account_that_is_refused_for_good_makes_few_requests() {
    let platform = Platform::start(|_, _| reply(401, r#"{"error":"no"}"#)).await;
    let error = platform.provider.list_applications(None).await.unwrap_err();
    assert_eq!(error.kind, ErrorKind::Unauthenticated);
    assert_eq!((platform.auth_seen().len(), platform.api_seen().len()), (2, 2));
}

#[tokio::test]
async fn a_failed_exchange_says_how_it_failed_and_asks_the_api_nothing() {
    for (status, body, kind) in [
        (
            401,
            r#"{"error":"Invalid credentials tk-us-s3cret"}"#,
            ErrorKind::Unauthenticated,
        ),
        (404, "<html>tk-us-s3cret</html>", ErrorKind::Protocol),
        (500, "tk-us-s3cret", ErrorKind::Unavailable),
        (429, "Retry later", ErrorKind::RateLimited),
        (200, "tk-us-s3cret", ErrorKind::Protocol),
        (200, r#"{"token":["tk-us-s3cret"]}"#, ErrorKind::Protocol),
        (200, r#"{"token":""}"#, ErrorKind::Protocol),
        (200, r#"{"token":"a\nb: tk-us-s3cret"}"#, ErrorKind::Unauthenticated),
    ] {
        let platform = Platform::with_auth(move |_, _| reply(status, body), |_, _| reply(200, APPS)).await;
        let error = platform.provider.list_applications(None).await.unwrap_err();
        assert_eq!(error.kind, kind, "{body}");
        assert!(!format!("{error} {error:?}").contains("s3cret"), "{error:?}");
        assert!(platform.api_seen().is_empty(), "{body}");
    }
}

#[tokio::test]
async fn an_opaque_token_is_used_for_fifty_minutes_less_the_margin() {
    let platform = Platform::with_auth(|_, _| reply(200, r#"{"token":"opaque"}"#), |_, _| reply(200, APPS)).await;
    for (minutes, exchanges) in [(0, 1), (44, 1), (1, 2)] {
        platform.clock.advance(Duration::minutes(minutes));
        platform.provider.list_applications(None).await.unwrap();
        assert_eq!(platform.auth_seen().len(), exchanges);
    }
}

#[tokio::test]
async fn deployments_are_walked_in_pages_of_fifty() {
    let platform = Platform::start(|target, _| match target {
        "/v1/apps/5410/deployments?page=1&per_page=50" => reply(
            200,
            json!({"deployments": [{"id": "a"}, {"id": null}, "x"],
                   "meta": {"pagination": {"current_page": 1, "previous_page": null, "next_page": 2, "total_pages": 2}}})
            .to_string(),
        ),
        "/v1/apps/5410/deployments?page=2&per_page=50" => reply(
            200,
            json!({"deployments": [{"id": "b"}],
                   "meta": {"pagination": {"current_page": 2, "prev_page": 1, "next_page": null, "total_pages": 2}}})
            .to_string(),
        ),
        _ => reply(500, ""),
    })
    .await;
    let first = platform.provider.list_deployments(&app(), None).await.unwrap();
    assert_eq!(first.items[0].provider_deployment_id, "a");
    assert_eq!(
        (first.items.len(), first.next.clone()),
        (1, Some(PageToken("2".to_owned())))
    );
    let second = platform
        .provider
        .list_deployments(&app(), first.next.as_ref())
        .await
        .unwrap();
    assert_eq!(
        (second.items[0].provider_deployment_id.as_str(), second.next),
        ("b", None)
    );
    let error = platform
        .provider
        .list_deployments(&app(), Some(&PageToken("x".to_owned())))
        .await
        .unwrap_err();
    assert_eq!(error.kind, ErrorKind::InvalidRequest);
}

#[tokio::test]
async fn single_reads_give_what_was_asked_for_or_an_error() {
    let platform = Platform::start(|target, _| match target {
        "/v1/apps/5410" => reply(200, r#"{"app":{"id":"5410","name":"example-app"}}"#),
        "/v1/apps/5410/deployments/a" | "/v1/apps/5410/deployments/b" => reply(200, r#"{"deployment":{"id":"a"}}"#),
        "/v1/apps/5410/deployments/c" => reply(404, r#"{"resource":"deployment","error":"not found"}"#),
        "/v1/apps/5410/deployments/d" => reply(404, "<!DOCTYPE html>"),
        "/v1/apps/5410/deployments/e" => reply(200, r#"{"deployment":null}"#),
        "/v1/apps/5410/deployments/f" => reply(200, "<html>"),
        _ => reply(500, r#"{"error":"Internal error occured, we're on it!"}"#),
    })
    .await;
    assert_eq!(
        platform.provider.get_application("5410").await.unwrap().name,
        "example-app"
    );
    platform.provider.get_deployment(&app(), "a").await.unwrap();
    for (id, kind) in [
        ("b", ErrorKind::Protocol),
        ("c", ErrorKind::NotFound),
        ("d", ErrorKind::Protocol),
        ("e", ErrorKind::Protocol),
        ("f", ErrorKind::Protocol),
        ("g", ErrorKind::Unavailable),
        ("..", ErrorKind::InvalidRequest),
    ] {
        assert_eq!(
            platform.provider.get_deployment(&app(), id).await.unwrap_err().kind,
            kind,
            "{id}"
        );
    }
}

#[tokio::test]
async fn the_log_is_read_as_it_is_from_our_own_path() {
    let output = include_str!("../fixtures/output.txt");
    let platform = Platform::start(move |target, _| match target {
        "/v1/apps/5410/deployments/a/output" => {
            axum::response::IntoResponse::into_response(([("content-type", "text/plain; charset=utf-8")], output))
        }
        "/v1/apps/5410/deployments/b/output" => {
            let bytes: &[u8] = b"\x1b[1mok\x1b[0m \xff\0 end";
            axum::response::IntoResponse::into_response(([("content-type", "text/plain")], bytes))
        }
        "/v1/apps/5410/deployments/c/output" => {
            axum::response::IntoResponse::into_response(([("content-type", "text/html")], "<html>"))
        }
        _ => reply(404, r#"{"resource":"deployment","error":"not found"}"#),
    })
    .await;
    assert_eq!(platform.provider.read_log(&app(), "a").await.unwrap(), output);
    assert_eq!(
        platform.provider.read_log(&app(), "b").await.unwrap(),
        "\u{1b}[1mok\u{1b}[0m \u{fffd} end"
    );
    assert_eq!(
        platform.provider.read_log(&app(), "c").await.unwrap_err().kind,
        ErrorKind::Protocol
    );
    assert_eq!(
        platform.provider.read_log(&app(), "d").await.unwrap_err().kind,
        ErrorKind::NotFound
    );
}

#[tokio::test]
async fn a_plain_text_429_closes_the_account_for_a_while() {
    let platform = Platform::start(|_, _| reply(429, "Retry later")).await;
    for _ in 0..3 {
        let error = platform.provider.list_applications(None).await.unwrap_err();
        assert_eq!(
            (error.kind, error.retry_after.unwrap().as_secs()),
            (ErrorKind::RateLimited, 60)
        );
    }
    assert_eq!(platform.api_seen().len(), 1);
}

#[tokio::test]
async fn sixty_requests_a_minute_of_which_six_are_kept_for_writes() {
    let deployment = |target: &str| target.ends_with("/deployments");
    let platform = Platform::start(move |target, _| match deployment(target) {
        true => reply(201, r#"{"deployment":{"id":"d1"}}"#),
        false => reply(200, APPS),
    })
    .await;
    let reads = join_all((0..70).map(|_| platform.provider.list_applications(None))).await;
    for result in reads.into_iter().skip(54) {
        assert_eq!(result.unwrap_err().kind, ErrorKind::RateLimited);
    }
    assert_eq!(platform.api_seen().len(), 54);
    let trigger = Write::Trigger(TriggerRequest {
        source_url: Some("https://example.com/x.tar.gz".to_owned()),
        ..TriggerRequest::default()
    });
    for number in 0..7 {
        let written = platform.provider.write(&app(), &trigger, "r").await;
        assert_eq!(
            written.map_err(|error| error.kind).err(),
            (number == 6).then_some(ErrorKind::RateLimited)
        );
    }
    assert_eq!(platform.api_seen().len(), 60);
    platform.clock.advance(Duration::seconds(60));
    platform.provider.list_applications(None).await.unwrap();
}

#[tokio::test]
async fn ten_thousand_apps_are_read_though_a_few_are_odd() {
    let apps: Vec<_> = (0..10_000)
        .map(|n| {
            if n % 1000 == 0 {
                json!({"id": {}})
            } else {
                json!({"id": format!("app{n}"), "filler": "x".repeat(1400)})
            }
        })
        .collect();
    let body = json!({"apps": apps}).to_string();
    assert!(body.len() > 8 * 1024 * 1024);
    let platform = Platform::start(move |_, _| reply(200, body.clone())).await;
    assert_eq!(
        platform.provider.list_applications(None).await.unwrap().items.len(),
        9990
    );
}
