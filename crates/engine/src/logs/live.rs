//! Stores the lines that a live stream brings, under the lease of who follows it.

use std::collections::{HashMap, HashSet};
use std::time::Duration;

use slipway_core::{ApplicationId, LogState};
use slipway_store::logs::{self, Chunk, LogHead};
use slipway_store::{Connection, StoreError, deployments, sync_targets};
use tokio::time::Instant;

use super::lines::LineMasker;
use super::replay::Replay;
use crate::context::Context;
use crate::ingest::{IngestError, Lease};

/// Lines are written together that come within this time: a reader does not see the difference, the database does.
const FLUSH_AFTER: Duration = Duration::from_millis(200);
const FLUSH_AT_BYTES: usize = 64 * 1024;
const CHUNKS_PER_READ: i64 = 500;
/// Stands at the end of a live text that is longer than what is kept.
const TOO_LONG: &str =
    "[slipway: this log is longer than what is kept; its end comes when the deployment has finished]\n";

/// What became of a piece of log.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Taken {
    /// It is stored, or will be in a moment, or there is no need to.
    Yes,
    /// There is no such deployment yet: bring it in and come back.
    UnknownDeployment,
}

/// The logs of one application that grow now.
#[derive(Debug, Default)]
pub(crate) struct LiveLogs {
    growing: HashMap<String, LiveLog>,
    /// Deployments whose logs do not grow: providers say the last one again to whoever connects.
    others: HashSet<String>,
    flush_at: Option<Instant>,
}

#[derive(Debug)]
struct LiveLog {
    head: LogHead,
    masker: LineMasker,
    replay: Replay,
    /// New lines that are not stored yet.
    waiting: String,
    waiting_lines: i64,
    is_full: bool,
}

impl LiveLogs {
    /// A new connection begins, which may say again what the one before said.
    pub(crate) fn reconnected(&mut self) {
        self.others.clear();
        for log in self.growing.values_mut() {
            log.masker = LineMasker::default();
            log.replay.reconnected();
        }
    }

    /// Leaves out the log of a deployment that cannot be found, until the next connection.
    pub(crate) fn ignore(&mut self, provider_deployment_id: &str) {
        self.others.insert(provider_deployment_id.to_owned());
    }

    /// When what waits has to be stored.
    pub(crate) fn flush_at(&self) -> Option<Instant> {
        self.flush_at
    }

    /// Takes a piece of the log of a deployment.
    pub(crate) async fn take(
        &mut self,
        context: &Context,
        application_id: ApplicationId,
        lease: Lease,
        provider_deployment_id: &str,
        content: &str,
    ) -> Result<Taken, IngestError> {
        if self.others.contains(provider_deployment_id) {
            return Ok(Taken::Yes);
        }
        if !self.growing.contains_key(provider_deployment_id) {
            match open(context, application_id, provider_deployment_id).await? {
                Opened::Unknown => return Ok(Taken::UnknownDeployment),
                Opened::DoesNotGrow => {
                    self.others.insert(provider_deployment_id.to_owned());
                    return Ok(Taken::Yes);
                }
                Opened::Grows(log) => self.growing.insert(provider_deployment_id.to_owned(), *log),
            };
        }
        let Some(log) = self.growing.get_mut(provider_deployment_id) else {
            return Ok(Taken::Yes);
        };
        log.push(context, content);
        if log.waiting.len() > FLUSH_AT_BYTES {
            self.flush(context, lease).await?;
        } else if !log.waiting.is_empty() {
            self.flush_at.get_or_insert_with(|| Instant::now() + FLUSH_AFTER);
        }
        Ok(Taken::Yes)
    }

    /// Stores what waits.
    pub(crate) async fn flush(&mut self, context: &Context, lease: Lease) -> Result<(), IngestError> {
        self.flush_at = None;
        let mut lost = Vec::new();
        for (id, log) in &mut self.growing {
            if !log.waiting.is_empty() && !log.store(context, lease).await? {
                lost.push(id.clone());
            }
        }
        // Final by now, or written by another process: looked at anew with the next line.
        for id in lost {
            self.growing.remove(&id);
        }
        Ok(())
    }
}

impl LiveLog {
    fn push(&mut self, context: &Context, content: &str) {
        let (mut lines, mut new) = (Vec::new(), Vec::new());
        self.masker.push(&context.logs.masks, content, &mut lines);
        for line in lines {
            self.replay.take(line, &mut new);
        }
        for line in new {
            if self.is_full {
                return;
            }
            let stored = usize::try_from(self.head.byte_count).unwrap_or(usize::MAX);
            if stored.saturating_add(self.waiting.len() + line.len() + TOO_LONG.len()) > context.logs.max_bytes {
                self.is_full = true;
                self.waiting.push_str(TOO_LONG);
            } else {
                self.waiting.push_str(&line);
                self.waiting.push('\n');
            }
            self.waiting_lines += 1;
        }
    }

    async fn store(&mut self, context: &Context, lease: Lease) -> Result<bool, IngestError> {
        let (text, line_count) = (
            std::mem::take(&mut self.waiting),
            std::mem::take(&mut self.waiting_lines),
        );
        let chunk = Chunk::plain(self.head.line_count + 1, line_count, self.head.byte_count, text);
        let mut conn = context.connection().await?;
        let mut transaction = conn.begin().await.map_err(StoreError::from)?;
        if !sync_targets::hold_lease(&mut transaction, lease.target_id, lease.token).await? {
            return Err(IngestError::LeaseLost);
        }
        let stored = logs::append(&mut transaction, &self.head, &chunk, context.clock.now()).await?;
        transaction.commit().await.map_err(StoreError::from)?;
        self.head.line_count += chunk.line_count;
        self.head.byte_count += chunk.byte_count;
        Ok(stored)
    }
}

enum Opened {
    Unknown,
    DoesNotGrow,
    Grows(Box<LiveLog>),
}

async fn open(
    context: &Context,
    application_id: ApplicationId,
    provider_deployment_id: &str,
) -> Result<Opened, IngestError> {
    let mut conn = context.connection().await?;
    let ids = [provider_deployment_id.to_owned()];
    let mut found = deployments::find_by_provider_ids(&mut conn, application_id, &ids).await?;
    let Some(deployment) = found.remove(provider_deployment_id) else {
        return Ok(Opened::Unknown);
    };
    if deployment.tracked.state.is_finished || deployment.log != LogState::Open {
        return Ok(Opened::DoesNotGrow);
    }
    let Some(head) = logs::open(&mut conn, deployment.id, context.clock.now()).await? else {
        return Ok(Opened::DoesNotGrow);
    };
    let text = stored_text(&mut conn, &head).await?;
    Ok(Opened::Grows(Box::new(LiveLog {
        is_full: text.ends_with(TOO_LONG),
        replay: Replay::after(text.lines()),
        head,
        masker: LineMasker::default(),
        waiting: String::new(),
        waiting_lines: 0,
    })))
}

/// The text that is stored of a log, up to where `head` says that it ends.
pub(super) async fn stored_text(conn: &mut slipway_store::PgConnection, head: &LogHead) -> Result<String, StoreError> {
    let (mut text, mut after_line) = (String::new(), 0);
    while after_line < head.line_count {
        let chunks = logs::list_chunks_after_line(conn, head.deployment_id, after_line, CHUNKS_PER_READ).await?;
        for chunk in &chunks {
            text.push_str(&chunk.text()?);
            after_line = chunk.first_line + chunk.line_count - 1;
        }
        if chunks.is_empty() {
            break;
        }
    }
    Ok(text)
}
