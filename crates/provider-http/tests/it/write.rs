//! Calls that change something: sent once, and honest about whether they may have been carried out.

use std::sync::Arc;
use std::time::Duration;

use serde_json::json;
use slipway_core::ManualClock;
use slipway_core::provider::{ErrorKind, ProviderError};
use slipway_provider_http::{
    Answer, Auth, Client, ClientSettings, Method, RateLimit, Request, Secret, Url, WindowKind,
};
use time::macros::datetime;

use crate::server::{Reply, Server};

fn client(url: &str, rate_limit: Option<RateLimit>) -> Client {
    let settings = ClientSettings {
        total_timeout: Duration::from_millis(700),
        rate_limit,
        max_body_bytes: 1000,
        ..ClientSettings::new("example", Url::parse(url).unwrap())
    };
    Client::new(settings, Arc::new(ManualClock::new(datetime!(2026-11-22 10:00 UTC)))).unwrap()
}

async fn post(client: &Client) -> Result<Answer, ProviderError> {
    let (token, body) = (Secret::new("s3cret"), json!({"a": 1}));
    let auth = Auth::Bearer(&token);
    client
        .send(&Request::write(
            "trigger",
            Method::POST,
            "/things",
            &["things"],
            auth,
            Some(&body),
        ))
        .await
}

#[tokio::test]
async fn after_a_fault_it_is_not_sent_again_and_may_have_been_carried_out() {
    for (what, reply) in [
        ("dropped", Reply::Bytes(Vec::new())),
        ("silent", Reply::BytesThenSilence(Vec::new())),
        ("not HTTP", Reply::Bytes(b"hello\r\n\r\n".to_vec())),
        (
            "half",
            Reply::Bytes(b"HTTP/1.1 200 OK\r\nContent-Length: 10\r\n\r\n{".to_vec()),
        ),
        (
            "endless",
            Reply::Endless(b"HTTP/1.1 200 OK\r\n\r\nxxxxxxxxxxxxxxxxxxxx".to_vec()),
        ),
        ("a redirect", Reply::whole("302 Found", "Location: /x\r\n", "")),
    ] {
        let server = Server::start(vec![reply]).await;
        let error = post(&client(&server.url, None)).await.unwrap_err();
        assert!(error.may_have_been_applied, "{what}: {error}");
        assert_eq!(server.requests().len(), 1, "{what}");
    }
}

#[tokio::test]
async fn an_answer_that_is_no_refusal_leaves_it_open() {
    for (status, body, kind, is_open) in [
        ("500 Internal Server Error", "{}", ErrorKind::Unavailable, true),
        ("502 Bad Gateway", "", ErrorKind::Unavailable, true),
        ("400 Bad Request", "{}", ErrorKind::InvalidRequest, false),
        ("409 Conflict", "{}", ErrorKind::Conflict, false),
        ("200 OK", "<html>", ErrorKind::Protocol, true),
    ] {
        let server = Server::start(vec![Reply::whole(status, "", body)]).await;
        let answer = post(&client(&server.url, None)).await.unwrap();
        let error = match answer.json::<serde_json::Map<_, _>>() {
            Err(error) if answer.is_success() => error,
            _ => answer.error(kind, "as an adapter reads it"),
        };
        assert_eq!((error.kind, error.may_have_been_applied), (kind, is_open), "{status}");
        assert_eq!(server.requests().len(), 1, "{status}");
    }
}

#[tokio::test]
async fn what_never_left_was_not_carried_out() {
    let listener = std::net::TcpListener::bind("127.0.0.1:0").unwrap();
    let url = format!("http://{}", listener.local_addr().unwrap());
    drop(listener);
    let error = post(&client(&url, None)).await.unwrap_err();
    assert_eq!(
        (error.kind, error.may_have_been_applied),
        (ErrorKind::Unavailable, false)
    );

    let throttled = Reply::whole("429 Too Many Requests", "", "Retry later");
    let server = Server::start(vec![throttled]).await;
    let limit = RateLimit {
        requests: 10,
        window: Duration::from_secs(60),
        kind: WindowKind::Sliding,
        write_reserve: 2,
    };
    let client = client(&server.url, Some(limit));
    for requests in [1, 1] {
        let error = post(&client).await.unwrap_err();
        assert_eq!(
            (error.kind, error.may_have_been_applied),
            (ErrorKind::RateLimited, false)
        );
        assert_eq!(server.requests().len(), requests, "a closed budget makes no request");
    }
}

#[tokio::test]
async fn the_reserve_is_for_writes() {
    let server = Server::start(vec![Reply::whole("200 OK", "", "{}")]).await;
    let limit = RateLimit {
        requests: 3,
        window: Duration::from_secs(60),
        kind: WindowKind::Sliding,
        write_reserve: 1,
    };
    let client = client(&server.url, Some(limit));
    let read = async || {
        let request = Request::get("read", "/things", &["things"], Auth::None);
        client.send(&request).await
    };
    read().await.unwrap();
    read().await.unwrap();
    assert_eq!(read().await.unwrap_err().kind, ErrorKind::RateLimited);
    post(&client).await.unwrap();
    assert_eq!(post(&client).await.unwrap_err().kind, ErrorKind::RateLimited);
    assert_eq!(server.requests().len(), 3);
}
