//! Connections: taken until the process is asked to stop, then brought to an end.

mod connection;
mod stream;

use std::convert::Infallible;
use std::io;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Duration;

use axum::response::Response;
use http::Request;
use hyper::body::Incoming;
use tokio::net::TcpListener;
use tokio::task::JoinSet;
use tokio_util::sync::CancellationToken;
use tower::Service;

use self::connection::hold;

/// How long open connections have to end once the process is asked to stop. Streams end by themselves at once.
const DRAIN: Duration = Duration::from_secs(2);

/// After an error that is not about one connection, such as too many open files.
const ACCEPT_PAUSE: Duration = Duration::from_millis(100);

/// Asks connections to end when they have answered.
#[derive(Debug, Clone, Default)]
struct Stop {
    token: CancellationToken,
    /// The same without a lock, for who looks often.
    is_asked: Arc<AtomicBool>,
}

impl Stop {
    fn ask(&self) {
        self.is_asked.store(true, Ordering::Release);
        self.token.cancel();
    }

    fn is_asked(&self) -> bool {
        self.is_asked.load(Ordering::Acquire)
    }
}

/// Serves until `shutdown` is cancelled, and then 2 seconds longer at most.
///
/// # Errors
/// None at present: what goes wrong with one connection ends that connection.
pub async fn serve<S>(listener: TcpListener, service: S, shutdown: CancellationToken) -> io::Result<()>
where
    S: Service<Request<Incoming>, Response = Response, Error = Infallible, Future: Send>
        + Clone
        + Send
        + Sync
        + 'static,
{
    let stop = Stop::default();
    let mut connections = JoinSet::new();
    loop {
        let accepted = tokio::select! {
            () = shutdown.cancelled() => break,
            accepted = listener.accept() => accepted,
            Some(_) = connections.join_next() => continue,
        };
        let (socket, peer) = match accepted {
            Ok(accepted) => accepted,
            Err(error) if is_of_one_connection(&error) => continue,
            Err(error) => {
                tracing::warn!(error = &error as &dyn std::error::Error, "no connection could be taken");
                tokio::time::sleep(ACCEPT_PAUSE).await;
                continue;
            }
        };
        // Without it a small event waits for the acknowledgement of the one before.
        if let Err(error) = socket.set_nodelay(true) {
            tracing::debug!(error = &error as &dyn std::error::Error, "TCP_NODELAY could not be set");
        }
        connections.spawn(hold(socket, peer, service.clone(), stop.clone()));
    }
    drop(listener);
    stop.ask();
    let ended = async { while connections.join_next().await.is_some() {} };
    if tokio::time::timeout(DRAIN, ended).await.is_err() {
        tracing::info!("connections that did not end in time are dropped");
        connections.shutdown().await;
    }
    Ok(())
}

fn is_of_one_connection(error: &io::Error) -> bool {
    use io::ErrorKind::{ConnectionAborted, ConnectionRefused, ConnectionReset};
    matches!(error.kind(), ConnectionAborted | ConnectionRefused | ConnectionReset)
}
