//! The adapter against a server.

use std::sync::{Arc, Mutex};

use axum::Router;
use axum::extract::Request;
use axum::http::{HeaderMap, StatusCode, Uri};
use axum::response::{IntoResponse, Response};
use serde_json::{Value, json};
use slipway_core::ManualClock;
use slipway_core::page::PageToken;
use slipway_core::provider::{ApplicationRef, ErrorKind, Provider};
use slipway_provider_cloud66::{Cloud66Options, Cloud66Provider};
use slipway_provider_http::{Secret, Url};
use time::macros::datetime;
use tokio::task::JoinHandle;

type Handler = fn(&str) -> Response;

struct Api {
    provider: Cloud66Provider,
    clock: ManualClock,
    seen: Arc<Mutex<Vec<String>>>,
    task: JoinHandle<()>,
}

impl Drop for Api {
    fn drop(&mut self) {
        self.task.abort();
    }
}

impl Api {
    /// A server whose answers depend on path and query.
    async fn start(handler: Handler) -> Self {
        let listener = tokio::net::TcpListener::bind("127.0.0.1:0").await.unwrap();
        let base_url = Url::parse(&format!("http://{}/api/3", listener.local_addr().unwrap())).unwrap();
        let seen = Arc::new(Mutex::new(Vec::new()));
        let log = Arc::clone(&seen);
        let app = Router::new().fallback(move |uri: Uri, headers: HeaderMap, _request: Request| async move {
            let target = uri.to_string();
            let authorization = headers["authorization"].to_str().unwrap().to_owned();
            log.lock().unwrap().push(format!("{target} {authorization}"));
            handler(target.strip_prefix("/api/3").unwrap())
        });
        let task = tokio::spawn(async move { axum::serve(listener, app).await.unwrap() });
        let clock = ManualClock::new(datetime!(2026-11-22 10:50 UTC));
        let options = Cloud66Options {
            base_url,
            ..Cloud66Options::new(Secret::new("s3cret"))
        };
        let provider = Cloud66Provider::new(options, Arc::new(clock.clone())).unwrap();
        Self {
            provider,
            clock,
            seen,
            task,
        }
    }

    fn seen(&self) -> Vec<String> {
        self.seen.lock().unwrap().clone()
    }
}

fn stack() -> ApplicationRef {
    ApplicationRef {
        provider_application_id: "abc".to_owned(),
        name: "App".to_owned(),
    }
}

fn reply(status: u16, body: impl Into<String>) -> Response {
    (
        StatusCode::from_u16(status).unwrap(),
        [("content-type", "application/json")],
        body.into(),
    )
        .into_response()
}

fn page(items: Value, pagination: Value) -> Response {
    reply(
        200,
        json!({"response": items, "count": 1, "pagination": pagination}).to_string(),
    )
}

#[tokio::test]
async fn pages_are_walked_by_number_to_the_end() {
    let api = Api::start(|target| match target {
        "/stacks?page=1" => page(json!([{"uid": "a"}]), json!({"current": 1, "next": 2, "pages": 3})),
        "/stacks?page=2" => page(json!([{"uid": "b"}]), json!({"current": 2, "next": "3", "pages": "3"})),
        "/stacks?page=3" => page(
            json!([{"uid": "c"}, {"name": "no id"}, 7]),
            json!({"current": 3, "next": null, "pages": 3}),
        ),
        _ => reply(500, ""),
    })
    .await;
    let (mut ids, mut next) = (Vec::new(), None::<PageToken>);
    loop {
        let page = api.provider.list_applications(next.as_ref()).await.unwrap();
        ids.extend(page.items.into_iter().map(|item| item.provider_application_id));
        match page.next {
            Some(token) => next = Some(token),
            None => break,
        }
    }
    assert_eq!(ids, ["a", "b", "c"]);
    assert_eq!(api.seen()[0], "/api/3/stacks?page=1 Bearer s3cret");
}

#[tokio::test]
async fn a_walk_always_comes_to_its_end() {
    for (pagination, next) in [
        (json!({"next": 1, "pages": 1}), None),
        (json!({"next": 2}), None),
        (json!({"next": -1}), None),
        (json!({"next": 4_294_967_296_u64}), None),
        (json!({"next": null, "pages": 5}), Some("3")),
        (json!({"next": "http://evil.test/?page=3"}), None),
        (json!({"next": 3}), Some("3")),
        (json!({"next": 5}), Some("5")),
        (json!([]), None),
        (json!(null), None),
    ] {
        static PAGINATION: Mutex<Value> = Mutex::new(Value::Null);
        *PAGINATION.lock().unwrap() = pagination.clone();
        let api = Api::start(|_| page(json!([]), PAGINATION.lock().unwrap().clone())).await;
        let seen = api
            .provider
            .list_deployments(&stack(), Some(&PageToken("2".to_owned())))
            .await
            .unwrap();
        assert_eq!(seen.next, next.map(|next| PageToken(next.to_owned())), "{pagination}");
    }
}

