//! Limits, repetitions, the budget, and where credentials go.

use std::error::Error;
use std::io::Write;
use std::sync::{Arc, Mutex};
use std::time::{Duration, Instant};

use slipway_core::ManualClock;
use slipway_core::provider::{ErrorKind, ProviderError};
use slipway_provider_http::{
    Answer, Auth, Client, ClientSettings, Method, RateLimit, Request, Secret, Url, WindowKind,
};
use time::macros::datetime;

use crate::server::{Reply, Server};

#[derive(Debug, serde::Deserialize)]
struct Shape {
    #[expect(dead_code, reason = "it is never there")]
    a: u8,
}

const TOKEN: &str = "s3cret-token";

fn settings(server: &Server) -> ClientSettings {
    ClientSettings {
        total_timeout: Duration::from_secs(5),
        ..ClientSettings::new("example", Url::parse(&server.url).unwrap())
    }
}

fn client_with(settings: ClientSettings) -> (Client, ManualClock) {
    let clock = ManualClock::new(datetime!(2026-11-22 10:00 UTC));
    (Client::new(settings, Arc::new(clock.clone())).unwrap(), clock)
}

fn client(server: &Server) -> Client {
    client_with(settings(server)).0
}

async fn get(client: &Client) -> Result<Answer, ProviderError> {
    let token = Secret::new(TOKEN);
    client
        .send(&Request::get("read", "/things", &["things"], Auth::Bearer(&token)))
        .await
}

/// Everything that a log could show of an error.
fn shown(error: &ProviderError) -> String {
    let mut text = format!("{error} {error:?}");
    let mut cause = error.source();
    while let Some(source) = cause {
        text.push_str(&format!(" {source} {source:?}"));
        cause = source.source();
    }
    text
}

#[tokio::test]
async fn a_request_says_who_we_are_and_goes_where_it_should() {
    let server = Server::start(vec![Reply::whole(
        "200 OK",
        "Content-Type: application/json; charset=x\r\n",
        "{\"a\":1}",
    )])
    .await;
    let base_url = Url::parse(&format!("{}/api/3", server.url)).unwrap();
    let (client, _) = client_with(ClientSettings {
        base_url,
        ..settings(&server)
    });
    let token = Secret::new(TOKEN);
    let segments = ["a/b", "c d", "ü?"];
    let query = [("page", "2"), ("q", "a&b")];
    let request = Request {
        query: &query,
        ..Request::get("read", "/x", &segments, Auth::Bearer(&token))
    };
    let answer = client.send(&request).await.unwrap();
    assert_eq!((answer.status, answer.content_type.as_str()), (200, "application/json"));
    assert_eq!(answer.json::<serde_json::Value>().unwrap()["a"], 1);
    let head = server.requests().remove(0).to_lowercase();
    assert!(
        head.starts_with("get /api/3/a%2fb/c%20d/%c3%bc%3f?page=2&q=a%26b http/1.1\r\n"),
        "{head}"
    );
    assert!(head.contains("authorization: bearer s3cret-token\r\n"), "{head}");
    assert!(head.contains("user-agent: slipway/"), "{head}");
}

#[tokio::test]
async fn ids_that_would_change_the_path_are_refused_without_a_request() {
    let server = Server::start(vec![Reply::whole("200 OK", "", "[]")]).await;
    let client = client(&server);
    let token = Secret::new(TOKEN);
    for id in ["", ".", "..", &"x".repeat(2000)] {
        let segments = ["things", id];
        let error = client
            .send(&Request::get("read", "/x", &segments, Auth::Bearer(&token)))
            .await
            .unwrap_err();
        assert_eq!(error.kind, ErrorKind::InvalidRequest);
    }
    assert!(server.requests().is_empty());
}

#[tokio::test]
async fn a_redirect_is_an_error_and_its_target_sees_nothing() {
    for status in [
        "301 Moved",
        "302 Found",
        "307 Temporary Redirect",
        "308 Permanent Redirect",
    ] {
        let target = Server::start(vec![Reply::whole("200 OK", "", "[]")]).await;
        let server = Server::start(vec![Reply::whole(
            status,
            &format!("Location: {}/things\r\n", target.url),
            "",
        )])
        .await;
        let error = get(&client(&server)).await.unwrap_err();
        assert_eq!(error.kind, ErrorKind::Protocol);
        assert!(target.requests().is_empty());
        assert_eq!(server.requests().len(), 1);
    }
}

