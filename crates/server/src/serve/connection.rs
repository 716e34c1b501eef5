//! One connection: HTTP/1.1 or HTTP/2, and a stream at the end of it, which leaves hyper and is written by us.

use std::convert::Infallible;
use std::net::SocketAddr;
use std::pin::{Pin, pin};
use std::sync::Arc;
use std::task::Poll;
use std::time::Duration;

use axum::body::Body;
use bytes::Bytes;
use http::{Method, Request, Response, Version};
use hyper::body::{Body as _, Incoming};
use hyper::server::conn::http1;
use hyper_util::rt::{TokioExecutor, TokioIo, TokioTimer};
use hyper_util::server::conn::auto;
use parking_lot::Mutex;
use tokio::net::TcpStream;
use tower::Service;

use super::{Stop, stream};
use crate::auth::Peer;
use crate::sse::{Handover, Live};

/// How long a client may take to send the head of a request.
const HEADER_READ_TIMEOUT: Duration = Duration::from_secs(15);

/// How an HTTP/2 connection begins; no method of HTTP/1.1 does: <https://www.rfc-editor.org/rfc/rfc9113#section-3.4>.
const HTTP2: &[u8] = b"PRI ";

type Error = Box<dyn std::error::Error + Send + Sync>;

/// What answers requests.
pub(super) trait Answers:
    Service<Request<Incoming>, Response = Response<Body>, Error = Infallible, Future: Send> + Clone + Send + Sync + 'static
{
}

impl<S> Answers for S where
    S: Service<Request<Incoming>, Response = Response<Body>, Error = Infallible, Future: Send>
        + Clone
        + Send
        + Sync
        + 'static
{
}

/// A stream whose answer was handed over before it was sent.
struct Taken {
    head: Bytes,
    live: Live,
}

/// Serves a connection until it ends.
pub(super) async fn hold<S: Answers>(socket: TcpStream, peer: SocketAddr, service: S, stop: Stop) {
    // In a box, so that a stream does not keep the memory of the requests before it.
    let ended = match Box::pin(answer(socket, peer, service, stop)).await {
        Ok(Some((socket, taken))) => stream::send(socket, taken.head, taken.live).await.map_err(Error::from),
        Ok(None) => Ok(()),
        Err(error) => Err(error),
    };
    if let Err(error) = ended {
        tracing::trace!(error = &*error, "a connection ended badly");
    }
}

/// Answers requests until the connection ends or an answer is a stream over HTTP/1.1.
async fn answer<S: Answers>(
    socket: TcpStream,
    peer: SocketAddr,
    service: S,
    stop: Stop,
) -> Result<Option<(TcpStream, Taken)>, Error> {
    let mut begin = [0; HTTP2.len()];
    let length = tokio::select! {
        peeked = tokio::time::timeout(HEADER_READ_TIMEOUT, socket.peek(&mut begin)) => peeked??,
        () = stop.token.cancelled() => return Ok(None),
    };
    match begin.get(..length) {
        None | Some([]) => Ok(None),
        Some(begin) if HTTP2.starts_with(begin) => answer_either(socket, peer, service, stop).await.map(|()| None),
        Some(_) => answer_http1(socket, peer, service, stop).await,
    }
}

async fn answer_http1<S: Answers>(
    socket: TcpStream,
    peer: SocketAddr,
    service: S,
    stop: Stop,
) -> Result<Option<(TcpStream, Taken)>, Error> {
    let place = Arc::new(Mutex::new(None));
    let answers = hyper::service::service_fn(|request: Request<Incoming>| {
        let can_be_taken =
            request.version() == Version::HTTP_11 && request.method() == Method::GET && request.body().is_end_stream();
        let answer = call(&service, peer, request);
        let place = Arc::clone(&place);
        async move {
            let response = answer.await?;
            if can_be_taken && let Some(live) = take(&response) {
                let head = stream::write_head(&response);
                *place.lock() = Some(Taken { head, live });
                // hyper gets no answer: the connection is taken from it.
                return std::future::pending().await;
            }
            Ok::<_, Infallible>(response)
        }
    });
    let mut connection = http1::Builder::new()
        .timer(TokioTimer::new())
        .header_read_timeout(HEADER_READ_TIMEOUT)
        .serve_connection(TokioIo::new(socket), answers);
    let mut asked = pin!(stop.token.cancelled());
    let (mut is_waiting, mut was_asked) = (false, false);
    let taken = std::future::poll_fn(|context| {
        // Locks, and a task's waker stays the same: so once at the beginning, and once when it is so.
        if !was_asked && (!is_waiting || stop.is_asked()) {
            is_waiting = true;
            was_asked = asked.as_mut().poll(context).is_ready();
            if was_asked {
                Pin::new(&mut connection).graceful_shutdown();
            }
        }
        match Pin::new(&mut connection).poll(context) {
            Poll::Ready(ended) => Poll::Ready(ended.map(|()| None)),
            Poll::Pending => place
                .lock()
                .take()
                .map_or(Poll::Pending, |taken| Poll::Ready(Ok(Some(taken)))),
        }
    })
    .await?;
    Ok(taken.map(|taken| (connection.into_parts().io.into_inner(), taken)))
}

/// The same for HTTP/2, and for those few who begin so that it cannot be told yet.
async fn answer_either<S: Answers>(socket: TcpStream, peer: SocketAddr, service: S, stop: Stop) -> Result<(), Error> {
    let mut builder = auto::Builder::new(TokioExecutor::new());
    builder
        .http1()
        .timer(TokioTimer::new())
        .header_read_timeout(HEADER_READ_TIMEOUT);
    builder
        .http2()
        .timer(TokioTimer::new())
        .keep_alive_interval(Some(Duration::from_secs(30)));
    let answers = hyper::service::service_fn(|request| call(&service, peer, request));
    let mut connection = pin!(builder.serve_connection(TokioIo::new(socket), answers));
    tokio::select! {
        ended = connection.as_mut() => return ended,
        () = stop.token.cancelled() => connection.as_mut().graceful_shutdown(),
    }
    connection.await
}

fn call<S: Answers>(service: &S, peer: SocketAddr, mut request: Request<Incoming>) -> S::Future {
    request.extensions_mut().insert(Peer(peer));
    // Always ready.
    service.clone().call(request)
}

fn take(response: &Response<Body>) -> Option<Live> {
    response.extensions().get::<Handover>()?.take()
}
