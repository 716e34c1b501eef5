//! The log of a deployment, followed live: over its stream, and as text where something on the way holds streams back.

use std::collections::VecDeque;
use std::time::{Duration, Instant};

use slipway_api::{DeploymentView, LogCursor, LogEventView};
use uuid::Uuid;

use super::answer::{Answer, read};
use super::{Client, Query, Refusal, Signal, Stream};
use crate::failure::{Failure, code};

/// The position of a text's last line.
const LOG_CURSOR: &str = "x-log-cursor";
/// Between two looks at a text that may grow.
const LOOK_EVERY: Duration = Duration::from_secs(2);
/// How long the final text of a deployment that has ended is waited for.
const PATIENCE: Duration = Duration::from_secs(120);

/// What a follower of a log is told.
#[derive(Debug)]
pub(crate) enum LogHappening {
    Joined,
    /// A line, a reset or the end, and as it is written as JSON.
    Event(LogEventView, String),
    /// Not connected at present, for a reason in words.
    Lost(String),
    /// From now on asked for as text.
    AsText,
}

#[derive(Debug)]
pub(crate) struct Logs<'a> {
    client: &'a Client,
    deployment: Uuid,
    source: Source<'a>,
}

#[derive(Debug)]
enum Source<'a> {
    Stream(Box<Stream<'a>>),
    Twin(Twin),
}

impl<'a> Logs<'a> {
    /// Follows from behind a position, else from the first line.
    pub(crate) fn follow(client: &'a Client, deployment: Uuid, from: Option<LogCursor>) -> Self {
        let id = deployment.to_string();
        let (parts, is_known) = (["deployments", &id, "logs", "stream"], from.is_some());
        let from = from.map(|from| from.to_string());
        let stream = Stream::new(client, &parts, Query::new(), from, is_known);
        Self {
            client,
            deployment,
            source: Source::Stream(Box::new(stream)),
        }
    }

    /// What comes next. After the end nothing does.
    pub(crate) async fn next(&mut self) -> Result<LogHappening, Failure> {
        loop {
            let stream = match &mut self.source {
                Source::Stream(stream) => stream,
                Source::Twin(twin) => return twin.next(self.client, self.deployment).await,
            };
            let block = match stream.next().await? {
                Signal::Block(block) => block,
                Signal::Joined => return Ok(LogHappening::Joined),
                Signal::Lost(why) => return Ok(LogHappening::Lost(why)),
                Signal::Blocked(why) => {
                    if !stream.is_held_back() {
                        return Ok(LogHappening::Lost(why));
                    }
                    let mut twin = Twin::new(stream.last_id().and_then(|id| id.parse().ok()));
                    // With the gateway away, what stands before it answers in its place: that passes.
                    match twin.look(self.client, self.deployment).await {
                        Ok(()) => self.source = Source::Twin(twin),
                        Err(refusal) if refusal.is_passing() => return Ok(LogHappening::Lost(why)),
                        Err(refusal) => return Err(refusal.into()),
                    }
                    return Ok(LogHappening::AsText);
                }
            };
            let Some(data) = block.data else { continue };
            let event: LogEventView = read(&data)?;
            match event.r#type.as_str() {
                "line" | "reset" | "end" => return Ok(LogHappening::Event(event, data)),
                "auth_expired" if event.reason.as_deref() != Some("changed") => {
                    return Err(Failure::with_code(
                        code::UNAVAILABLE,
                        "the gateway ended the stream, because the token is not valid any more",
                    ));
                }
                // Heartbeats, and what later releases may add.
                _ => {}
            }
        }
    }
}

/// Asks for the text again and again.
#[derive(Debug)]
struct Twin {
    /// The last line that was read.
    position: Option<LogCursor>,
    ready: VecDeque<LogEventView>,
    /// Since when the deployment is over and nothing more comes.
    quiet_since: Option<Instant>,
    is_lost: bool,
}