#[tokio::test]
async fn a_body_beyond_the_limit_is_refused() {
    let announced = Reply::BytesThenSilence(b"HTTP/1.1 200 OK\r\nContent-Length: 10000000000\r\n\r\n".to_vec());
    let chunk = format!("400\r\n{}\r\n", "x".repeat(1024));
    let endless = format!(
        "HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n{}",
        chunk.repeat(64)
    );
    // The head comes again and again, which stops being a chunk: the limit must have struck before.
    for reply in [announced, Reply::Endless(endless.into_bytes())] {
        let server = Server::start(vec![reply]).await;
        let (client, _) = client_with(ClientSettings {
            max_body_bytes: 10_000,
            ..settings(&server)
        });
        let started = Instant::now();
        let error = get(&client).await.unwrap_err();
        assert_eq!(error.kind, ErrorKind::Protocol);
        assert!(error.message.contains("10000 bytes"), "{error}");
        assert!(started.elapsed() < Duration::from_secs(4));
        assert_eq!(server.requests().len(), 1, "too large stays too large");
    }
}

#[tokio::test]
async fn silence_and_slow_bodies_end_with_the_time_limit() {
    let nothing = Reply::BytesThenSilence(Vec::new());
    let half = Reply::BytesThenSilence(b"HTTP/1.1 200 OK\r\nContent-Length: 100\r\n\r\n[1,".to_vec());
    for reply in [nothing, half] {
        let server = Server::start(vec![reply]).await;
        let (client, _) = client_with(ClientSettings {
            total_timeout: Duration::from_millis(300),
            ..settings(&server)
        });
        let started = Instant::now();
        let error = get(&client).await.unwrap_err();
        assert_eq!(error.kind, ErrorKind::Unavailable);
        assert!(started.elapsed() < Duration::from_secs(3));
        assert_eq!(server.requests().len(), 1);
    }
}

#[tokio::test]
async fn passing_faults_are_tried_again_twice_and_no_more() {
    let good = Reply::whole("200 OK", "", "[]");
    let bad = [
        Reply::whole("502 Bad Gateway", "", "x"),
        Reply::whole("503 Service Unavailable", "", "x"),
        Reply::whole("504 Gateway Timeout", "", "x"),
        Reply::Bytes(b"HTTP/1.1 200 OK\r\nContent-Length: 100\r\n\r\n[1,".to_vec()),
        Reply::Bytes(Vec::new()),
        Reply::Bytes(b"\x16\x03 what is this\r\n\r\n".to_vec()),
    ];
    for bad in bad {
        let server = Server::start(vec![bad.clone(), bad.clone(), good.clone()]).await;
        assert_eq!(get(&client(&server)).await.unwrap().status, 200, "{bad:?}");
        assert_eq!(server.requests().len(), 3);
    }
    let server = Server::start(vec![Reply::whole("503 Service Unavailable", "", "x")]).await;
    assert_eq!(get(&client(&server)).await.unwrap().status, 503);
    assert_eq!(server.requests().len(), 3);
    let server = Server::start(vec![Reply::Bytes(
        b"HTTP/1.1 200 OK\r\nContent-Length: 9\r\n\r\n[".to_vec(),
    )])
    .await;
    assert_eq!(get(&client(&server)).await.unwrap_err().kind, ErrorKind::Unavailable);
    assert_eq!(server.requests().len(), 3);
}

#[tokio::test]
async fn other_answers_and_other_verbs_are_not_tried_again() {
    for status in [
        "400 Bad Request",
        "401 Unauthorized",
        "404 Not Found",
        "500 Internal Server Error",
    ] {
        let server = Server::start(vec![Reply::whole(status, "", "x")]).await;
        get(&client(&server)).await.unwrap();
        assert_eq!(server.requests().len(), 1);
    }
    let server = Server::start(vec![Reply::whole("503 Service Unavailable", "", "x")]).await;
    let token = Secret::new(TOKEN);
    let request = Request {
        method: Method::POST,
        ..Request::get("write", "/things", &["things"], Auth::Bearer(&token))
    };
    assert_eq!(client(&server).send(&request).await.unwrap().status, 503);
    assert_eq!(server.requests().len(), 1);
}

