//! Pages of other origins: what a browser lets them read.

use http::StatusCode;
use slipway_server::ServerSettings;

use crate::harness::{Answer, Gateway, READ, settings};
use crate::wire::Wire;

const BOARD: &str = "https://board.example.com";

async fn gateway(origins: &[&str]) -> Gateway {
    let origin = |text: &&str| url::Url::parse(text).expect("a URL").origin();
    Gateway::with(ServerSettings {
        cors_origins: origins.iter().map(origin).collect(),
        ..settings()
    })
    .await
}

fn list(answer: &Answer, name: &str) -> Vec<String> {
    answer
        .header(name)
        .split(',')
        .map(|word| word.trim().to_lowercase())
        .collect()
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn without_configured_origins_no_page_elsewhere_reads_anything() {
    let gateway = gateway(&[]).await;
    let wire = Wire::new(&gateway).await;
    let bearer = format!("Bearer {READ}");
    let answer = wire
        .send(
            "GET",
            "/api/v1/deployments",
            &[("Origin", BOARD), ("Authorization", &bearer)],
        )
        .await;
    assert_eq!(answer.status, StatusCode::OK);
    let preflight = [("Origin", BOARD), ("Access-Control-Request-Method", "GET")];
    let refused = wire.send("OPTIONS", "/api/v1/deployments", &preflight).await;
    assert!(!refused.status.is_success());
    for answer in [answer, refused] {
        assert!(
            !answer
                .headers
                .keys()
                .any(|name| name.as_str().starts_with("access-control")),
            "{:?}",
            answer.headers
        );
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_preflight_needs_no_token_and_allows_what_the_api_takes() {
    let gateway = gateway(&["http://localhost:3000", BOARD]).await;
    let wire = Wire::new(&gateway).await;
    for (path, method) in [
        ("/api/v1/deployments", "GET"),
        ("/api/v1/events/stream", "GET"),
        ("/api/v1/tokens", "POST"),
        ("/api/v1/tokens/018f0000-0000-7000-8000-000000000000", "DELETE"),
        ("/nowhere", "GET"),
    ] {
        let headers = [
            ("Origin", BOARD),
            ("Access-Control-Request-Method", method),
            (
                "Access-Control-Request-Headers",
                "authorization,idempotency-key,last-event-id",
            ),
        ];
        let answer = wire.send("OPTIONS", path, &headers).await;
        assert!(answer.status.is_success(), "{path}: {}", answer.status);
        assert_eq!(answer.header("access-control-allow-origin"), BOARD);
        assert!(list(&answer, "access-control-allow-methods").contains(&method.to_lowercase()));
        let allowed = list(&answer, "access-control-allow-headers");
        for header in [
            "authorization",
            "content-type",
            "idempotency-key",
            "if-match",
            "last-event-id",
        ] {
            assert!(allowed.iter().any(|known| known == header), "{header}");
        }
        assert_eq!(answer.header("access-control-max-age"), "600");
        assert!(list(&answer, "vary").iter().any(|name| name == "origin"));
        // No cookie crosses origins.
        assert_eq!(answer.header("access-control-allow-credentials"), "");
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn an_allowed_page_reads_answers_refusals_streams_and_the_headers_it_needs() {
    let gateway = gateway(&[BOARD, "http://localhost:3000"]).await;
    let wire = Wire::new(&gateway).await;
    let bearer = format!("Bearer {READ}");
    for (path, authorization, status) in [
        ("/api/v1/deployments", Some(&bearer), 200),
        ("/api/v1/events/stream", Some(&bearer), 200),
        ("/api/v1/deployments", None, 401),
        ("/api/v1/audit", Some(&bearer), 403),
        ("/api/v1/nowhere", Some(&bearer), 404),
        ("/openapi.json", None, 200),
    ] {
        let mut headers = vec![("Origin", BOARD)];
        headers.extend(authorization.map(|value| ("Authorization", value.as_str())));
        let answer = wire.send("GET", path, &headers).await;
        assert_eq!(answer.status.as_u16(), status, "{path}");
        assert_eq!(answer.header("access-control-allow-origin"), BOARD, "{path}");
        let exposed = list(&answer, "access-control-expose-headers");
        for header in [
            "etag",
            "location",
            "retry-after",
            "ratelimit",
            "ratelimit-policy",
            "x-event-cursor",
            "idempotency-replayed",
            "x-request-id",
        ] {
            assert!(exposed.iter().any(|known| known == header), "{path}: {header}");
        }
        let vary: Vec<_> = answer.headers.get_all("vary").iter().collect();
        assert!(
            vary.iter()
                .any(|value| value.to_str().expect("text").contains("origin")),
            "{vary:?}"
        );
    }
    for other in [
        "https://evil.test",
        "https://board.example.com.evil.test",
        "https://BOARD.example.com",
        "http://board.example.com",
        "https://board.example.com:8443",
        "null",
        "*",
    ] {
        let headers = [("Origin", other), ("Authorization", bearer.as_str())];
        let answer = wire.send("GET", "/api/v1/deployments", &headers).await;
        assert_eq!(answer.header("access-control-allow-origin"), "", "{other}");
    }
}

/// An opaque origin is written `null`, as is that of any sandboxed page.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn an_opaque_origin_allows_nobody() {
    let gateway = gateway(&["data:text/html,"]).await;
    let wire = Wire::new(&gateway).await;
    let answer = wire.send("GET", "/livez", &[("Origin", "null")]).await;
    assert_eq!(answer.header("access-control-allow-origin"), "");
}
