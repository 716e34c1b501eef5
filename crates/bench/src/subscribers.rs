//! Subscribers by the thousand: one thread that waits for all sockets at once, looks for the numbers of events in what comes
//! and notes when. It does little, because it runs on the machine that is measured.

use std::io::{ErrorKind, Read, Write};
use std::time::{Duration, Instant};

use memchr::memmem::Finder;
use mio::net::TcpStream;
use mio::{Events, Interest, Poll, Token};

use crate::Result;
use crate::writer::now_us;

/// How many connections are opened before their answers are waited for.
const AT_ONCE: usize = 256;
/// How long all of them may take to be let in.
const PATIENCE: Duration = Duration::from_secs(60);
/// How an event's data begins, in every contender's stream.
const MARK: &[u8] = b"data: {\"id\":\"";

/// What has arrived.
#[derive(Debug, Default)]
pub(crate) struct Arrived {
    /// Events, at all subscribers together.
    pub(crate) events: usize,
    /// Numbers that did not grow by one where they should.
    pub(crate) out_of_order: usize,
    /// Each event's number and when it came, in microseconds of the machine's clock. Emptied by whoever takes it.
    pub(crate) times: Vec<(i64, i64)>,
    /// Bytes of all kinds.
    pub(crate) bytes: usize,
    /// The last event as it came.
    pub(crate) last_block: Vec<u8>,
    connected: usize,
    closed: usize,
    refused: Option<String>,
}

/// Open streams.
#[derive(Debug)]
pub(crate) struct Subscribers {
    poll: Poll,
    events: Events,
    connections: Vec<Connection>,
    buffer: Vec<u8>,
    pub(crate) arrived: Arrived,
    /// Whether each subscriber gets every event: a number that is left out then counts as out of order.
    pub(crate) is_gapless: bool,
    /// Whether times are noted.
    pub(crate) is_timed: bool,
    mark: Finder<'static>,
    end: Finder<'static>,
}

#[derive(Debug)]
struct Connection {
    stream: TcpStream,
    has_head: bool,
    last_seq: Option<i64>,
    /// The beginning of a block whose end has not come yet.
    rest: Vec<u8>,
}

impl Subscribers {
    pub(crate) fn new() -> Result<Self> {
        Ok(Self {
            poll: Poll::new()?,
            events: Events::with_capacity(1024),
            connections: Vec::new(),
            buffer: vec![0; 256 * 1024],
            arrived: Arrived::default(),
            is_gapless: true,
            is_timed: true,
            mark: Finder::new(MARK),
            end: Finder::new(b"\n\n"),
        })
    }

    /// How many there are.
    pub(crate) fn count(&self) -> usize {
        self.connections.len()
    }

    /// Opens so many more streams; `path` names what the one with a number asks for. Waits until all are let in.
    pub(crate) fn connect(
        &mut self,
        address: &str,
        count: usize,
        lines: &[String],
        path: impl Fn(usize) -> String,
    ) -> Result<()> {
        let lines: String = lines.iter().map(|line| format!("{line}\r\n")).collect();
        for number in 0..count {
            let mut stream = std::net::TcpStream::connect(address)?;
            let path = path(number);
            stream.write_all(
                format!("GET {path} HTTP/1.1\r\nhost: bench\r\naccept: text/event-stream\r\n{lines}\r\n").as_bytes(),
            )?;
            stream.set_nonblocking(true)?;
            let mut stream = TcpStream::from_std(stream);
            let token = Token(self.connections.len());
            self.poll.registry().register(&mut stream, token, Interest::READABLE)?;
            self.connections.push(Connection {
                stream,
                has_head: false,
                last_seq: None,
                rest: Vec::new(),
            });
            let wanted = self.connections.len();
            if (wanted.is_multiple_of(AT_ONCE) || number + 1 == count)
                && !self.wait(PATIENCE, |arrived| arrived.connected == wanted)?
            {
                return Err(format!("{} of {wanted} subscribers were let in", self.arrived.connected).into());
            }
        }
        Ok(())
    }

