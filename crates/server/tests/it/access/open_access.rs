//! Open access: everybody on this machine may read, and nobody else gets in.

use axum::body::Body;
use http::Request;

use super::request;
use crate::harness::{ADMIN, Gateway, settings};

async fn ask(gateway: &Gateway, path: &str, headers: &[(&str, &str)]) -> (u16, String) {
    let mut builder = Request::get(path);
    for (name, value) in headers {
        builder = builder.header(*name, *value);
    }
    let answer = gateway.ask(builder.body(Body::empty()).expect("a request")).await;
    (answer.status.as_u16(), answer.text)
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn open_access_reads_and_does_not_administer() {
    let gateway = Gateway::with(slipway_server::ServerSettings {
        open_access: true,
        ..settings()
    })
    .await;
    let local = [("host", "localhost:8080")];
    for (path, status) in [
        ("/api/v1/deployments", 200),
        ("/api/v1/events", 200),
        ("/api/v1/tokens", 403),
        ("/api/v1/audit", 403),
    ] {
        assert_eq!(ask(&gateway, path, &local).await.0, status, "{path}");
    }
    let (_, whoami) = ask(&gateway, "/api/v1/whoami", &local).await;
    assert!(whoami.contains("\"principal\":\"open\""), "{whoami}");
    let wrong = [("host", "127.0.0.1"), ("authorization", "Bearer wrong")];
    assert_eq!(ask(&gateway, "/api/v1/whoami", &wrong).await.0, 401);
    let admin = format!("Bearer {ADMIN}");
    let right = [("host", "[::1]:8080"), ("authorization", admin.as_str())];
    assert_eq!(ask(&gateway, "/api/v1/tokens", &right).await.0, 200);

    for headers in [
        &[("host", "evil.test")][..],
        &[("host", "localhost.evil.test:8080")],
        &[],
        &[("host", "localhost"), ("forwarded", "for=192.0.2.1")],
        &[("host", "localhost"), ("x-forwarded-for", "192.0.2.1")],
        &[("host", "localhost"), ("x-forwarded-host", "a")],
        &[
            ("host", "localhost"),
            ("x-forwarded-proto", "https"),
            ("authorization", admin.as_str()),
        ],
    ] {
        let (status, text) = ask(&gateway, "/api/v1/deployments", headers).await;
        assert_eq!(status, 403, "{headers:?}: {text}");
        assert!(text.contains("open_access_refused"), "{text}");
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn without_it_hosts_and_proxies_are_free() {
    let gateway = Gateway::new().await;
    let mut through_proxy = request("GET", "/api/v1/deployments", Some(ADMIN), None);
    let headers = through_proxy.headers_mut();
    headers.insert("host", "slipway.example.com".parse().expect("a host"));
    headers.insert("x-forwarded-for", "192.0.2.1".parse().expect("an address"));
    assert_eq!(gateway.ask(through_proxy).await.status, 200);
}
