//! A few connections for single statements that only read.
//!
//! A pool asks the server twice when a connection comes back: whether a transaction was left open, and whether it still
//! answers. For a read of one statement that is more than the read itself. Nobody begins a transaction on these connections,
//! and who ended a statement well hands on a connection that answers. After anything else it is asked before it is used again.

use std::ops::{Deref, DerefMut};
use std::sync::Arc;
use std::time::Duration;

use parking_lot::Mutex;
use sqlx::{Connection, PgConnection, PgPool};
use tokio::sync::{OwnedSemaphorePermit, Semaphore};

use crate::{Result, StoreError, pool};

/// How long one waits for a connection.
const PATIENCE: Duration = Duration::from_secs(3);

/// The connections. Clones share them.
#[derive(Debug, Clone)]
pub struct Readers(Arc<Inner>);

#[derive(Debug)]
struct Inner {
    /// Where they lead to, and whether anything is read at all any more.
    pool: PgPool,
    idle: Mutex<Vec<PgConnection>>,
    permits: Arc<Semaphore>,
}

/// A connection for one statement after the other, none of which begins a transaction. Say [`Reader::keep`] when they ended
/// well.
#[derive(Debug)]
pub struct Reader {
    conn: Option<PgConnection>,
    readers: Readers,
    permit: Option<OwnedSemaphorePermit>,
}

impl Readers {
    /// At most so many connections, beside those of the pool, to where its lead. None is made yet.
    pub fn new(pool: PgPool, most: usize) -> Self {
        Self(Arc::new(Inner {
            pool,
            idle: Mutex::default(),
            permits: Arc::new(Semaphore::new(most)),
        }))
    }

    /// A connection, as soon as one is free.
    ///
    /// # Errors
    /// [`StoreError::Unavailable`] when none is free for 3 seconds, or the database does not answer.
    pub async fn acquire(&self) -> Result<Reader> {
        if self.0.pool.is_closed() {
            return Err(sqlx::Error::PoolClosed.into());
        }
        let acquired = tokio::time::timeout(PATIENCE, async {
            let permit = Arc::clone(&self.0.permits).acquire_owned().await.ok();
            let idle = self.0.idle.lock().pop();
            let conn = match idle {
                Some(conn) => conn,
                None => {
                    let mut conn = PgConnection::connect_with(&self.0.pool.connect_options()).await?;
                    pool::prepare(&mut conn).await?;
                    conn
                }
            };
            Ok(Reader {
                conn: Some(conn),
                readers: self.clone(),
                permit,
            })
        });
        acquired.await.unwrap_or_else(|_| Err(StoreError::timed_out()))
    }
}

impl Reader {
    /// All statements ended well: whoever comes next takes the connection as it is.
    pub fn keep(mut self) {
        if let Some(conn) = self.conn.take() {
            self.readers.0.idle.lock().push(conn);
        }
    }
}

impl Deref for Reader {
    type Target = PgConnection;

    fn deref(&self) -> &PgConnection {
        self.conn.as_ref().expect("only a drop takes it away")
    }
}

impl DerefMut for Reader {
    fn deref_mut(&mut self) -> &mut PgConnection {
        self.conn.as_mut().expect("only a drop takes it away")
    }
}

impl Drop for Reader {
    fn drop(&mut self) {
        let (Some(mut conn), permit) = (self.conn.take(), self.permit.take()) else {
            return;
        };
        // A statement that failed, or whose caller went away. Without a runtime there is nobody left who reads.
        if let Ok(runtime) = tokio::runtime::Handle::try_current() {
            let readers = self.readers.clone();
            runtime.spawn(async move {
                let answered = tokio::time::timeout(PATIENCE, conn.ping()).await;
                if matches!(answered, Ok(Ok(()))) {
                    readers.0.idle.lock().push(conn);
                }
                drop(permit);
            });
        }
    }
}