#[tokio::test]
async fn nobody_there_is_unavailable() {
    // Bound and not listening: refused for certain, and nobody else gets the port.
    let socket = tokio::net::TcpSocket::new_v4().unwrap();
    socket.bind("127.0.0.1:0".parse().unwrap()).unwrap();
    let url = format!("http://{}", socket.local_addr().unwrap());
    let (client, _) = client_with(ClientSettings::new("example", Url::parse(&url).unwrap()));
    assert_eq!(get(&client).await.unwrap_err().kind, ErrorKind::Unavailable);
}

#[tokio::test]
async fn a_throttled_answer_closes_the_client_until_it_is_over() {
    let throttled = Reply::whole("429 Too Many Requests", "Retry-After: 30\r\n", "Retry later");
    let server = Server::start(vec![throttled, Reply::whole("200 OK", "", "[]")]).await;
    let rate_limit = Some(RateLimit {
        requests: 60,
        window: Duration::from_secs(60),
        kind: WindowKind::Sliding,
        write_reserve: 0,
    });
    let (client, clock) = client_with(ClientSettings {
        rate_limit,
        ..settings(&server)
    });
    let error = get(&client).await.unwrap_err();
    assert_eq!(
        (error.kind, error.retry_after),
        (ErrorKind::RateLimited, Some(Duration::from_secs(30)))
    );
    clock.advance(time::Duration::seconds(10));
    let error = get(&client).await.unwrap_err();
    assert_eq!(
        (error.kind, error.retry_after),
        (ErrorKind::RateLimited, Some(Duration::from_secs(20)))
    );
    assert_eq!(client.rate_budget().unwrap().remaining, 0);
    assert_eq!(server.requests().len(), 1, "closed means no request");
    clock.advance(time::Duration::seconds(20));
    get(&client).await.unwrap();
    assert_eq!(client.rate_budget().unwrap().remaining, 58);
}

#[tokio::test]
async fn retry_after_may_be_a_date_and_is_bounded() {
    for (value, seconds) in [
        ("Sun, 22 Nov 2026 10:00:45 GMT", Some(45)),
        ("99999999999", Some(3600)),
        ("0", Some(1)),
        ("soon", Some(60)),
    ] {
        let reply = Reply::whole("429 Too Many Requests", &format!("Retry-After: {value}\r\n"), "");
        let server = Server::start(vec![reply]).await;
        let error = get(&client(&server)).await.unwrap_err();
        assert_eq!(error.retry_after, seconds.map(Duration::from_secs), "{value}");
    }
}

#[tokio::test]
async fn nothing_left_means_no_request() {
    let headers = "X-RateLimit-Limit: 3600\r\nX-RateLimit-Remaining: 1\r\n";
    let server = Server::start(vec![
        Reply::whole("200 OK", headers, "[]"),
        Reply::whole("200 OK", "", "[]"),
    ])
    .await;
    let rate_limit = Some(RateLimit {
        requests: 3000,
        window: Duration::from_secs(3600),
        kind: WindowKind::Aligned,
        write_reserve: 0,
    });
    let (client, _) = client_with(ClientSettings {
        rate_limit,
        ..settings(&server)
    });
    get(&client).await.unwrap();
    let budget = client.rate_budget().unwrap();
    assert_eq!((budget.limit, budget.remaining), (3600, 1));
    get(&client).await.unwrap();
    let error = get(&client).await.unwrap_err();
    assert_eq!(
        (error.kind, error.retry_after),
        (ErrorKind::RateLimited, Some(Duration::from_secs(3600)))
    );
    assert_eq!(server.requests().len(), 2);
}

#[derive(Clone, Default)]
struct Captured(Arc<Mutex<Vec<u8>>>);

impl Write for Captured {
    fn write(&mut self, bytes: &[u8]) -> std::io::Result<usize> {
        self.0.lock().unwrap().extend_from_slice(bytes);
        Ok(bytes.len())
    }

