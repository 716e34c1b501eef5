//! What stands between a client and a gateway.

use std::sync::{Arc, Mutex};

use slipway_tests::Api;
use tokio::io::{AsyncReadExt, AsyncWriteExt, copy_bidirectional};
use tokio::net::{TcpListener, TcpStream};
use tokio::task::JoinHandle;

/// What becomes of event streams.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Streams {
    Pass,
    /// Answered by what stands between, with a page of its own.
    Refused,
    /// Kept back until they are whole, which they never are.
    Buffered,
    /// Cut as soon as they have begun.
    Cut,
}

/// One address for a gateway that comes back on another port.
pub(super) struct Front {
    pub(super) url: String,
    target: Arc<Mutex<String>>,
    task: JoinHandle<()>,
}

impl Front {
    pub(super) async fn before(api: &Api) -> Self {
        Self::with(api, Streams::Pass).await
    }

    pub(super) async fn with(api: &Api, streams: Streams) -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").await.expect("a free port");
        let url = format!("http://{}", listener.local_addr().expect("it has one"));
        let target = Arc::new(Mutex::new(String::new()));
        let to = Arc::clone(&target);
        let task = tokio::spawn(async move {
            while let Ok((client, _)) = listener.accept().await {
                let target = to.lock().expect("nobody panics with it").clone();
                // With the gateway gone the client's connection ends too, as it would without anything in between.
                tokio::spawn(async move { drop(pass(client, &target, streams).await) });
            }
        });
        let front = Self { url, target, task };
        front.leads_to(api);
        front
    }

    pub(super) fn leads_to(&self, api: &Api) {
        let address = api.base().trim_start_matches("http://").to_owned();
        *self.target.lock().expect("nobody panics with it") = address;
    }
}

impl Drop for Front {
    fn drop(&mut self) {
        self.task.abort();
    }
}

async fn pass(mut client: TcpStream, target: &str, streams: Streams) -> std::io::Result<()> {
    let mut server = TcpStream::connect(target).await?;
    if streams == Streams::Pass {
        copy_bidirectional(&mut client, &mut server).await?;
        return Ok(());
    }
    // One request a connection, so that each can be looked at.
    let mut head = Vec::new();
    while !head.ends_with(b"\r\n\r\n") {
        head.push(client.read_u8().await?);
    }
    let head = String::from_utf8_lossy(&head).into_owned();
    let (first, rest) = head.split_once("\r\n").unwrap_or_default();
    let asked = format!("{first}\r\nconnection: close\r\n{rest}");
    let path = first.split([' ', '?']).nth(1).unwrap_or_default();
    if !path.ends_with("/stream") {
        server.write_all(asked.as_bytes()).await?;
        copy_bidirectional(&mut client, &mut server).await?;
        return Ok(());
    }
    let answer: &[u8] = match streams {
        Streams::Refused => {
            b"HTTP/1.1 403 Forbidden\r\ncontent-type: text/html\r\ncontent-length: 15\r\nconnection: close\r\n\r\n<html>no</html>"
        }
        Streams::Cut => b"HTTP/1.1 200 OK\r\ncontent-type: text/event-stream\r\nconnection: close\r\n\r\n",
        Streams::Buffered | Streams::Pass => {
            server.write_all(asked.as_bytes()).await?;
            // Read, and kept. It ends when the client has gone.
            let mut kept = tokio::io::sink();
            tokio::select! {
                read = tokio::io::copy(&mut server, &mut kept) => drop(read?),
                gone = client.read_u8() => drop(gone),
            }
            return Ok(());
        }
    };
    client.write_all(answer).await?;
    client.shutdown().await
}
