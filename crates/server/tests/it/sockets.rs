//! Streams over real sockets: everything comes, in its order, however slowly it is read.

use std::net::SocketAddr;

use slipway_api::Cursor;
use slipway_core::{EventType, Status};
use slipway_server::{Front, serve};
use slipway_store::event_log::{self, NewEvent};
use time::macros::datetime;
use tokio::io::{AsyncBufReadExt, AsyncReadExt, AsyncWriteExt, BufReader};
use tokio::net::{TcpListener, TcpSocket, TcpStream};

use crate::harness::{Gateway, PATIENCE, READ};

/// As large as a socket's buffers would have to be, several times over, in events that alone fill a small one.
const EVENTS: usize = 400;
const EVENT_BYTES: usize = 64 * 1024;

async fn listen(gateway: &Gateway) -> SocketAddr {
    listen_with(gateway, gateway.router.clone()).await
}

async fn listen_with(gateway: &Gateway, router: Front) -> SocketAddr {
    let listener = TcpListener::bind("127.0.0.1:0").await.expect("it works");
    let address = listener.local_addr().expect("it works");
    tokio::spawn(serve(listener, router, gateway.shutdown.clone()));
    address
}

/// A stream whose client takes in little at once. The head of the answer is read.
async fn open(address: SocketAddr, version: &str) -> BufReader<TcpStream> {
    open_after(address, version, None).await
}

/// The same from after a position.
async fn open_after(address: SocketAddr, version: &str, after: Option<&Cursor>) -> BufReader<TcpStream> {
    let socket = TcpSocket::new_v4().expect("it works");
    socket.set_recv_buffer_size(16 * 1024).expect("it works");
    let mut stream = BufReader::new(socket.connect(address).await.expect("it works"));
    let after = after.map_or_else(String::new, |after| format!("Last-Event-ID: {after}\r\n"));
    let request =
        format!("GET /api/v1/events/stream HTTP/{version}\r\nHost: x\r\nAuthorization: Bearer {READ}\r\n{after}\r\n");
    stream.write_all(request.as_bytes()).await.expect("it works");
    let mut line = String::new();
    let head = async {
        while line != "\r\n" {
            line.clear();
            stream.read_line(&mut line).await.expect("it works");
        }
    };
    tokio::time::timeout(PATIENCE, head).await.expect("in time");
    stream
}

/// The next chunk of the body.
async fn chunk(stream: &mut BufReader<TcpStream>) -> String {
    let read = async {
        let mut size = String::new();
        stream.read_line(&mut size).await.expect("it works");
        let size = usize::from_str_radix(size.trim_end(), 16).expect("a size");
        let mut chunk = vec![0; size + 2];
        stream.read_exact(&mut chunk).await.expect("it works");
        assert!(chunk.ends_with(b"\r\n"));
        chunk.truncate(size);
        String::from_utf8(chunk).expect("it works")
    };
    tokio::time::timeout(PATIENCE, read).await.expect("in time")
}

async fn write(gateway: &Gateway, bytes: usize) -> i64 {
    let event = NewEvent {
        r#type: EventType::DeploymentFinished,
        occurred_at: None,
        application_id: None,
        deployment_id: None,
        provider: Some("scalingo".to_owned()),
        account: Some("main".to_owned()),
        environment: None,
        status: Some(Status::Succeeded),
        previous_status: None,
        observed_via: None,
        reason: None,
        deployment: Some(format!("{{\"filling\":\"{}\"}}", "x".repeat(bytes))),
    };
    let mut tx = gateway.db.pool.begin().await.expect("it works");
    let seq = event_log::append(&mut tx, &[event], datetime!(2026-01-02 03:04:05 UTC)).await;
    tx.commit().await.expect("it works");
    seq.expect("it works").expect("some")
}

/// The numbers of the events up to `last`, each of which begins a chunk or follows another in it.
async fn numbers(stream: &mut BufReader<TcpStream>, last: i64) -> Vec<i64> {
    let mut numbers: Vec<i64> = Vec::new();
    while numbers.last() != Some(&last) {
        let chunk = chunk(stream).await;
        for block in chunk
            .split_terminator("\n\n")
            .filter(|block| block.contains("\nevent: deployment."))
        {
            let id = block
                .split('\n')
                .find_map(|line| line.strip_prefix("id: "))
                .expect("an id");
            numbers.push(id.rsplit('-').next().expect("a number").parse().expect("it works"));
        }
    }
    numbers
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_client_that_stops_reading_misses_nothing_and_holds_up_nobody() {
    let gateway = Gateway::new().await;
    let address = listen(&gateway).await;
    let mut slow = open(address, "1.1").await;
    let mut fast = open(address, "1.1").await;
    let mut written = Vec::new();
    for _ in 0..EVENTS {
        let seq = write(&gateway, EVENT_BYTES).await;
        written.push(seq);
        assert_eq!(numbers(&mut fast, seq).await, [seq]);
    }
    let last = *written.last().expect("some");
    assert_eq!(numbers(&mut slow, last).await, written);
    // Both are where they were.
    let seq = write(&gateway, 10).await;
    for stream in [&mut slow, &mut fast] {
        assert_eq!(numbers(stream, seq).await, [seq]);
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn who_is_behind_and_does_not_read_leaves_the_turn_to_others() {
    let gateway = Gateway::new().await;
    let first = write(&gateway, 10).await;
    let mut written = Vec::new();
    for _ in 0..EVENTS / 2 {
        written.push(write(&gateway, EVENT_BYTES).await);
    }
    let last = *written.last().expect("some");
    // It has none of them in memory.
    let (router, _running) = gateway.another().await;
    let address = listen_with(&gateway, router).await;
    let after = gateway.cursor(first);
    let mut idle = Vec::new();
    for _ in 0..2 * std::thread::available_parallelism().map_or(1, usize::from) {
        idle.push(open_after(address, "1.1", Some(&after)).await);
    }
    let mut reading = open_after(address, "1.1", Some(&after)).await;
    assert_eq!(numbers(&mut reading, last).await, written);
    for mut late in idle {
        assert_eq!(numbers(&mut late, last).await, written);
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn whoever_does_not_know_chunks_gets_the_stream_without() {
    let gateway = Gateway::new().await;
    let address = listen(&gateway).await;
    let mut old = open(address, "1.0").await;
    let seq = write(&gateway, 10).await;
    let read = async {
        let mut line = String::new();
        while !line.starts_with("id: ") || !line.trim_end().ends_with(&format!("-{seq}")) {
            line.clear();
            assert!(old.read_line(&mut line).await.expect("it works") > 0, "it goes on");
            assert!(
                usize::from_str_radix(line.trim_end(), 16).is_err(),
                "no sizes of chunks: {line}"
            );
        }
    };
    tokio::time::timeout(PATIENCE, read).await.expect("in time");
}