    fn flush(&mut self) -> std::io::Result<()> {
        Ok(())
    }
}

#[tokio::test]
async fn no_credential_and_no_payload_is_told_to_anybody() {
    let captured = Captured::default();
    let writer = captured.clone();
    let subscriber = tracing_subscriber::fmt()
        .with_max_level(tracing::Level::TRACE)
        .with_span_events(tracing_subscriber::fmt::format::FmtSpan::CLOSE)
        .with_ansi(false)
        .with_writer(move || writer.clone())
        .finish();
    // For the whole process: with one for a thread, the other tests decide whether a span is made at all. What they log
    // is looked at as well.
    tracing::subscriber::set_global_default(subscriber).unwrap();

    let echo = format!("{{\"token\":\"{TOKEN}\"");
    let mut texts = String::new();
    for reply in [
        Reply::whole("200 OK", "", &echo),
        Reply::whole("200 OK", "", &format!("\"{TOKEN}\"")),
        Reply::whole("200 OK", "", &format!("{{\"a\":\"{TOKEN}\"}}")),
        Reply::whole("200 OK", "", &format!("{{\"a\":{TOKEN}}}")),
        Reply::whole(
            "302 Found",
            &format!("Location: http://{TOKEN}@localhost/?token={TOKEN}\r\n"),
            &echo,
        ),
        Reply::whole("429 Too Many", "", &echo),
        Reply::Bytes(format!("HTTP/1.1 200 OK\r\nContent-Length: 1000\r\n\r\n{echo}").into_bytes()),
        Reply::Bytes(format!("{TOKEN}\r\n\r\n").into_bytes()),
    ] {
        let server = Server::start(vec![reply]).await;
        let client = client(&server);
        texts.push_str(&format!("{client:?}"));
        match get(&client).await {
            Err(error) => texts.push_str(&shown(&error)),
            Ok(answer) => texts.push_str(&shown(&answer.json::<Shape>().unwrap_err())),
        }
        let error = client
            .pin("read", &format!("https://u:{TOKEN}@evil.test/{TOKEN}"))
            .unwrap_err();
        texts.push_str(&shown(&error));
    }
    let odd = Secret::new(format!("{TOKEN}\u{1}"));
    let server = Server::start(vec![Reply::whole("200 OK", "", "")]).await;
    let request = Request::get("read", "/x", &["x"], Auth::Bearer(&odd));
    let error = client(&server).send(&request).await.unwrap_err();
    assert_eq!(error.kind, ErrorKind::Unauthenticated);
    texts.push_str(&format!("{} {request:?}", shown(&error)));
    assert!(server.requests().is_empty());

    assert!(!texts.contains(TOKEN), "{texts}");
    let logged = String::from_utf8(captured.0.lock().unwrap().clone()).unwrap();
    assert!(
        logged.contains("provider_http.request.send") && logged.contains("route=\"/things\""),
        "{logged}"
    );
    assert!(
        logged.contains("status=429") && logged.contains("duration_ms="),
        "{logged}"
    );
    assert!(!logged.contains(TOKEN), "{logged}");
}

#[test]
fn settings_that_would_leak_are_refused_in_one_sentence() {
    let clock = Arc::new(ManualClock::new(datetime!(2026-11-22 10:00 UTC)));
    for (url, word) in [
        ("http://api.example.com", "https"),
        ("http://10.0.0.1/", "https"),
        ("ftp://example.com", "https"),
        ("https://user:pw@example.com", "password"),
        ("https://example.com/?token=x", "query"),
        ("mailto:a@example.com", "host"),
    ] {
        let error = Client::new(ClientSettings::new("example", Url::parse(url).unwrap()), clock.clone()).unwrap_err();
        assert!(
            error.to_string().contains(word) && !error.to_string().contains("pw"),
            "{error}"
        );
    }
    for url in [
        "https://api.example.com",
        "http://127.0.0.1:1",
        "http://[::1]:1",
        "http://localhost:1",
    ] {
        Client::new(ClientSettings::new("example", Url::parse(url).unwrap()), clock.clone()).unwrap();
    }
}