impl Twin {
    fn new(position: Option<LogCursor>) -> Self {
        Self {
            position,
            ready: VecDeque::new(),
            quiet_since: None,
            is_lost: false,
        }
    }

    async fn next(&mut self, client: &Client, deployment: Uuid) -> Result<LogHappening, Failure> {
        loop {
            if let Some(event) = self.ready.pop_front() {
                let text = serde_json::to_string(&event);
                let text = text.map_err(|error| Failure::new(format!("a line cannot be written: {error}")))?;
                return Ok(LogHappening::Event(event, text));
            }
            tokio::time::sleep(LOOK_EVERY).await;
            match self.look(client, deployment).await {
                Ok(()) if std::mem::take(&mut self.is_lost) => return Ok(LogHappening::Joined),
                Ok(()) => {}
                Err(refusal) if refusal.is_passing() => {
                    self.is_lost = true;
                    return Ok(LogHappening::Lost(refusal.sentence().to_owned()));
                }
                Err(refusal) => return Err(refusal.into()),
            }
        }
    }

    /// Reads what is new. The deployment is read before its text, so that a text that was complete then is whole.
    async fn look(&mut self, client: &Client, deployment: Uuid) -> Result<(), Refusal> {
        let id = deployment.to_string();
        let state = client.get(&["deployments", &id], &[]).await?;
        let state: Option<DeploymentView> = state.json().ok();
        let after = self.position.map_or(0, |position| position.line);
        let text = match client.get(&["deployments", &id, "logs"], &after_line(after)).await {
            Err(refusal) if refusal.is_log_not_found() => {
                self.ready.push_back(control("end", self.position, "missing"));
                return Ok(());
            }
            text => text?,
        };
        let text = match (self.position, cursor(&text)) {
            (Some(known), Some(now)) if known.epoch != now.epoch || known.line > now.line => {
                let beginning = LogCursor { line: 0, ..now };
                self.position = Some(beginning);
                self.ready.push_back(control("reset", Some(beginning), "replaced"));
                client.get(&["deployments", &id, "logs"], &after_line(0)).await?
            }
            _ => text,
        };
        let lines = lines(&text);
        self.position = cursor(&text).or(self.position);
        let is_quiet = lines.is_empty() && state.as_ref().is_some_and(|state| state.is_finished);
        self.ready.extend(lines);
        if state.is_some_and(|state| state.logs.complete) {
            self.ready.push_back(control("end", self.position, "complete"));
        } else if !is_quiet {
            self.quiet_since = None;
        } else if self.quiet_since.get_or_insert_with(Instant::now).elapsed() > PATIENCE {
            self.ready.push_back(control("end", self.position, "incomplete"));
        }
        Ok(())
    }
}

fn after_line(line: i64) -> Query {
    vec![("after_line", line.to_string())]
}

/// Where a text ends.
pub(crate) fn cursor(text: &Answer) -> Option<LogCursor> {
    text.header(LOG_CURSOR)?.parse().ok()
}

/// The lines of a text in the shape in which the stream tells them.
pub(crate) fn lines(text: &Answer) -> Vec<LogEventView> {
    let lines: Vec<&str> = text.text.lines().collect();
    let count = i64::try_from(lines.len()).unwrap_or(i64::MAX);
    let last = cursor(text).unwrap_or(LogCursor { epoch: 0, line: count });
    let numbered = lines.into_iter().zip((last.line - count).max(0) + 1..);
    let event = |(text, line): (&str, i64)| LogEventView {
        id: Some(LogCursor { line, ..last }.to_string()),
        r#type: "line".to_owned(),
        line: Some(line),
        text: Some(text.to_owned()),
        cursor: None,
        reason: None,
    };
    numbered.map(event).collect()
}

fn control(r#type: &str, cursor: Option<LogCursor>, reason: &str) -> LogEventView {
    LogEventView {
        id: None,
        r#type: r#type.to_owned(),
        line: None,
        text: None,
        cursor: cursor.map(|cursor| cursor.to_string()),
        reason: Some(reason.to_owned()),
    }
}
