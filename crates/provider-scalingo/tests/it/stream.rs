//! The live stream against a WebSocket server that does what a test tells it.

use std::sync::{Arc, Mutex};
use std::time::Duration;

use futures_util::stream::BoxStream;
use futures_util::{SinkExt, StreamExt};
use slipway_core::provider::{ErrorKind, Provider, ProviderError, StreamItem};
use slipway_core::{Authority, Status};
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::{TcpListener, TcpStream};
use tokio::task::JoinHandle;
use tokio::time::timeout;
use tokio_tungstenite::tungstenite::Message;
use tokio_tungstenite::{WebSocketStream, accept_async};

use crate::platform::{Platform, app, jwt, reply};

const ID: &str = "123e4567-e89b-12d3-a456-426655440000";

/// What the server does once the first frame has come.
#[derive(Debug, Clone)]
enum Then {
    /// These frames, then a proper close.
    Close(Vec<Message>),
    /// These frames, then nothing for ever.
    Silence(Vec<Message>),
    /// These frames, then the connection is gone.
    Drop(Vec<Message>),
}

struct Socket {
    url: String,
    first_frames: Arc<Mutex<Vec<String>>>,
    task: JoinHandle<()>,
}

impl Drop for Socket {
    fn drop(&mut self) {
        self.task.abort();
    }
}

impl Socket {
    async fn start(then: Then) -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let url = format!("ws://{}/apps/example-app", listener.local_addr().unwrap());
        let first_frames = Arc::new(Mutex::new(Vec::new()));
        let seen = Arc::clone(&first_frames);
        let task = tokio::spawn(async move {
            loop {
                let (tcp, _) = listener.accept().await.unwrap();
                let mut socket = accept_async(tcp).await.unwrap();
                let first = socket.next().await.unwrap().unwrap();
                seen.lock().unwrap().push(first.into_text().unwrap().to_string());
                tokio::spawn(talk(socket, then.clone()));
            }
        });
        Self {
            url,
            first_frames,
            task,
        }
    }
}

async fn talk(mut socket: WebSocketStream<TcpStream>, then: Then) {
    let (Then::Close(frames) | Then::Silence(frames) | Then::Drop(frames)) = &then;
    for frame in frames {
        if socket.send(frame.clone()).await.is_err() {
            return;
        }
    }
    match then {
        Then::Close(_) => {
            let _ = socket.close(None).await;
            while let Some(Ok(_)) = socket.next().await {}
        }
        Then::Silence(_) => std::future::pending::<()>().await,
        Then::Drop(_) => {}
    }
}

