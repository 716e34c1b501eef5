//! The event log, followed live: over the stream, and as JSON where something on the way holds streams back.

use std::collections::VecDeque;
use std::time::Duration;

use serde::Deserialize;
use serde_json::value::RawValue;
use slipway_api::EventView;

use super::answer::read;
use super::{Client, Query, Refusal, Signal, Stream};
use crate::failure::{Failure, code};

const PARTS: [&str; 2] = ["events", "stream"];
/// As long as the gateway lets one wait.
const WAIT: &str = "25";
const PAUSE: Duration = Duration::from_secs(2);

/// What a follower of the log is told.
#[derive(Debug)]
pub(crate) enum Happening {
    /// Connected. What is read from now on is not older than what was told before.
    Joined,
    /// An event, as the gateway wrote it.
    Event(String),
    /// The position could not be resumed from: what is known must be read again. As the gateway wrote it, where it did.
    Reset(Option<String>),
    /// Not connected at present, for a reason in words.
    Lost(String),
    /// From now on asked for as JSON.
    AsJson,
}

/// The twin's page, with events as they came.
#[derive(Deserialize)]
struct Page {
    items: Vec<Box<RawValue>>,
    next_cursor: String,
}

#[derive(Debug)]
pub(crate) struct Events<'a> {
    client: &'a Client,
    query: Query,
    source: Source<'a>,
}

#[derive(Debug)]
enum Source<'a> {
    Stream(Box<Stream<'a>>),
    Twin(Twin),
}

#[derive(Debug)]
struct Twin {
    after: String,
    ready: VecDeque<(String, Option<String>)>,
    is_lost: bool,
}

impl<'a> Events<'a> {
    /// Follows from behind `after`; without it, from now. Asks once at the start, so that what is wrong with address or token
    /// is told at once, and so that the position is known whatever comes.
    pub(crate) async fn follow(client: &'a Client, query: Query, after: Option<String>) -> Result<Self, Failure> {
        let now = position(client).await?;
        let stream = Stream::new(client, &PARTS, query.clone(), Some(after.unwrap_or(now)), true);
        Ok(Self {
            client,
            query,
            source: Source::Stream(Box::new(stream)),
        })
    }

    pub(crate) async fn next(&mut self) -> Result<Happening, Failure> {
        loop {
            let stream = match &mut self.source {
                Source::Stream(stream) => stream,
                Source::Twin(twin) => return twin.next(self.client, &self.query).await,
            };
            match stream.next().await? {
                Signal::Joined => return Ok(Happening::Joined),
                Signal::Lost(why) => return Ok(Happening::Lost(why)),
                Signal::Blocked(why) => {
                    // With the gateway away, what stands before it answers in its place: that passes.
                    if !stream.is_held_back() || !is_there(self.client).await? {
                        return Ok(Happening::Lost(why));
                    }
                    let after = stream.last_id().unwrap_or_default().to_owned();
                    self.source = Source::Twin(Twin {
                        after,
                        ready: VecDeque::new(),
                        is_lost: false,
                    });
                    return Ok(Happening::AsJson);
                }
                Signal::Block(block) => {
                    match (block.event.as_deref(), block.data) {
                        (Some("reset"), data) => return Ok(Happening::Reset(data)),
                        (Some("auth_expired"), Some(data)) => {
                            if let Some(failure) = ended(&data) {
                                return Err(failure);
                            }
                        }
                        (_, Some(data)) if block.id.is_some() => return Ok(Happening::Event(data)),
                        // Heartbeats, and blocks that only move the position.
                        _ => {}
                    }
                }
            }
        }
    }
}

/// Why a stream was ended for good; none where another connection is served.
fn ended(data: &str) -> Option<Failure> {
    let event: EventView = read(data).ok()?;
    let reason = event.reason.unwrap_or_default();
    (reason != "changed").then(|| {
        Failure::with_code(
            code::UNAVAILABLE,
            format!("the gateway ended the stream, because the token is not valid any more ({reason})"),
        )
    })
}

/// Whether the gateway answers what is no stream.
pub(super) async fn is_there(client: &Client) -> Result<bool, Refusal> {
    let asked = client.get(&["events"], &[("limit", "1".to_owned())]).await;
    match asked {
        Ok(_) => Ok(true),
        Err(refusal) if refusal.is_passing() => Ok(false),
        Err(refusal) => Err(refusal),
    }
}

/// The log's present position.
async fn position(client: &Client) -> Result<String, Failure> {
    let page: Page = client.get(&["events"], &[("limit", "1".to_owned())]).await?.json()?;
    Ok(page.next_cursor)
}

impl Twin {
    async fn next(&mut self, client: &Client, query: &Query) -> Result<Happening, Failure> {
        loop {
            if let Some((event, next)) = self.ready.pop_front() {
                if let Some(next) = next {
                    self.after = next;
                }
                return Ok(Happening::Event(event));
            }
            let mut asked = query.clone();
            asked.extend([
                ("after", self.after.clone()),
                ("wait", WAIT.to_owned()),
                ("limit", "200".to_owned()),
            ]);
            match client.get(&["events"], &asked).await {
                Ok(answer) => {
                    let page: Page = answer.json()?;
                    let last = page.items.len();
                    let items = page.items.into_iter().enumerate().map(|(index, item)| {
                        let next = (index + 1 == last).then(|| page.next_cursor.clone());
                        (item.get().to_owned(), next)
                    });
                    self.ready.extend(items);
                    if last == 0 {
                        self.after = page.next_cursor;
                    }
                    if std::mem::take(&mut self.is_lost) {
                        return Ok(Happening::Joined);
                    }
                }
                Err(refusal) if refusal.is_cursor_gone() => {
                    self.after = position(client).await?;
                    return Ok(Happening::Reset(None));
                }
                Err(refusal) if refusal.is_passing() => {
                    tokio::time::sleep(refusal.pause().unwrap_or(PAUSE)).await;
                    self.is_lost = true;
                    return Ok(Happening::Lost(refusal.sentence().to_owned()));
                }
                Err(refusal) => return Err(refusal.into()),
            }
        }
    }
}
