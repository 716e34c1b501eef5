//! What needs no token, and what a token of the configuration is.

use axum::body::Body;
use http::{Request, StatusCode, header};

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
        serde_json::json!({
            "principal": "reader",
            "scopes": ["deployments:read", "logs:read", "events:read"],
            "restrictions": {"providers": [], "accounts": [], "applications": [], "environments": []},
            "expires_at": null
        })
    );
    assert_eq!(answer.header("x-event-cursor"), gateway.cursor(0).to_string());
}