/// A platform whose app names this URL as its live stream.
async fn platform(stream_url: &str) -> Platform {
    let link = serde_json::to_string(stream_url).unwrap();
    Platform::start(move |_, _| {
        reply(
            200,
            format!(r#"{{"app":{{"id":"5410","links":{{"deployments_stream":{link}}}}}}}"#),
        )
    })
    .await
}

/// All items until the end, which must come soon.
async fn drain(
    mut stream: BoxStream<'static, Result<StreamItem, ProviderError>>,
) -> Vec<Result<StreamItem, ProviderError>> {
    let mut items = Vec::new();
    while let Some(item) = timeout(Duration::from_secs(10), stream.next())
        .await
        .expect("the stream goes on for ever")
    {
        items.push(item);
    }
    items
}

async fn follow(then: Then) -> Vec<Result<StreamItem, ProviderError>> {
    let socket = Socket::start(then).await;
    drain(platform(&socket.url).await.provider.follow(&app()).await.unwrap()).await
}

fn fixture(name: &str) -> Message {
    let path = format!("{}/tests/fixtures/stream_{name}.json", env!("CARGO_MANIFEST_DIR"));
    Message::text(std::fs::read_to_string(path).unwrap())
}

#[tokio::test]
async fn the_documented_frames_are_read_and_a_close_is_the_end() {
    let socket = Socket::start(Then::Close(vec![
        fixture("ping"),
        fixture("new"),
        fixture("log"),
        fixture("status"),
    ]))
    .await;
    let platform = platform(&socket.url).await;
    let items = drain(platform.provider.follow(&app()).await.unwrap()).await;
    let items: Vec<_> = items.into_iter().map(Result::unwrap).collect();
    assert_eq!(items[0], StreamItem::Alive);
    assert_eq!(
        items[1],
        StreamItem::Announced {
            provider_deployment_id: ID.to_owned()
        }
    );
    let content = "Bundle completed (2.64s)\n".to_owned();
    assert_eq!(
        items[2],
        StreamItem::Log {
            provider_deployment_id: ID.to_owned(),
            content
        }
    );
    let StreamItem::Deployment(seen) = &items[3] else {
        panic!("{:?}", items[3])
    };
    assert_eq!(
        (seen.provider_deployment_id.as_str(), seen.state.status),
        (ID, Status::Succeeded)
    );
    assert_eq!(
        (seen.state.authority, seen.finished_at, &seen.raw),
        (Authority::Stream, None, &None)
    );
    assert_eq!(items.len(), 4);
    let auth = format!(r#"{{"data":{{"token":"{}"}},"type":"auth"}}"#, jwt(1));
    assert_eq!(*socket.first_frames.lock().unwrap(), [auth]);
}

#[tokio::test]
async fn a_new_frame_may_carry_a_whole_deployment() {
    let whole = r#"{"type":"new","data":{"deployment":{"id":"a","status":"queued","git_ref":"master",
        "created_at":"2020-05-29T12:21:51.275Z","finished_at":"2020-05-29T12:23:25Z","pusher":{"username":"john"}}}}"#;
    let without_pusher = r#"{"type":"new","data":{"deployment":{"id":"b","status":"building","pusher":null}}}"#;
    let items = follow(Then::Close(vec![Message::text(whole), Message::text(without_pusher)])).await;
    let Ok(StreamItem::Deployment(first)) = &items[0] else {
        panic!("{:?}", items[0])
    };
    assert_eq!(
        (first.state.status, first.state.authority),
        (Status::Queued, Authority::Stream)
    );
    assert_eq!(
        (first.details.actor.name.as_deref(), first.finished_at),
        (Some("john"), None)
    );
    let Ok(StreamItem::Deployment(second)) = &items[1] else {
        panic!("{:?}", items[1])
    };
    assert_eq!(
        (second.provider_deployment_id.as_str(), second.state.status),
        ("b", Status::InProgress)
    );
}

#[tokio::test]
async fn odd_frames_are_signs_of_life_and_no_more() {
    let odd = [
        r#"{"type":"confetti","data":{}}"#,
        r#"{"type":null}"#,
        r#"{"type":7,"data":[]}"#,
        "{}",
        r#"{"type":"new"}"#,
        r#"{"type":"new","data":{"deployment":null}}"#,
        r#"{"type":"new","data":{"deployment":{"status":"queued"}}}"#,
        r#"{"type":"log","data":{"content":"whose?"}}"#,
        r#"{"type":"log","id":"a","data":{"content":{}}}"#,
        r#"{"type":"status","id":"a","data":{}}"#,
        r#"{"type":"status","data":{"status":"success"}}"#,
    ];
    let mut frames: Vec<_> = odd.into_iter().map(Message::text).collect();
    frames.push(Message::Ping("x".into()));
    frames.push(Message::binary(
        r#"{"type":"status","id":"a","data":{"status":"melted"}}"#.as_bytes().to_vec(),
    ));
    let items = follow(Then::Close(frames)).await;
    assert_eq!(items.len(), odd.len() + 2);
    assert!(
        items[..odd.len() + 1]
            .iter()
            .all(|item| matches!(item, Ok(StreamItem::Alive))),
        "{items:?}"
    );
    let Some(Ok(StreamItem::Deployment(last))) = items.last() else {
        panic!("{items:?}")
    };
    assert_eq!(
        (last.state.status, last.unmapped_status.as_deref()),
        (Status::Unknown, Some("melted"))
    );
}

