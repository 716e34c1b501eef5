//! The load generator: on each connection one request after the other, as fast as they are answered.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::time::{Duration, Instant};

use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpStream;

use crate::Result;

/// The first answers of a connection are not counted: the other side may still fill a cache or connect to something.
const WARM_UP: Duration = Duration::from_millis(500);

/// What is answered by who has too much to do, and after what one asks again, so many times.
const BUSY: &str = "503";
const PAUSE: Duration = Duration::from_millis(100);
const PATIENCE: usize = 100;

/// What is sent: the same on every connection, or in turns.
#[derive(Debug, Clone)]
pub(crate) struct Requests {
    heads: Arc<[Vec<u8>]>,
    status: &'static str,
}

impl Requests {
    /// GET requests for these paths, with more lines for the head. Every answer must have this status.
    pub(crate) fn get(paths: &[String], lines: &[String], status: &'static str) -> Self {
        let head = |path: &String| {
            let mut head = format!("GET {path} HTTP/1.1\r\nhost: bench\r\n");
            for line in lines {
                head.push_str(line);
                head.push_str("\r\n");
            }
            head.push_str("\r\n");
            head.into_bytes()
        };
        Self {
            heads: paths.iter().map(head).collect(),
            status,
        }
    }
}

/// How many requests a second are answered.
pub(crate) async fn rate(address: &str, requests: &Requests, connections: usize, duration: Duration) -> Result<f64> {
    let (is_counting, is_over) = (Arc::new(AtomicBool::new(false)), Arc::new(AtomicBool::new(false)));
    let answered = Arc::new(AtomicU64::new(0));
    let mut tasks = tokio::task::JoinSet::new();
    for number in 0..connections {
        let (requests, answered) = (requests.clone(), Arc::clone(&answered));
        let (is_counting, is_over) = (Arc::clone(&is_counting), Arc::clone(&is_over));
        let mut connection = Connection::open(address).await?;
        tasks.spawn(async move {
            let mut next = number;
            while !is_over.load(Ordering::Relaxed) {
                let head = &requests.heads[next % requests.heads.len()];
                next += 1;
                connection.ask(head, requests.status).await?;
                if is_counting.load(Ordering::Relaxed) {
                    answered.fetch_add(1, Ordering::Relaxed);
                }
            }
            Result::<()>::Ok(())
        });
    }
    tokio::time::sleep(duration.min(WARM_UP)).await;
    is_counting.store(true, Ordering::Relaxed);
    let began = Instant::now();
    tokio::time::sleep(duration).await;
    is_counting.store(false, Ordering::Relaxed);
    let (count, took) = (answered.load(Ordering::Relaxed), began.elapsed());
    is_over.store(true, Ordering::Relaxed);
    while let Some(ended) = tasks.join_next().await {
        ended??;
    }
    let count = u32::try_from(count)?;
    Ok(f64::from(count) / took.as_secs_f64())
}

/// One request on a connection of its own: the head of the answer and its body.
pub(crate) async fn ask(address: &str, request: &Requests) -> Result<(String, Vec<u8>)> {
    let mut connection = Connection::open(address).await?;
    let length = connection.ask(&request.heads[0], request.status).await?;
    let head = connection.buffer.len() - length;
    Ok((
        String::from_utf8(connection.buffer[..head].to_vec())?,
        connection.buffer[head..].to_vec(),
    ))
}

/// A connection that is kept open. Knows as much of HTTP as the answers here need: a length in the head, and no body with 304.
struct Connection {
    stream: TcpStream,
    buffer: Vec<u8>,
}

impl Connection {
    async fn open(address: &str) -> Result<Self> {
        let stream = TcpStream::connect(address).await?;
        stream.set_nodelay(true)?;
        Ok(Self {
            stream,
            buffer: Vec::with_capacity(256 * 1024),
        })
    }

    /// Sends a request and reads the whole answer, which stays in the buffer. Tells how long its body is. Where the other side
    /// is too busy, asks again after a while, which its rate shows.
    async fn ask(&mut self, request: &[u8], status: &str) -> Result<usize> {
        for _ in 0..PATIENCE {
            let (found, length) = self.ask_once(request).await?;
            if found == status {
                return Ok(length);
            }
            if found != BUSY {
                return Err(format!("{status} was expected, and the answer is {found}").into());
            }
            tokio::time::sleep(PAUSE).await;
        }
        Err("the other side is too busy to answer".into())
    }

    /// The status of the answer and how long its body is.
    async fn ask_once(&mut self, request: &[u8]) -> Result<(String, usize)> {
        self.stream.write_all(request).await?;
        self.buffer.clear();
        let head_end = loop {
            if self.stream.read_buf(&mut self.buffer).await? == 0 {
                return Err("the connection was closed instead of an answer".into());
            }
            if let Some(at) = find(&self.buffer, b"\r\n\r\n") {
                break at + 4;
            }
        };
        let head = std::str::from_utf8(&self.buffer[..head_end])?;
        let status = head.split(' ').nth(1).unwrap_or_default().to_owned();
        let length = match head_value(head, "content-length") {
            Some(length) if status != "304" => length.parse()?,
            _ => 0,
        };
        while self.buffer.len() < head_end + length {
            if self.stream.read_buf(&mut self.buffer).await? == 0 {
                return Err("the connection was closed in the middle of an answer".into());
            }
        }
        Ok((status, length))
    }
}

/// The value of a line of a head.
pub(crate) fn head_value<'a>(head: &'a str, name: &str) -> Option<&'a str> {
    head.split("\r\n").find_map(|line| {
        let (key, value) = line.split_once(':')?;
        key.eq_ignore_ascii_case(name).then(|| value.trim())
    })
}

fn find(haystack: &[u8], needle: &[u8]) -> Option<usize> {
    haystack.windows(needle.len()).position(|window| window == needle)
}
