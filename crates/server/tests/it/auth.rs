//! Which door needs which key, over every route there is.

use axum::body::Body;
use http::{Request, StatusCode, header};
use slipway_server::openapi;

use crate::harness::{ADMIN, Gateway, READ};

async fn status(gateway: &Gateway, path: &str, authorization: Option<&str>) -> StatusCode {
    let mut request = Request::get(path);
    if let Some(authorization) = authorization {
        request = request.header(header::AUTHORIZATION, authorization);
    }
    gateway
        .send(request.body(Body::empty()).expect("a request"))
        .await
        .status()
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn every_operation_needs_a_token_that_is_known() {
    let gateway = Gateway::new().await;
    let (read, admin) = (format!("Bearer {READ}"), format!("bearer {ADMIN}"));
    for path in openapi().paths.paths.keys() {
        let path = path.replace("{application_id}", "018f0000-0000-7000-8000-000000000000");
        let path = path.replace("{deployment_id}", "018f0000-0000-7000-8000-000000000000");
        for wrong in [
            None,
            Some("Bearer wrong"),
            Some("Bearer "),
            Some("Basic cmVhZGVyOg=="),
            Some(READ),
        ] {
            assert_eq!(
                status(&gateway, &path, wrong).await,
                StatusCode::UNAUTHORIZED,
                "{path} {wrong:?}"
            );
        }
        for right in [&read, &admin] {
            let status = status(&gateway, &path, Some(right)).await;
            assert!(
                status == StatusCode::OK || status == StatusCode::NOT_FOUND,
                "{path}: {status}"
            );
        }
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn documents_and_probes_are_free() {
    let gateway = Gateway::new().await;
    for path in [
        "/livez",
        "/readyz",
        "/healthz",
        "/openapi.json",
        "/docs/",
        "/docs/swagger-ui.css",
    ] {
        assert_eq!(status(&gateway, path, None).await, StatusCode::OK, "{path}");
    }
    assert_eq!(status(&gateway, "/", None).await, StatusCode::TEMPORARY_REDIRECT);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn health_in_full_is_for_an_admin() {
    let gateway = Gateway::new().await;
    let ask = async |secret: Option<&str>| {
        let mut request = Request::get("/healthz");
        if let Some(secret) = secret {
            request = request.header(header::AUTHORIZATION, format!("Bearer {secret}"));
        }
        gateway.ask(request.body(Body::empty()).unwrap()).await
    };
    assert_eq!(ask(None).await.text, "ok");
    assert_eq!(ask(Some(READ)).await.text, "ok");
    assert_eq!(ask(Some("wrong")).await.status, StatusCode::UNAUTHORIZED);
    let full = ask(Some(ADMIN)).await.json();
    assert_eq!(full["status"], "ok");
    assert_eq!(full["event_log"]["is_readable"], true);
    assert_eq!(full["tasks"], serde_json::json!([]));
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn whoami_tells_the_principal() {
    let gateway = Gateway::new().await;
    let answer = gateway.get_ok("/whoami").await;
    assert_eq!(
        answer.json(),
        serde_json::json!({"principal": "reader", "scopes": ["read"], "expires_at": null})
    );
    assert_eq!(answer.header("x-event-cursor"), gateway.cursor(0).to_string());
}