#[tokio::test]
async fn what_is_no_frame_ends_the_stream_with_an_error_that_quotes_nothing() {
    let too_large = format!(
        r#"{{"type":"log","id":"a","data":{{"content":"{}"}}}}"#,
        "x".repeat(2 << 20)
    );
    for (frame, kind) in [
        (Message::text("s3cret, not JSON"), ErrorKind::Protocol),
        (Message::text("[\"s3cret\"]"), ErrorKind::Protocol),
        (Message::binary(vec![0xff, 0xfe]), ErrorKind::Protocol),
        (Message::text(too_large), ErrorKind::Protocol),
    ] {
        let items = follow(Then::Silence(vec![fixture("ping"), frame])).await;
        assert_eq!(items.len(), 2);
        let error = items[1].as_ref().unwrap_err();
        assert_eq!(error.kind, kind);
        assert!(!format!("{error} {error:?}").contains("s3cret"), "{error:?}");
    }
}

#[tokio::test]
async fn silence_and_a_lost_connection_are_errors() {
    for then in [
        Then::Silence(Vec::new()),
        Then::Silence(vec![fixture("log")]),
        Then::Drop(vec![fixture("log")]),
    ] {
        let items = follow(then.clone()).await;
        let error = items.last().unwrap().as_ref().unwrap_err();
        assert_eq!(error.kind, ErrorKind::Unavailable, "{then:?}");
    }
}

#[tokio::test]
async fn a_stream_that_closes_at_once_gets_another_token_next_time() {
    let socket = Socket::start(Then::Close(Vec::new())).await;
    let platform = platform(&socket.url).await;
    for _ in 0..2 {
        assert!(drain(platform.provider.follow(&app()).await.unwrap()).await.is_empty());
    }
    let frames = socket.first_frames.lock().unwrap().clone();
    assert!(frames[0].contains(&jwt(1)) && frames[1].contains(&jwt(2)), "{frames:?}");
}

#[tokio::test]
async fn a_stream_elsewhere_is_refused_before_any_connection() {
    for url in [
        "wss://evil.test/apps/x",
        "wss://deployments.scalingo.com/apps/x",
        "ws://192.0.2.1/apps/x",
        "ws://u:p@127.0.0.1:1/apps/x",
        "http://127.0.0.1:1/apps/x",
        "file:///etc/passwd",
        "",
    ] {
        let platform = platform(url).await;
        let error = platform.provider.follow(&app()).await.err().unwrap();
        assert_eq!(error.kind, ErrorKind::Protocol, "{url}");
        assert!(!error.to_string().contains("evil"), "{error}");
    }
}

/// Answers the handshake with these bytes.
async fn refusing(answer: &'static str) -> (String, JoinHandle<()>) {
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let url = format!("ws://{}/apps/example-app", listener.local_addr().unwrap());
    let task = tokio::spawn(async move {
        loop {
            let (mut tcp, _) = listener.accept().await.unwrap();
            let mut head = [0; 4096];
            let _ = tcp.read(&mut head).await;
            let _ = tcp.write_all(answer.as_bytes()).await;
            let _ = tcp.shutdown().await;
        }
    });
    (url, task)
}

#[tokio::test]
async fn a_refused_handshake_says_why() {
    for (answer, kind) in [
        (
            "HTTP/1.1 401 Unauthorized\r\nContent-Length: 0\r\n\r\n",
            ErrorKind::Unauthenticated,
        ),
        (
            "HTTP/1.1 403 Forbidden\r\nContent-Length: 0\r\n\r\n",
            ErrorKind::PermissionDenied,
        ),
        (
            "HTTP/1.1 404 Not Found\r\nContent-Length: 0\r\n\r\n",
            ErrorKind::NotFound,
        ),
        (
            "HTTP/1.1 429 Too Many\r\nContent-Length: 0\r\n\r\n",
            ErrorKind::RateLimited,
        ),
        (
            "HTTP/1.1 503 Unavailable\r\nContent-Length: 0\r\n\r\n",
            ErrorKind::Unavailable,
        ),
        (
            "HTTP/1.1 302 Found\r\nLocation: ws://127.0.0.1:1/\r\nContent-Length: 0\r\n\r\n",
            ErrorKind::Protocol,
        ),
        ("HTTP/1.1 200 OK\r\nContent-Length: 0\r\n\r\n", ErrorKind::Protocol),
        ("", ErrorKind::Unavailable),
    ] {
        let (url, task) = refusing(answer).await;
        let error = platform(&url).await.provider.follow(&app()).await.err().unwrap();
        task.abort();
        assert_eq!(error.kind, kind, "{answer}");
    }
}
