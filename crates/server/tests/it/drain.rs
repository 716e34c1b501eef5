//! The end of a process over real connections.

use std::time::{Duration, Instant};

use slipway_server::serve;
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::{TcpListener, TcpStream};

use crate::harness::{Gateway, PATIENCE, READ};

const STREAMS: usize = 500;

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn five_hundred_open_streams_do_not_hold_up_the_end() {
    let gateway = Gateway::new().await;
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let address = listener.local_addr().unwrap();
    let server = tokio::spawn(serve(listener, gateway.router.clone(), gateway.shutdown.clone()));
    let mut clients = Vec::new();
    for _ in 0..STREAMS {
        let mut stream = TcpStream::connect(address).await.unwrap();
        let request = format!("GET /api/v1/events/stream HTTP/1.1\r\nHost: x\r\nAuthorization: Bearer {READ}\r\n\r\n");
        stream.write_all(request.as_bytes()).await.unwrap();
        let mut head = [0; 15];
        tokio::time::timeout(PATIENCE, stream.read_exact(&mut head))
            .await
            .expect("in time")
            .unwrap();
        assert_eq!(&head, b"HTTP/1.1 200 OK");
        clients.push(stream);
    }
    // One that sends nothing and one that is in the middle of a request hold it up no more.
    let idle = TcpStream::connect(address).await.unwrap();
    let mut half = TcpStream::connect(address).await.unwrap();
    half.write_all(b"GET /livez HT").await.unwrap();
    let started = Instant::now();
    gateway.shutdown.cancel();
    tokio::time::timeout(PATIENCE, server)
        .await
        .expect("it ends")
        .unwrap()
        .unwrap();
    let took = started.elapsed();
    assert!(took < Duration::from_secs(10), "{took:?}");
    for mut stream in clients {
        let mut rest = Vec::new();
        tokio::time::timeout(PATIENCE, stream.read_to_end(&mut rest))
            .await
            .expect("it ends")
            .unwrap();
        let text = String::from_utf8(rest).unwrap();
        assert!(
            text.matches("retry: ").count() == 2 && text.ends_with("\r\n0\r\n\r\n"),
            "ended well: {text}"
        );
    }
    drop((idle, half));
    assert!(TcpStream::connect(address).await.is_err(), "nobody listens any more");
}