#[tokio::test]
async fn a_foreign_page_token_and_an_odd_id_make_no_request() {
    let api = Api::start(|_| reply(200, "{}")).await;
    for token in ["x", "", "0", "-1", "1&admin=1"] {
        let error = api
            .provider
            .list_applications(Some(&PageToken(token.to_owned())))
            .await
            .unwrap_err();
        assert_eq!(error.kind, ErrorKind::InvalidRequest);
    }
    for id in ["", ".", ".."] {
        assert_eq!(
            api.provider.get_deployment(&stack(), id).await.unwrap_err().kind,
            ErrorKind::InvalidRequest
        );
    }
    assert!(api.seen().is_empty());
}

#[tokio::test]
async fn single_reads_give_what_was_asked_for_or_an_error() {
    let api = Api::start(|target| match target {
        "/stacks/abc" => reply(200, r#"{"response":{"uid":"abc","name":"App"}}"#),
        "/stacks/abc/deployments/107" => reply(200, r#"{"response":{"id":107}}"#),
        "/stacks/abc/deployments/108" => reply(200, r#"{"response":{"id":107}}"#),
        "/stacks/abc/deployments/109" => reply(200, r#"{"response":[{"id":109}]}"#),
        "/stacks/abc/deployments/110" => reply(404, r#"{"error":"not_found","error_description":"s3cret"}"#),
        "/stacks/abc/deployments/111" => reply(404, "<html>404</html>"),
        _ => reply(500, ""),
    })
    .await;
    assert_eq!(api.provider.get_application("abc").await.unwrap().name, "App");
    assert_eq!(
        api.provider
            .get_deployment(&stack(), "107")
            .await
            .unwrap()
            .provider_deployment_id,
        "107"
    );
    for (id, kind) in [
        ("108", ErrorKind::Protocol),
        ("109", ErrorKind::Protocol),
        ("110", ErrorKind::NotFound),
        ("111", ErrorKind::Protocol),
        ("112", ErrorKind::Unavailable),
    ] {
        let error = api.provider.get_deployment(&stack(), id).await.unwrap_err();
        assert_eq!(error.kind, kind, "{id}");
        assert!(!format!("{error} {error:?}").contains("s3cret"));
    }
}

#[tokio::test]
async fn what_is_not_the_documented_envelope_is_an_error() {
    for body in [
        "",
        "<html>sign in</html>",
        "[]",
        "[[]]",
        "{}",
        "null",
        r#"{"response":{}}"#,
        r#"{"response":null}"#,
        "{\"response\":[",
        "{\"response\":[]}x",
    ] {
        static BODY: Mutex<&str> = Mutex::new("");
        *BODY.lock().unwrap() = body;
        let api = Api::start(|_| reply(200, *BODY.lock().unwrap())).await;
        let error = api.provider.list_deployments(&stack(), None).await.unwrap_err();
        assert_eq!(error.kind, ErrorKind::Protocol, "{body}");
    }
}

#[tokio::test]
async fn throttling_stops_all_requests_until_a_probe_is_due() {
    let api = Api::start(|_| {
        reply(
            503,
            r#"{"error":"throttled","error_description":"retry in the next hourly interval"}"#,
        )
    })
    .await;
    let error = api.provider.list_applications(None).await.unwrap_err();
    assert_eq!(
        (error.kind, error.retry_after.unwrap().as_secs()),
        (ErrorKind::RateLimited, 300)
    );
    assert_eq!(
        api.provider.list_applications(None).await.unwrap_err().kind,
        ErrorKind::RateLimited
    );
    let budget = api.provider.rate_budget().unwrap();
    assert_eq!(
        (budget.remaining, budget.resets_at),
        (0, Some(datetime!(2026-11-22 11:00 UTC)))
    );
    assert_eq!(api.seen().len(), 1);
    api.clock.advance(time::Duration::seconds(300));
    api.provider.list_applications(None).await.unwrap_err();
    assert_eq!(api.seen().len(), 2);
}

#[tokio::test]
async fn what_cannot_be_done_is_said_without_a_request() {
    let api = Api::start(|_| reply(200, "{}")).await;
    assert_eq!(
        api.provider.read_log(&stack(), "1").await.unwrap_err().kind,
        ErrorKind::Unsupported
    );
    assert!(
        api.provider
            .follow(&stack())
            .await
            .is_err_and(|error| error.kind == ErrorKind::Unsupported)
    );
    let capabilities = api.provider.capabilities();
    assert!(
        capabilities.change_feed
            && !capabilities.read_logs
            && !capabilities.follow_status
            && capabilities.call_reference
    );
    assert!(api.seen().is_empty());
    assert!(!format!("{:?}", api.provider).contains("s3cret"));
}