    /// Takes what comes until that is enough. False when it did not come in time.
    pub(crate) fn wait(&mut self, patience: Duration, is_enough: impl Fn(&Arrived) -> bool) -> Result<bool> {
        let deadline = Instant::now() + patience;
        while !is_enough(&self.arrived) {
            let left = deadline.saturating_duration_since(Instant::now());
            if left.is_zero() {
                return Ok(false);
            }
            match self.poll.poll(&mut self.events, Some(left)) {
                Err(error) if error.kind() == ErrorKind::Interrupted => {}
                other => other?,
            }
            let tokens: Vec<Token> = self.events.iter().map(mio::event::Event::token).collect();
            for token in tokens {
                self.read(token.0)?;
            }
            if let Some(refused) = self.arrived.refused.take() {
                return Err(format!("a subscriber was refused: {refused}").into());
            }
            if self.arrived.closed > 0 {
                return Err("a stream was closed by the other side".into());
            }
        }
        Ok(true)
    }

    /// Takes what comes for so long.
    pub(crate) fn listen(&mut self, duration: Duration) -> Result<()> {
        self.wait(duration, |_| false).map(drop)
    }

    fn read(&mut self, number: usize) -> Result<()> {
        let connection = &mut self.connections[number];
        loop {
            match connection.stream.read(&mut self.buffer) {
                Ok(0) => {
                    self.arrived.closed += 1;
                    return Ok(());
                }
                Ok(length) => {
                    self.arrived.bytes += length;
                    let bytes = &self.buffer[..length];
                    let (arrived, finders) = (&mut self.arrived, (&self.mark, &self.end));
                    connection.take(bytes, arrived, finders, self.is_gapless, self.is_timed);
                    // What is left would have been read too; a new piece wakes us again.
                    if length < self.buffer.len() {
                        return Ok(());
                    }
                }
                Err(error) if error.kind() == ErrorKind::WouldBlock => return Ok(()),
                Err(error) if error.kind() == ErrorKind::Interrupted => {}
                Err(error) => return Err(error.into()),
            }
        }
    }
}

impl Connection {
    fn take(
        &mut self,
        bytes: &[u8],
        arrived: &mut Arrived,
        (mark, end): (&Finder<'_>, &Finder<'_>),
        is_gapless: bool,
        is_timed: bool,
    ) {
        let joined;
        let mut left = if self.rest.is_empty() {
            bytes
        } else {
            self.rest.extend_from_slice(bytes);
            joined = std::mem::take(&mut self.rest);
            &joined
        };
        if !self.has_head {
            match memchr::memmem::find(left, b"\r\n\r\n") {
                None => {
                    self.rest = left.to_vec();
                    return;
                }
                Some(at) => {
                    let head = String::from_utf8_lossy(&left[..at]);
                    if head.split(' ').nth(1) != Some("200") {
                        arrived.refused = Some(head.into_owned());
                    }
                    left = &left[at + 4..];
                    self.has_head = true;
                    arrived.connected += 1;
                }
            }
        }
        let now = if is_timed { now_us() } else { 0 };
        while let Some(at) = end.find(left) {
            let block = &left[..at];
            left = &left[at + 2..];
            let Some(seq) = mark.find(block).and_then(|at| number(&block[at + MARK.len()..])) else {
                continue;
            };
            arrived.events += 1;
            if self
                .last_seq
                .is_some_and(|last| seq <= last || (is_gapless && seq != last + 1))
            {
                arrived.out_of_order += 1;
            }
            self.last_seq = Some(seq);
            if is_timed {
                arrived.times.push((seq, now));
            }
            if arrived.last_block.is_empty() {
                arrived.last_block = block.to_vec();
            }
        }
        // The end of a chunk is not worth keeping.
        if left != b"\r\n" {
            self.rest.extend_from_slice(left);
        }
    }
}

/// The number in an id such as `1f0c9a-12`.
fn number(id: &[u8]) -> Option<i64> {
    let end = id.iter().position(|byte| *byte == b'"')?;
    let digits = id[..end].iter().rposition(|byte| *byte == b'-')? + 1;
    std::str::from_utf8(&id[digits..end]).ok()?.parse().ok()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_number_is_what_follows_the_last_dash() {
        assert_eq!(number(b"1f0c9a-12\",\"type\""), Some(12));
        assert_eq!(number(b"1f0c9a"), None);
    }
}
