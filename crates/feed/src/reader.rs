//! The one reader of the log.

use std::sync::Arc;
use std::time::Duration;

use slipway_store::event_log::{self, EventRow, Head};
use slipway_store::listener::EventListener;
use slipway_store::{PgConnection, StoreError, applications};
use tokio_util::sync::CancellationToken;

use crate::feed::{Feed, Position, Shared};
use crate::frame::Frame;

/// How many events are read at once.
const PAGE: i64 = 500;

/// A statement that takes longer counts as failed: a connection may hang without ever saying so.
const PATIENCE: Duration = Duration::from_secs(3);

impl Feed {
    /// Reads the log until `shutdown`.
    ///
    /// # Errors
    /// None at present: every failure is waited out. It may be run again.
    pub async fn run(&self, shutdown: CancellationToken) -> Result<(), StoreError> {
        let shared = &self.0;
        // They end with this function.
        let _pushing = self.push();
        let mut listener = None;
        let mut is_away = false;
        while !shutdown.is_cancelled() {
            let read = tokio::select! {
                () = shutdown.cancelled() => break,
                read = catch_up(shared) => read,
            };
            match read {
                Ok(()) => {
                    shared.note_read();
                    shared.replays.expire();
                    if std::mem::take(&mut is_away) {
                        tracing::info!("the event log can be read again");
                    }
                }
                // Whatever it is, a database that is started, migrated or restored heals it.
                Err(error) => {
                    listener = None;
                    if !std::mem::replace(&mut is_away, true) {
                        tracing::warn!(
                            error = &error as &dyn std::error::Error,
                            "the event log cannot be read; trying on"
                        );
                    }
                }
            }
            tokio::select! {
                () = shutdown.cancelled() => break,
                () = tokio::time::sleep(shared.settings.poll_interval) => {}
                () = wait_for_hint(shared, &mut listener, is_away) => {}
            }
        }
        Ok(())
    }
}

/// Comes back when the log may have grown; never comes back when there is no way to listen.
async fn wait_for_hint(shared: &Shared, listener: &mut Option<EventListener>, is_away: bool) {
    if is_away {
        return std::future::pending().await;
    }
    if listener.is_none() {
        match EventListener::connect(shared.listen_options.clone()).await {
            // What was written before we listened was not hinted at: read once more.
            Ok(connected) => {
                *listener = Some(connected);
                return;
            }
            Err(error) => {
                tracing::debug!(
                    error = &error as &dyn std::error::Error,
                    "no hints from the database; polling"
                );
                return std::future::pending().await;
            }
        }
    }
    if let Some(connected) = listener
        && connected.wait().await.is_err()
    {
        *listener = None;
    }
}

/// Reads everything up to the head of the log.
async fn catch_up(shared: &Shared) -> Result<(), StoreError> {
    let mut conn = shared.reader.acquire().await?;
    read_to_head(shared, &mut conn).await?;
    conn.keep();
    Ok(())
}

async fn read_to_head(shared: &Shared, conn: &mut PgConnection) -> Result<(), StoreError> {
    loop {
        let known = shared.head.borrow().clone();
        let Ok(page) = tokio::time::timeout(PATIENCE, read_page(conn, &known)).await else {
            return Err(StoreError::timed_out());
        };
        let (rows, head) = page?;
        if known.epoch.is_empty() {
            return start_anew(shared, conn, head).await;
        }
        if *head.epoch != *known.epoch {
            tracing::warn!(
                epoch.old = &*known.epoch,
                epoch.new = head.epoch,
                "another event log: every subscriber starts anew"
            );
            return start_anew(shared, conn, head).await;
        }
        if head.seq < known.seq {
            tracing::error!(
                head.old = known.seq,
                head.new = head.seq,
                "the event log ends before what was read of it"
            );
            return start_anew(shared, conn, head).await;
        }
        let Some(first) = rows.first() else {
            return Ok(());
        };
        // Retention overtook this reader.
        let has_gap = first.seq != known.seq + 1;
        let is_last = rows.len() < usize::try_from(PAGE).unwrap_or(usize::MAX);
        let frames: Vec<_> = rows
            .into_iter()
            .map(|row| Arc::new(Frame::new(&known.epoch, row)))
            .collect();
        if has_gap {
            shared.applications.fill(applications::list_keys(conn).await?);
        }
        frames.iter().for_each(|frame| shared.applications.note(frame.keys()));
        shared.publish(&known.epoch, frames, has_gap);
        if is_last {
            return Ok(());
        }
    }
}

/// The rows first, the head after them: rows of another epoch are then noticed.
async fn read_page(conn: &mut PgConnection, known: &Position) -> Result<(Vec<EventRow>, Head), StoreError> {
    let rows = if known.epoch.is_empty() {
        Vec::new()
    } else {
        event_log::list_after(conn, known.seq, PAGE).await?
    };
    Ok((rows, event_log::find_head(conn).await?))
}

async fn start_anew(shared: &Shared, conn: &mut PgConnection, head: Head) -> Result<(), StoreError> {
    // After the head: events after it then only repeat what is known.
    shared.applications.fill(applications::list_keys(conn).await?);
    shared.begin_at(head.into(), |_| true);
    Ok(())
}
