//! How many streams each principal has open.

use std::collections::HashMap;
use std::sync::Arc;

use parking_lot::Mutex;

use crate::auth::Principal;
use crate::problem::{Code, Problem};

/// A client that runs into the limit has to close something first.
const RETRY_AFTER_SECONDS: u16 = 15;

/// Counts streams and waiting requests.
#[derive(Debug, Clone)]
pub(crate) struct StreamCounter {
    open: Arc<Mutex<HashMap<Arc<str>, usize>>>,
    limit: usize,
}

/// One open stream, until it is dropped.
#[derive(Debug)]
pub(crate) struct StreamPermit {
    open: Arc<Mutex<HashMap<Arc<str>, usize>>>,
    principal: Arc<str>,
}

impl StreamCounter {
    pub(crate) fn new(limit: usize) -> Self {
        Self {
            open: Arc::default(),
            limit,
        }
    }

    /// One more for the principal.
    pub(crate) fn acquire(&self, principal: &Principal) -> Result<StreamPermit, Problem> {
        let mut open = self.open.lock();
        let count = open.entry(Arc::clone(&principal.id)).or_default();
        if *count >= self.limit {
            return Err(Problem::new(Code::TooManyStreams)
                .with_detail(format!(
                    "{} streams and waiting requests are open, which is the limit",
                    self.limit
                ))
                .with_retry_after(RETRY_AFTER_SECONDS));
        }
        *count += 1;
        Ok(StreamPermit {
            open: Arc::clone(&self.open),
            principal: Arc::clone(&principal.id),
        })
    }

    /// How many are open.
    pub(crate) fn count(&self) -> usize {
        self.open.lock().values().sum()
    }
}

impl Drop for StreamPermit {
    fn drop(&mut self) {
        let mut open = self.open.lock();
        if let Some(count) = open.get_mut(&self.principal) {
            *count -= 1;
            if *count == 0 {
                open.remove(&self.principal);
            }
        }
    }
}
