//! Followers of growing logs: one look at the database for all of them, and each page read and encoded once.
//!
//! There is no message that could get lost: what a follower gets follows from its position and from what is stored, so that it
//! can go on at any replica. Followers pull; one that is slow holds a page at most.

use std::collections::HashMap;
use std::sync::{Arc, Weak};
use std::time::Duration;

use bytes::Bytes;
use parking_lot::Mutex;
use slipway_api::LogCursor;
use slipway_core::LogState;
use slipway_store::logs::{self, LogHead};
use slipway_store::{PgPool, StoreError};
use tokio::sync::{Notify, watch};
use uuid::Uuid;

use crate::log_page::{Page, read_page};

/// While somebody follows. Live lines are stored every 200 ms.
const LOOK_EVERY: Duration = Duration::from_millis(200);
/// Between two looks while the database is away.
const PAUSE: Duration = Duration::from_secs(1);

/// Every log that is followed on this replica.
#[derive(Debug, Clone)]
pub struct LogTails(Arc<Inner>);

#[derive(Debug)]
struct Inner {
    pool: PgPool,
    followed: Mutex<Followed>,
    /// Somebody came: do not wait for the next look.
    came: Notify,
}

#[derive(Debug, Default)]
struct Followed {
    tails: HashMap<Uuid, Weak<Tail>>,
    is_looked_at: bool,
}

#[derive(Debug)]
struct Tail {
    deployment_id: Uuid,
    head: watch::Sender<Option<LogHead>>,
    /// The page that was read last. Who follows at the end shares it.
    page: tokio::sync::Mutex<Option<Arc<Page>>>,
}

/// What comes next.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum LogNext {
    /// Lines, as blocks of a stream.
    Lines(Bytes),
    /// The position cannot be gone on from: the text is another now. It begins anew.
    Reset,
    /// Nothing more will come.
    End(LogEnd),
}

/// Why nothing more will come.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum LogEnd {
    /// This was the whole final text.
    Complete,
    /// The provider has none.
    Missing,
    /// The deployment has ended and its final text could not be had: this is what was followed.
    Incomplete,
}

impl LogEnd {
    /// The public spelling.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Complete => "complete",
            Self::Missing => "missing",
            Self::Incomplete => "incomplete",
        }
    }
}

/// Follows one log from a position on.
#[derive(Debug)]
pub struct LogFollower {
    tails: LogTails,
    tail: Arc<Tail>,
    head: watch::Receiver<Option<LogHead>>,
    position: Option<LogCursor>,
}

impl LogTails {
    /// Nobody follows anything yet.
    pub fn new(pool: PgPool) -> Self {
        Self(Arc::new(Inner {
            pool,
            followed: Mutex::default(),
            came: Notify::new(),
        }))
    }

    /// Follows the log of a deployment from a position, or from its beginning.
    pub fn follow(&self, deployment_id: Uuid, from: Option<LogCursor>) -> LogFollower {
        let mut followed = self.0.followed.lock();
        let known = followed.tails.get(&deployment_id).and_then(Weak::upgrade);
        let tail = known.unwrap_or_else(|| {
            let tail = Arc::new(Tail {
                deployment_id,
                head: watch::Sender::new(None),
                page: tokio::sync::Mutex::default(),
            });
            followed.tails.insert(deployment_id, Arc::downgrade(&tail));
            tail
        });
        if !std::mem::replace(&mut followed.is_looked_at, true) {
            tokio::spawn(look(Arc::clone(&self.0)));
        }
        drop(followed);
        self.0.came.notify_one();
        LogFollower {
            tails: self.clone(),
            head: tail.head.subscribe(),
            tail,
            position: from,
        }
    }
}

/// Looks how far the followed logs are, until nobody follows any.
async fn look(inner: Arc<Inner>) {
    loop {
        let ids: Vec<Uuid> = {
            let mut followed = inner.followed.lock();
            followed.tails.retain(|_, tail| tail.strong_count() > 0);
            if followed.tails.is_empty() {
                followed.is_looked_at = false;
                return;
            }
            followed.tails.keys().copied().collect()
        };
        let pause = match heads(&inner.pool, &ids).await {
            Ok(heads) => {
                publish(&inner, heads);
                LOOK_EVERY
            }
            Err(error) => {
                tracing::debug!(
                    error = &error as &dyn std::error::Error,
                    "followers of logs wait for the database"
                );
                PAUSE
            }
        };
        let _ = tokio::time::timeout(pause, inner.came.notified()).await;
    }
}

async fn heads(pool: &PgPool, ids: &[Uuid]) -> Result<Vec<LogHead>, StoreError> {
    let mut conn = pool.acquire().await?;
    logs::list_heads(&mut conn, ids).await
}

fn publish(inner: &Inner, heads: Vec<LogHead>) {
    let followed = inner.followed.lock();
    for head in heads {
        if let Some(tail) = followed.tails.get(&head.deployment_id).and_then(Weak::upgrade) {
            tail.head.send_if_modified(|known| {
                let is_new = *known != Some(head);
                *known = Some(head);
                is_new
            });
        }
    }
}

impl LogFollower {
    /// The last line that was given out; none before it is known which text this is.
    pub fn position(&self) -> Option<LogCursor> {
        self.position
    }

    /// Waits for what comes next. May be dropped and called again at any time.
    ///
    /// # Errors
    /// When the database fails; the same call may succeed later.
    pub async fn next(&mut self) -> Result<LogNext, StoreError> {
        loop {
            let Some(head) = *self.head.borrow_and_update() else {
                self.wait().await;
                continue;
            };
            let beginning = LogCursor {
                epoch: head.epoch,
                line: 0,
            };
            let position = *self.position.get_or_insert(beginning);
            if position.epoch != head.epoch || position.line > head.line_count {
                self.position = Some(beginning);
                return Ok(LogNext::Reset);
            }
            if position.line < head.line_count {
                if let Some((lines, last)) = self.page(position).await? {
                    self.position = Some(LogCursor { line: last, ..position });
                    return Ok(LogNext::Lines(lines));
                }
                // The text was replaced between the look and the read: the next look tells.
                self.wait().await;
                continue;
            }
            match head.state {
                LogState::Complete => return Ok(LogNext::End(LogEnd::Complete)),
                LogState::Missing => return Ok(LogNext::End(LogEnd::Missing)),
                LogState::Open if !head.is_awaited => return Ok(LogNext::End(LogEnd::Incomplete)),
                LogState::Open => self.wait().await,
            }
        }
    }

    /// Waits until a text is there or nothing more will come, and says how far it is.
    pub async fn settled(&mut self) -> LogHead {
        loop {
            match *self.head.borrow_and_update() {
                Some(head) if head.state != LogState::Open || !head.is_awaited => return head,
                _ => {}
            }
            self.wait().await;
        }
    }

    async fn wait(&mut self) {
        // The sender lives as long as this follower.
        let _ = self.head.changed().await;
    }

    async fn page(&self, position: LogCursor) -> Result<Option<(Bytes, i64)>, StoreError> {
        let mut shared = self.tail.page.lock().await;
        let cut = |page: &Page| Some((page.after(position.epoch, position.line)?, page.last()));
        if let Some(found) = shared.as_deref().and_then(cut) {
            return Ok(Some(found));
        }
        let read = read_page(&self.tails.0.pool, self.tail.deployment_id, position).await?;
        let found = read.as_ref().and_then(cut);
        *shared = read.map(Arc::new);
        Ok(found)
    }
}
