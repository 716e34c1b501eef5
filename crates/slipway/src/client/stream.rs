//! A stream of server-sent events that connects again by itself and goes on where it was.

use std::collections::VecDeque;
use std::time::{Duration, Instant};

use reqwest::Method;
use reqwest::header::CONTENT_TYPE;

use super::sse::{Block, Parser};
use super::{Client, Query, Refusal};

/// Three times what the gateway promises: a sign of life every 15 seconds.
const SILENCE: Duration = Duration::from_secs(45);
/// A gateway answers a stream at once, and with a first line.
const FIRST_LINE: Duration = Duration::from_secs(10);
/// One stream that does not come through may be a bad moment.
const BLOCKED_MAX: u32 = 2;
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
    /// Something on the way holds the stream back, cuts it, or answers in place of the gateway. It is tried again.
    Blocked(String),
}

#[derive(Debug)]
pub(crate) struct Stream<'a> {
    client: &'a Client,
    parts: Vec<String>,
    query: Query,
    last_id: Option<String>,
    open: Option<Open>,
    ready: VecDeque<Block>,
    was_tried: bool,
    /// Attempts in a row that brought nothing.
    failures: u32,
    /// Streams in a row that did not come through.
    blocked: u32,
    /// Whether a gateway is known to be there, so that one that does not answer is waited for.
    is_known: bool,
    pause: Option<Duration>,
}

/// An answer that goes on.
#[derive(Debug)]
struct Open {
    response: reqwest::Response,
    parser: Parser,
    since: Instant,
    is_begun: bool,
}

impl Open {
    fn new(response: reqwest::Response) -> Self {
        Self {
            response,
            parser: Parser::default(),
            since: Instant::now(),
            is_begun: false,
        }
    }

    /// How long it may be silent.
    fn patience(&self) -> Duration {
        if self.is_begun { SILENCE } else { FIRST_LINE }
    }
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
            blocked: 0,
            is_known,
            pause: None,
        }
    }

    /// Where it would go on.
    pub(crate) fn last_id(&self) -> Option<&str> {
        self.last_id.as_deref()
    }

    /// Whether streams do not come through here: what they tell has to be asked for otherwise.
    pub(crate) fn is_held_back(&self) -> bool {
        self.blocked >= BLOCKED_MAX
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
            let Some(open) = &mut self.open else {
                match self.connect().await? {
                    Some(signal) => return Ok(signal),
                    None => continue,
                }
            };
            let lost = match tokio::time::timeout(open.patience(), open.response.chunk()).await {
                Err(_) => return Ok(self.blocked("nothing comes through the open stream")),
                Ok(Ok(Some(bytes))) => match open.parser.push(&bytes) {
                    Some(blocks) => {
                        open.is_begun = true;
                        self.failures = 0;
                        // What lets a beginning through may still hold back what follows.
                        if open.since.elapsed() > FIRST_LINE {
                            self.blocked = 0;
                        }
                        self.ready.extend(blocks);
                        continue;
                    }
                    None => return Ok(self.blocked("what comes is no stream")),
                },
                Ok(Ok(None)) if !open.is_begun => return Ok(self.blocked("the stream ended before it began")),
                Ok(Ok(None)) => "the gateway ended the stream".to_owned(),
                Ok(Err(error)) => Refusal::unreachable(self.client.connection(), &error)
                    .sentence()
                    .to_owned(),
            };
            self.open = None;
            return Ok(Signal::Lost(lost));
        }
    }

    fn blocked(&mut self, why: &str) -> Signal {
        self.open = None;
        self.blocked = self.blocked.saturating_add(1);
        Signal::Blocked(why.to_owned())
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
        match self.client.open(request, FIRST_LINE).await {
            Ok(response) if is_stream(&response) => {
                self.open = Some(Open::new(response));
                self.is_known = true;
                Ok(Some(Signal::Joined))
            }
            Ok(_) => Ok(Some(self.blocked("what answers is no stream"))),
            Err(refusal) if refusal.is_of_another() => {
                self.pause = refusal.pause();
                Ok(Some(self.blocked(refusal.sentence())))
            }
            Err(refusal) if self.is_known && refusal.is_passing() => {
                self.pause = refusal.pause();
                Ok(Some(Signal::Lost(refusal.sentence().to_owned())))
            }
            Err(refusal) => Err(refusal),
        }
    }
}

fn is_stream(response: &reqwest::Response) -> bool {
    let kind = response.headers().get(CONTENT_TYPE);
    kind.and_then(|kind| kind.to_str().ok())
        .is_some_and(|kind| kind.starts_with("text/event-stream"))
}

/// Grows with each attempt in vain, and differs between clients that were cut off together.
fn pause(failures: u32) -> Duration {
    let longest = FIRST_PAUSE.saturating_mul(1 << failures.min(6)).min(LONGEST_PAUSE);
    longest.mul_f64(rand::random_range(0.5..=1.0))
}
