//! A gateway behind a port, asked over real connections.

use std::net::SocketAddr;

use http::{HeaderMap, HeaderName, HeaderValue, StatusCode};
use slipway_server::serve;
use tokio::io::{AsyncBufReadExt, AsyncReadExt, AsyncWriteExt, BufReader};
use tokio::net::{TcpListener, TcpStream};
use tokio_util::sync::{CancellationToken, DropGuard};

use crate::harness::{Answer, Gateway, PATIENCE};

/// Serves a gateway until it is dropped.
pub(crate) struct Wire {
    address: SocketAddr,
    _stop: DropGuard,
}

impl Wire {
    pub(crate) async fn new(gateway: &Gateway) -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").await.expect("a port");
        let address = listener.local_addr().expect("an address");
        let stop = CancellationToken::new();
        tokio::spawn(serve(listener, gateway.router.clone(), stop.clone()));
        Self {
            address,
            _stop: stop.drop_guard(),
        }
    }

    /// Sends a request without a body and reads the head of the answer, and the rest where that has an end.
    pub(crate) async fn send(&self, method: &str, path: &str, headers: &[(&str, &str)]) -> Answer {
        self.send_with_body(method, path, headers, "").await
    }

    /// The same with a body, whose headers are the caller's.
    pub(crate) async fn send_with_body(
        &self,
        method: &str,
        path: &str,
        headers: &[(&str, &str)],
        body: &str,
    ) -> Answer {
        let exchange = async {
            let mut stream = TcpStream::connect(self.address).await.expect("a connection");
            let mut text = format!(
                "{method} {path} HTTP/1.1\r\nHost: {}\r\nConnection: close\r\n",
                self.address
            );
            for (name, value) in headers {
                text.push_str(&format!("{name}: {value}\r\n"));
            }
            stream
                .write_all(format!("{text}\r\n{body}").as_bytes())
                .await
                .expect("sent");
            read(BufReader::new(stream)).await
        };
        tokio::time::timeout(PATIENCE, exchange).await.expect("in time")
    }
}

async fn read(mut stream: BufReader<TcpStream>) -> Answer {
    let mut line = String::new();
    stream.read_line(&mut line).await.expect("a status line");
    let code = line.split(' ').nth(1).expect("a status");
    let status = StatusCode::from_bytes(code.as_bytes()).expect("a status");
    let mut headers = HeaderMap::new();
    loop {
        line.clear();
        stream.read_line(&mut line).await.expect("a header");
        let Some((name, value)) = line.trim_end().split_once(": ") else {
            break;
        };
        let name: HeaderName = name.parse().expect("a name");
        headers.append(name, HeaderValue::from_str(value).expect("a value"));
    }
    let mut text = String::new();
    let is_stream = headers
        .get(http::header::CONTENT_TYPE)
        .is_some_and(|kind| kind == "text/event-stream");
    if !is_stream {
        stream.read_to_string(&mut text).await.expect("a body");
    }
    Answer { status, headers, text }
}
