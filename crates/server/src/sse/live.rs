//! The answer that goes on: a body for whoever asks for one, or handed over to the connection, which then sends it itself.

use std::convert::Infallible;
use std::io;
use std::sync::Arc;

use axum::body::Body;
use axum::response::{IntoResponse, Response};
use bytes::{Bytes, BytesMut};
use futures_util::Stream;
use futures_util::stream::unfold;
use http::{HeaderName, HeaderValue, header};
use parking_lot::Mutex;
use slipway_feed::Frame;

use super::{EventStream, LogStream, Outlet};

/// Something to send.
#[derive(Debug)]
pub(crate) enum Piece {
    Block(Bytes),
    /// Events, one after the other.
    Events(Vec<Arc<Frame>>),
}

impl From<Bytes> for Piece {
    fn from(block: Bytes) -> Self {
        Self::Block(block)
    }
}

impl Piece {
    /// As chunks of an HTTP/1.1 body.
    pub(crate) fn into_chunks(self) -> Vec<Bytes> {
        match self {
            Self::Block(block) => vec![
                format!("{:x}\r\n", block.len()).into(),
                block,
                Bytes::from_static(b"\r\n"),
            ],
            Self::Events(frames) => frames.iter().map(|frame| frame.http_chunk().clone()).collect(),
        }
    }

    fn into_bytes(self) -> Bytes {
        match self {
            Self::Block(block) => block,
            Self::Events(frames) => match frames.as_slice() {
                [only] => only.sse().clone(),
                several => {
                    let mut block = BytesMut::with_capacity(several.iter().map(|frame| frame.sse().len()).sum());
                    several.iter().for_each(|frame| block.extend_from_slice(frame.sse()));
                    block.freeze()
                }
            },
        }
    }
}

/// A stream that somebody was let in to.
pub(crate) enum Live {
    Events(Box<EventStream>),
    Log(Box<LogStream>),
}

impl Live {
    /// What is to be sent next; none after the end. May be dropped and called again.
    pub(crate) async fn next(&mut self) -> Option<Piece> {
        match self {
            Self::Events(events) => events.next().await,
            // Rare, and larger.
            Self::Log(log) => Box::pin(log.next()).await,
        }
    }

    /// Sends what is left over of what [`Live::next`] gave. Whoever is behind has much to send, and always more than others
    /// wait for: it sends while it has its turn, and gives way while there is no room.
    pub(crate) async fn flush(&mut self, outlet: &Outlet) -> io::Result<()> {
        match self {
            Self::Events(events) if events.has_turn() => Box::pin(flush_in_turns(events, outlet)).await,
            _ => outlet.flush().await,
        }
    }

    /// What [`Live::next`] gave is sent as far as it can be: others who are behind have their turn.
    pub(crate) fn give_way(&mut self) {
        if let Self::Events(events) = self {
            events.give_way();
        }
    }

    /// From now on, what comes while [`Live::next`] waits may go to `outlet` at once.
    pub(crate) fn attach(&mut self, outlet: &Arc<Outlet>) {
        if let Self::Events(events) = self {
            events.attach(Arc::clone(outlet) as _);
        }
    }
}

async fn flush_in_turns(events: &mut EventStream, outlet: &Outlet) -> io::Result<()> {
    while !outlet.try_flush()? {
        events.give_way();
        outlet.writable().await?;
        events.wait_for_turn().await;
    }
    events.give_way();
    Ok(())
}

/// In the extensions of an answer: its stream, for the connection that wants to send it itself. Once it is taken, the body of
/// the answer is empty.
#[derive(Clone)]
pub(crate) struct Handover(Arc<Mutex<Option<Live>>>);

impl Handover {
    pub(crate) fn take(&self) -> Option<Live> {
        self.0.lock().take()
    }

    fn into_body(self) -> impl Stream<Item = Result<Bytes, Infallible>> + Send {
        unfold((self, None), async |(handover, mut live)| {
            if live.is_none() {
                live = handover.take();
            }
            let from = live.as_mut()?;
            let piece = from.next().await?;
            from.give_way();
            Some((Ok(piece.into_bytes()), (handover, live)))
        })
    }
}

impl IntoResponse for Live {
    /// Says what kind of answer a stream is, and that nobody may keep or hold it back.
    fn into_response(self) -> Response {
        let handover = Handover(Arc::new(Mutex::new(Some(self))));
        let mut response = Body::from_stream(handover.clone().into_body()).into_response();
        response.extensions_mut().insert(handover);
        let headers = response.headers_mut();
        headers.insert(header::CONTENT_TYPE, HeaderValue::from_static("text/event-stream"));
        headers.insert(header::CACHE_CONTROL, HeaderValue::from_static("no-store"));
        headers.insert(
            HeaderName::from_static("x-accel-buffering"),
            HeaderValue::from_static("no"),
        );
        response
    }
}
