//! One statement for all who ask for a deployment at the same time.
//!
//! Who comes first is read for at once. Who comes while statements are under way waits for the next, which reads for all of
//! them: the busier it is, the less each costs. What is answered was always read after it was asked for.

use std::collections::HashMap;
use std::sync::Arc;

use bytes::Bytes;
use parking_lot::Mutex;
use slipway_api::Cursor;
use slipway_store::Visibility;
use slipway_store::deployments::{FoundBody, find_bodies_with_head};
use slipway_store::readers::Readers;
use tokio::sync::oneshot;
use uuid::Uuid;

use crate::position;
use crate::problem::{Code, Problem};

/// So many statements are under way at most.
const READING_MAX: usize = 2;

/// One statement reads at most so many.
const BATCH_MAX: usize = 128;

/// A deployment as it was read.
#[derive(Debug, Clone)]
pub(crate) struct Gathered {
    pub(crate) head: Cursor,
    pub(crate) application_id: Uuid,
    pub(crate) version: i64,
    pub(crate) body: Bytes,
}

/// What one statement answers, for all who share it.
type Outcome = Result<Arc<(Cursor, HashMap<Uuid, FoundBody>)>, Problem>;

/// Reads deployments. Clones share the statements.
#[derive(Debug, Clone)]
pub(crate) struct Gather(Arc<Inner>);

#[derive(Debug)]
struct Inner {
    readers: Readers,
    waiting: Mutex<Waiting>,
}

#[derive(Debug, Default)]
struct Waiting {
    asked: Vec<(Uuid, oneshot::Sender<Outcome>)>,
    reading: usize,
}

impl Gather {
    pub(crate) fn new(readers: Readers) -> Self {
        Self(Arc::new(Inner {
            readers,
            waiting: Mutex::default(),
        }))
    }

    /// One deployment as it is now, if there is one that the caller sees.
    ///
    /// # Errors
    /// What the database answers.
    pub(crate) async fn find(&self, id: Uuid, visibility: &Visibility) -> Result<Option<Gathered>, Problem> {
        let (answer, answered) = oneshot::channel();
        {
            let mut waiting = self.0.waiting.lock();
            waiting.asked.push((id, answer));
            if waiting.reading < READING_MAX {
                waiting.reading += 1;
                // A task of its own: it reads for others, too, and whoever asked may go away.
                tokio::spawn(Turn::new(Arc::clone(&self.0)).run());
            }
        }
        let outcome = answered.await.map_err(|_| Problem::new(Code::Internal))?;
        let read = outcome?;
        let (head, found) = &*read;
        let seen = found.get(&id).filter(|found| found.is_visible(visibility));
        Ok(seen.map(|found| Gathered {
            head: head.clone(),
            application_id: found.application_id,
            version: found.version,
            body: Bytes::copy_from_slice(found.body.as_bytes()),
        }))
    }
}

/// Somebody who reads.
struct Turn {
    inner: Arc<Inner>,
    is_counted: bool,
}

impl Turn {
    /// One that is counted already.
    fn new(inner: Arc<Inner>) -> Self {
        Self {
            inner,
            is_counted: true,
        }
    }

    async fn run(mut self) {
        while let Some(batch) = self.next() {
            let outcome = self.read(&batch).await;
            for (_, answer) in batch {
                // Whoever asked may have gone away.
                drop(answer.send(outcome.clone()));
            }
        }
    }

    /// Who waits. Where that is nobody the turn is over, under the same lock: whoever asks next begins another.
    fn next(&mut self) -> Option<Vec<(Uuid, oneshot::Sender<Outcome>)>> {
        let mut waiting = self.inner.waiting.lock();
        let count = waiting.asked.len().min(BATCH_MAX);
        if count == 0 {
            waiting.reading -= 1;
            self.is_counted = false;
            return None;
        }
        Some(waiting.asked.drain(..count).collect())
    }

    async fn read(&self, batch: &[(Uuid, oneshot::Sender<Outcome>)]) -> Outcome {
        let ids: Vec<Uuid> = batch.iter().map(|(id, _)| *id).collect();
        let mut reader = self.inner.readers.acquire().await?;
        let (head, found) = find_bodies_with_head(&mut reader, &ids).await?;
        reader.keep();
        Ok(Arc::new((position::cursor(&head), found)))
    }
}

impl Drop for Turn {
    fn drop(&mut self) {
        if self.is_counted {
            self.inner.waiting.lock().reading -= 1;
        }
    }
}
