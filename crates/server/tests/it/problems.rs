//! Every error is a problem document.

use axum::body::Body;
use http::{Method, Request, StatusCode, header};
use slipway_api::ProblemView;

use crate::harness::{Answer, Gateway, PATIENCE, READ, get, settings};

fn problem(answer: &Answer, status: u16, code: &str) -> ProblemView {
    assert_eq!(answer.status.as_u16(), status, "{}", answer.text);
    assert_eq!(answer.header("content-type"), "application/problem+json");
    let view: ProblemView = serde_json::from_str(&answer.text).expect("a problem document");
    assert_eq!((view.status, view.code.as_str()), (i32::from(status), code));
    assert!(view.r#type.ends_with(code), "{}", view.r#type);
    assert_eq!(view.request_id, answer.header("x-request-id"));
    view
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn what_does_not_exist() {
    let gateway = Gateway::new().await;
    for path in [
        "/nowhere",
        "/api/v1/nowhere",
        "/api/v2/deployments",
        "/docs/nowhere",
        "/api/v1/deployments/",
    ] {
        problem(
            &gateway.get(&format!("/api/../{path}").replace("/api/..//", "/")).await,
            404,
            "not_found",
        );
    }
    let unknown = "018f0000-0000-7000-8000-000000000000";
    for id in [unknown, "1", "a%20b", "%ff", "..%2f.."] {
        problem(&gateway.get(&format!("/deployments/{id}")).await, 404, "not_found");
        problem(
            &gateway.get(&format!("/deployments/{id}/timeline")).await,
            404,
            "not_found",
        );
        problem(&gateway.get(&format!("/applications/{id}")).await, 404, "not_found");
        problem(
            &gateway.get(&format!("/applications/{id}/deployments")).await,
            404,
            "not_found",
        );
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_method_that_is_not_there_is_answered_with_those_that_are() {
    let gateway = Gateway::new().await;
    for path in [
        "/api/v1/deployments",
        "/api/v1/events/stream",
        "/livez",
        "/openapi.json",
    ] {
        for method in [Method::POST, Method::DELETE, Method::PUT, Method::PATCH] {
            let request = Request::builder()
                .method(method)
                .uri(path)
                .header(header::AUTHORIZATION, format!("Bearer {READ}"));
            let answer = gateway.ask(request.body(Body::from("{}")).unwrap()).await;
            problem(&answer, 405, "method_not_allowed");
            assert_eq!(answer.header("allow"), "GET,HEAD", "{path}");
        }
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn parameters_are_refused_by_name() {
    let gateway = Gateway::new().await;
    let unknown = problem(
        &gateway.get("/deployments?status=failed&colour=red").await,
        400,
        "unknown_parameter",
    );
    assert_eq!(unknown.errors[0].field, "colour");
    let detail = unknown.detail.unwrap();
    for known in [
        "status",
        "provider",
        "account",
        "application",
        "environment",
        "limit",
        "cursor",
    ] {
        assert!(detail.contains(known), "{known} is not named: {detail}");
    }
    problem(&gateway.get("/whoami?x=1").await, 400, "unknown_parameter");
    problem(&gateway.get("/events?name=x").await, 400, "unknown_parameter");
    // A filter of lists that the stream does not have.
    problem(&gateway.get("/events/stream?limit=5").await, 400, "unknown_parameter");
    for (query, field) in [
        ("/deployments?limit=0", "limit"),
        ("/deployments?limit=201", "limit"),
        ("/deployments?limit=-1", "limit"),
        ("/deployments?limit=ten", "limit"),
        ("/deployments?status=broken", "status"),
        ("/deployments?status=failed,", "status"),
        ("/deployments?status=", "status"),
        ("/deployments?provider=a%00b", "provider"),
        ("/deployments?application=x", "application"),
        ("/applications?name=a,,b", "name"),
        ("/events?wait=26", "wait"),
        ("/events/stream?status=broken", "status"),
    ] {
        let view = problem(&gateway.get(query).await, 400, "invalid_parameter");
        assert_eq!(view.errors[0].field, field, "{query}: {view:?}");
        assert!(!view.retryable);
    }
    problem(
        &gateway.get("/deployments?limit=1&limit=2").await,
        400,
        "invalid_parameter",
    );
    for query in [
        "/deployments?cursor=x",
        "/applications?cursor=",
        "/events?after=x",
        "/events/stream?after=1",
        "/whoami",
    ] {
        if query != "/whoami" {
            problem(&gateway.get(query).await, 400, "invalid_cursor");
        }
    }
    let request = get("/events/stream")
        .header("last-event-id", "\u{fc}")
        .body(Body::empty())
        .unwrap();
    problem(&gateway.ask(request).await, 400, "invalid_cursor");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_request_has_an_id_and_a_sane_one_is_kept() {
    let gateway = Gateway::new().await;
    let ask = async |id: &str| {
        gateway
            .ask(get("/nowhere").header("x-request-id", id).body(Body::empty()).unwrap())
            .await
    };
    assert_eq!(
        problem(&ask("build-17.4_a").await, 404, "not_found").request_id,
        "build-17.4_a"
    );
    for bad in ["", "a b", &"x".repeat(65), "a\tb", "{}"] {
        let id = problem(&ask(bad).await, 404, "not_found").request_id;
        assert!(uuid::Uuid::try_parse(&id).is_ok(), "{id}");
    }
    assert!(!gateway.get_ok("/whoami").await.header("x-request-id").is_empty());
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn too_much_is_refused() {
    let gateway = Gateway::new().await;
    let long = format!("/deployments?provider={}", "x".repeat(9_000));
    problem(&gateway.get(&long).await, 414, "uri_too_long");
    let many = format!("/deployments?provider={}", vec!["x"; 101].join(","));
    problem(&gateway.get(&many).await, 400, "invalid_parameter");
    let body = vec![b' '; 1024 * 1024 + 1];
    let request = get("/whoami")
        .header(header::CONTENT_LENGTH, body.len())
        .body(Body::from(body))
        .unwrap();
    problem(&gateway.ask(request).await, 413, "payload_too_large");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn who_is_not_known_learns_how_to_authenticate() {
    let gateway = Gateway::new().await;
    let answer = gateway
        .ask(Request::get("/api/v1/deployments").body(Body::empty()).unwrap())
        .await;
    problem(&answer, 401, "unauthenticated");
    assert!(answer.header("www-authenticate").starts_with("Bearer"));
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn streams_are_limited_for_each_principal() {
    let gateway = Gateway::with(slipway_server::ServerSettings {
        streams_per_principal: 2,
        ..settings()
    })
    .await;
    let open = async || gateway.send(get("/events/stream").body(Body::empty()).unwrap()).await;
    let (one, _two) = (open().await, open().await);
    let refused = gateway.get("/events/stream").await;
    let view = problem(&refused, 429, "too_many_streams");
    assert!(view.retryable && !refused.header("retry-after").is_empty());
    problem(&gateway.get("/events").await, 429, "too_many_streams");
    drop(one);
    assert_eq!(open().await.status(), StatusCode::OK);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_replica_that_is_behind_says_so() {
    let wait = std::time::Duration::from_millis(50);
    let gateway = Gateway::with(slipway_server::ServerSettings {
        min_cursor_wait: wait,
        ..settings()
    })
    .await;
    let ahead = gateway.cursor(1_000);
    let answer = gateway.get(&format!("/deployments?min_cursor={ahead}")).await;
    problem(&answer, 503, "behind");
    assert!(!answer.header("retry-after").is_empty());
    problem(
        &gateway.get("/deployments?min_cursor=other-1").await,
        410,
        "cursor_gone",
    );
    problem(&gateway.get("/deployments?min_cursor=1").await, 400, "invalid_cursor");
    gateway
        .get_ok(&format!("/deployments?min_cursor={}", gateway.cursor(0)))
        .await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn without_a_database_every_read_says_so_and_nothing_of_it_crosses() {
    let gateway = Gateway::new().await;
    let stopped = gateway.shutdown.clone();
    gateway.db.pool.close().await;
    for path in [
        "/deployments",
        "/applications",
        "/accounts",
        "/providers",
        "/deployments/018f0000-0000-7000-8000-000000000000",
    ] {
        let answer = tokio::time::timeout(PATIENCE, gateway.get(path))
            .await
            .expect("in time");
        let view = problem(&answer, 503, "database_unavailable");
        assert!(view.retryable && !answer.header("retry-after").is_empty());
        assert!(!answer.text.to_lowercase().contains("pool"), "{}", answer.text);
    }
    let request = Request::get("/readyz").body(Body::empty()).unwrap();
    problem(&gateway.ask(request).await, 503, "database_unavailable");
    let request = Request::get("/livez").body(Body::empty()).unwrap();
    assert_eq!(gateway.ask(request).await.status, StatusCode::OK);
    stopped.cancel();
    problem(&gateway.get("/events/stream").await, 503, "not_ready");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_handler_that_panics_is_an_internal_error_and_tells_nothing() {
    let gateway = Gateway::with_tasks(settings(), std::sync::Arc::new(|| panic!("a secret of ours"))).await;
    let request = Request::get("/healthz").body(Body::empty()).unwrap();
    let answer = gateway.ask(request).await;
    problem(&answer, 500, "internal");
    assert!(!answer.text.contains("secret"), "{}", answer.text);
    gateway.get_ok("/whoami").await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn more_than_the_gateway_serves_is_told_to_come_back() {
    let gateway = Gateway::with(slipway_server::ServerSettings {
        concurrent_requests: 0,
        ..settings()
    })
    .await;
    let answer = gateway.get("/deployments").await;
    assert!(problem(&answer, 503, "overloaded").retryable && !answer.header("retry-after").is_empty());
    // What waits by design is counted apart.
    gateway.get_ok("/events").await;
}
