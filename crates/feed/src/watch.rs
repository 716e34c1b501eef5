//! Whether what was read from the database still holds.

use std::sync::Arc;

use slipway_api::Cursor;

use crate::feed::{Feed, Position};
use crate::filter::Filter;
use crate::interest::Group;

/// Notes whether events match a filter, from the moment it was made.
#[derive(Debug)]
pub struct Watch {
    feed: Feed,
    group: Arc<Group>,
    /// Where the log ended when it was made: what came later, the group was told.
    joined: Position,
}

impl Feed {
    /// Watches for events that match.
    pub fn watch(&self, filter: Filter) -> Watch {
        let (group, joined) = self.0.interests.join(filter, || self.0.head.borrow().clone());
        Watch {
            feed: self.clone(),
            group,
            joined,
        }
    }
}

impl Watch {
    /// Up to which position nothing has happened to what was read when the log ended at `since`; that is where this replica
    /// has read the log to. None if something has happened, or if that cannot be told: because the log began anew, because the
    /// watch is younger than `since`, or because the log could not be read lately.
    pub fn quiet_until(&self, since: &Cursor) -> Option<Cursor> {
        if !self.feed.is_healthy() {
            return None;
        }
        // Under the ring's lock the head and what was told agree.
        let _ring = self.feed.0.ring.read();
        let head = self.feed.0.head.borrow();
        let newest = self.group.matched.borrow();
        let is_of_this_log = |position: &Position| *position.epoch == *since.epoch;
        let is_quiet = is_of_this_log(&head)
            && (is_of_this_log(&self.joined) && self.joined.seq <= since.seq)
            && (newest.epoch.is_empty() || is_of_this_log(&newest) && newest.seq <= since.seq);
        is_quiet.then(|| head.cursor())
    }
}

impl Drop for Watch {
    fn drop(&mut self) {
        self.feed.0.interests.leave(&self.group);
    }
}
