//! The socket of a stream: written to by whoever has something for it, in whole pieces, without waiting.

use std::io::{self, ErrorKind, IoSlice};
use std::sync::Arc;

use bytes::{Buf, Bytes};
use parking_lot::Mutex;
use slipway_feed::{Frame, Sink};
use tokio::net::TcpStream;
use tokio::sync::Notify;

/// How many buffers one call hands to the kernel.
const SLICES: usize = 64;

/// The last chunk of a body.
const LAST_CHUNK: Bytes = Bytes::from_static(b"0\r\n\r\n");

/// An HTTP/1.1 body in chunks, on a socket.
#[derive(Debug)]
pub(crate) struct Outlet {
    socket: TcpStream,
    /// What the socket had no room for, in reverse order.
    rest: Mutex<Vec<Bytes>>,
    has_rest: Notify,
}

impl Outlet {
    pub(crate) fn new(socket: TcpStream) -> Self {
        Self {
            socket,
            rest: Mutex::default(),
            has_rest: Notify::new(),
        }
    }

    /// Ends the body.
    pub(crate) async fn send_end(&self) -> io::Result<()> {
        self.send(&[LAST_CHUNK]).await?;
        self.flush().await
    }

    /// Waits until what is before it is sent.
    pub(crate) async fn send(&self, pieces: &[Bytes]) -> io::Result<()> {
        while !self.offer(pieces)? {
            self.flush().await?;
        }
        Ok(())
    }

    /// Sends what is left over as there is room, and waits for the end of the connection, which it gives.
    pub(crate) async fn attend(&self) -> io::Error {
        loop {
            let step = tokio::select! {
                () = self.has_rest.notified() => self.flush().await,
                readable = self.socket.readable() => readable.and_then(|()| self.discard_input()),
            };
            if let Err(error) = step {
                return error;
            }
        }
    }

    /// Nothing is expected from the client any more, but its end.
    fn discard_input(&self) -> io::Result<()> {
        match self.socket.try_read(&mut [0; 512]) {
            Ok(0) => Err(ErrorKind::UnexpectedEof.into()),
            Ok(_) => Ok(()),
            Err(error) if error.kind() == ErrorKind::WouldBlock => Ok(()),
            Err(error) => Err(error),
        }
    }

    /// Waits until everything is sent.
    pub(crate) async fn flush(&self) -> io::Result<()> {
        while !self.try_flush()? {
            self.writable().await?;
        }
        Ok(())
    }

    /// Waits until there is room, as far as anybody knows.
    pub(crate) async fn writable(&self) -> io::Result<()> {
        self.socket.writable().await
    }

    /// Sends as much as there is room for. Whether that was everything.
    pub(crate) fn try_flush(&self) -> io::Result<bool> {
        let mut rest = self.rest.lock();
        while !rest.is_empty() {
            let slices: Vec<_> = rest
                .iter()
                .rev()
                .take(SLICES)
                .map(|piece| IoSlice::new(piece))
                .collect();
            match self.socket.try_write_vectored(&slices) {
                Ok(written) => advance(&mut rest, written),
                Err(error) if error.kind() == ErrorKind::WouldBlock => return Ok(false),
                Err(error) => return Err(error),
            }
        }
        *rest = Vec::new();
        Ok(true)
    }

    /// Takes all or, while something before it is not sent yet, nothing.
    pub(crate) fn offer(&self, pieces: &[Bytes]) -> io::Result<bool> {
        let mut rest = self.rest.lock();
        if !rest.is_empty() {
            return Ok(false);
        }
        let written = match pieces {
            [only] => self.socket.try_write(only),
            several => {
                let slices: Vec<_> = several.iter().take(SLICES).map(|piece| IoSlice::new(piece)).collect();
                self.socket.try_write_vectored(&slices)
            }
        };
        let written = match written {
            Ok(written) => written,
            Err(error) if error.kind() == ErrorKind::WouldBlock => 0,
            Err(error) => return Err(error),
        };
        if written < pieces.iter().map(Bytes::len).sum() {
            rest.extend(pieces.iter().rev().cloned());
            advance(&mut rest, written);
            drop(rest);
            self.has_rest.notify_one();
        }
        Ok(true)
    }
}

/// Forgets what is written.
fn advance(rest: &mut Vec<Bytes>, mut written: usize) {
    while let Some(first) = rest.last_mut() {
        if written < first.len() {
            first.advance(written);
            return;
        }
        written -= first.len();
        rest.pop();
    }
}

impl Sink for Outlet {
    fn take(&self, frames: &[Arc<Frame>]) -> bool {
        let taken = match frames {
            [only] => self.offer(std::slice::from_ref(only.http_chunk())),
            several => {
                let chunks: Vec<_> = several.iter().map(|frame| frame.http_chunk().clone()).collect();
                self.offer(&chunks)
            }
        };
        // A connection that is broken ends by itself: its end is waited for.
        taken.unwrap_or(true)
    }
}
