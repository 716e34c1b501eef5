//! A small collector of traces: takes OTLP over HTTP as JSON, and keeps what came.

use std::sync::{Arc, Mutex, PoisonError};

use serde_json::Value;
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::{TcpListener, TcpStream};
use tokio::task::JoinHandle;

/// A running collector. It ends when it is dropped.
#[derive(Debug)]
pub struct Collector {
    /// Its address, without `/v1/traces`.
    pub url: String,
    requests: Arc<Mutex<Vec<String>>>,
    server: JoinHandle<()>,
}

impl Collector {
    /// Starts it on a free port of this machine.
    ///
    /// # Panics
    /// When there is none.
    pub async fn start() -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").await.expect("a port");
        let url = format!("http://{}", listener.local_addr().expect("an address"));
        let requests = Arc::<Mutex<Vec<String>>>::default();
        let into = Arc::clone(&requests);
        let server = tokio::spawn(async move {
            while let Ok((stream, _)) = listener.accept().await {
                let into = Arc::clone(&into);
                tokio::spawn(async move {
                    if let Some(request) = serve(stream).await {
                        into.lock().unwrap_or_else(PoisonError::into_inner).push(request);
                    }
                });
            }
        });
        Self { url, requests, server }
    }

    /// Every request as it came, head and body.
    pub fn requests(&self) -> Vec<String> {
        self.requests.lock().unwrap_or_else(PoisonError::into_inner).clone()
    }

    /// Every span that came.
    ///
    /// # Panics
    /// When something else came.
    pub fn spans(&self) -> Vec<Value> {
        let mut spans = Vec::new();
        for request in self.requests() {
            let (head, body) = request.split_once("\r\n\r\n").expect("a head and a body");
            assert!(head.starts_with("POST /v1/traces HTTP/1.1\r\n"), "{head}");
            let body: Value = serde_json::from_str(body).expect("JSON");
            for scope in body["resourceSpans"][0]["scopeSpans"].as_array().expect("scopes") {
                spans.extend(scope["spans"].as_array().expect("spans").iter().cloned());
            }
        }
        spans
    }
}

impl Drop for Collector {
    fn drop(&mut self) {
        self.server.abort();
    }
}

/// One request, answered; the connection ends with it.
async fn serve(mut stream: TcpStream) -> Option<String> {
    let mut bytes = Vec::new();
    let wanted = loop {
        let text = String::from_utf8_lossy(&bytes);
        if let Some((head, _)) = text.split_once("\r\n\r\n") {
            let length = head.lines().find_map(|line| {
                let (name, value) = line.split_once(':')?;
                let is_it = name.eq_ignore_ascii_case("content-length");
                is_it.then(|| value.trim().parse::<usize>().ok()).flatten()
            });
            break head.len() + 4 + length.unwrap_or(0);
        }
        if stream.read_buf(&mut bytes).await.ok()? == 0 {
            return None;
        }
    };
    while bytes.len() < wanted {
        if stream.read_buf(&mut bytes).await.ok()? == 0 {
            return None;
        }
    }
    let answer =
        "HTTP/1.1 200 OK\r\ncontent-type: application/json\r\ncontent-length: 2\r\nconnection: close\r\n\r\n{}";
    stream.write_all(answer.as_bytes()).await.ok()?;
    String::from_utf8(bytes).ok()
}
