//! A stream of server-sent events that connects again by itself and goes on where it was.

use std::collections::VecDeque;
use std::time::Duration;

use reqwest::Method;

use super::sse::{Block, Parser};
use super::{Client, Query, Refusal};

/// Three times what the gateway promises: a sign of life every 15 seconds.
const SILENCE: Duration = Duration::from_secs(45);
const FIRST_PAUSE: Duration = Duration::from_millis(500);
const LONGEST_PAUSE: Duration = Duration::from_secs(15);

/// What a stream tells.
#[derive(Debug)]
pub(crate) enum Signal {
    /// Connected: what is read from now on shows at least what the stream told before.
    Joined,
    /// Something came.
    Block(Block),
    /// The connection is gone, for a reason in words. It is tried again.
    Lost(String),
    /// Connected, but nothing came for longer than a stream is ever silent: something on the way holds it back.
    Silent,
}

#[derive(Debug)]
pub(crate) struct Stream<'a> {
    client: &'a Client,
    parts: Vec<String>,
    query: Query,
    last_id: Option<String>,
    open: Option<(reqwest::Response, Parser)>,
    ready: VecDeque<Block>,
    was_tried: bool,
    /// Attempts in a row that brought nothing.
    failures: u32,
    /// Whether a gateway is known to be there, so that one that does not answer is waited for.
    is_known: bool,
    pause: Option<Duration>,
}

impl<'a> Stream<'a> {
    /// The stream at this path, from behind `last_id`. A gateway that `is_known` to be there is waited for from the first
    /// attempt on.
    pub(crate) fn new(
        client: &'a Client,
        parts: &[&str],
        query: Query,
        last_id: Option<String>,
        is_known: bool,
    ) -> Self {
        Self {
            client,
            parts: parts.iter().map(|&part| part.to_owned()).collect(),
            query,
            last_id,
            open: None,
            ready: VecDeque::new(),
            was_tried: false,
            failures: 0,
            is_known,
            pause: None,
        }
    }

    /// Where it would go on.
    pub(crate) fn last_id(&self) -> Option<&str> {
        self.last_id.as_deref()
    }

    /// What comes next. To be polled to its end: a pause before the next attempt would begin anew.
    ///
    /// # Errors
    /// What a person has to mend (the token, the address), and any failure of the first attempt.
    pub(crate) async fn next(&mut self) -> Result<Signal, Refusal> {
        loop {
            if let Some(block) = self.ready.pop_front() {
                // Only now: who is cut off between two blocks of one chunk resumes behind the one that was handed out.
                if let Some(id) = &block.id {
                    self.last_id = Some(id.clone());
                }
                if let Some(retry) = block.retry {
                    self.pause = Some(Duration::from_millis(retry));
                }
                return Ok(Signal::Block(block));
            }
            let Some((response, parser)) = &mut self.open else {
                match self.connect().await? {
                    Some(signal) => return Ok(signal),
                    None => continue,
                }
            };
            let lost = match tokio::time::timeout(SILENCE, response.chunk()).await {
                Err(_) => {
                    self.open = None;
                    return Ok(Signal::Silent);
                }
                Ok(Ok(Some(bytes))) => match parser.push(&bytes) {
                    Some(blocks) => {
                        self.failures = 0;
                        self.ready.extend(blocks);
                        continue;
                    }
                    None => "it sends what is no stream".to_owned(),
                },
                Ok(Ok(None)) => "the gateway ended the stream".to_owned(),
                Ok(Err(error)) => Refusal::unreachable(self.client.connection(), &error)
                    .sentence()
                    .to_owned(),
            };
            self.open = None;
            return Ok(Signal::Lost(lost));
        }
    }

    async fn connect(&mut self) -> Result<Option<Signal>, Refusal> {
        if self.was_tried {
            tokio::time::sleep(self.pause.take().unwrap_or_else(|| pause(self.failures))).await;
        }
        let parts: Vec<&str> = self.parts.iter().map(String::as_str).collect();
        let mut request = self.client.request(Method::GET, &parts, &self.query);
        request = request.header("accept", "text/event-stream");
        if let Some(id) = &self.last_id {
            request = request.header("last-event-id", id);
        }
        self.was_tried = true;
        self.failures = self.failures.saturating_add(1);
        match self.client.open(request).await {
            Ok(response) => {
                self.open = Some((response, Parser::default()));
                self.is_known = true;
                Ok(Some(Signal::Joined))
            }
            Err(refusal) if self.is_known && refusal.is_passing() => {
                self.pause = refusal.pause();
                Ok(Some(Signal::Lost(refusal.sentence().to_owned())))
            }
            Err(refusal) => Err(refusal),
        }
    }
}

/// Grows with each attempt in vain, and differs between clients that were cut off together.
fn pause(failures: u32) -> Duration {
    let longest = FIRST_PAUSE.saturating_mul(1 << failures.min(6)).min(LONGEST_PAUSE);
    longest.mul_f64(rand::random_range(0.5..=1.0))
}
