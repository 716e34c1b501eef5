//! A stream over HTTP/1.1, from its head to the last chunk: nothing is kept for it but the socket and what it waits for.

use std::io;
use std::sync::Arc;

use bytes::Bytes;
use http::Response;
use slipway_core::{Clock, SystemClock};
use time::format_description::BorrowedFormatItem;
use time::macros::format_description;
use tokio::net::TcpStream;

use crate::sse::{Live, Outlet};

/// <https://www.rfc-editor.org/rfc/rfc9110#section-5.6.7>
const HTTP_DATE: &[BorrowedFormatItem<'_>] =
    format_description!("[weekday repr:short], [day] [month repr:short] [year] [hour]:[minute]:[second] GMT");

/// Sends all that comes until the stream or the connection ends.
pub(super) async fn send(socket: TcpStream, head: Bytes, mut live: Live) -> io::Result<()> {
    let outlet = Arc::new(Outlet::new(socket));
    outlet.send(&[head]).await?;
    live.attach(&outlet);
    loop {
        live.flush(&outlet).await?;
        let piece = tokio::select! {
            piece = live.next() => piece,
            error = outlet.attend() => return Err(error),
        };
        let Some(piece) = piece else {
            return outlet.send_end().await;
        };
        let chunks = piece.into_chunks();
        while !outlet.offer(&chunks)? {
            live.flush(&outlet).await?;
        }
    }
}

/// The head of an answer as it is sent. The connection ends with the stream: whether the client has sent another request
/// meanwhile is not known.
pub(super) fn write_head<B>(response: &Response<B>) -> Bytes {
    let mut text = format!("HTTP/1.1 {}\r\n", response.status()).into_bytes();
    for (name, value) in response.headers() {
        text.extend_from_slice(name.as_str().as_bytes());
        text.extend_from_slice(b": ");
        text.extend_from_slice(value.as_bytes());
        text.extend_from_slice(b"\r\n");
    }
    let date = SystemClock.now().format(HTTP_DATE).unwrap_or_default();
    text.extend_from_slice(
        format!("transfer-encoding: chunked\r\nconnection: close\r\ndate: {date}\r\n\r\n").as_bytes(),
    );
    text.into()
}
