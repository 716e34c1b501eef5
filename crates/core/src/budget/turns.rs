//! Whose turn it is: so that nothing waits for ever, whatever the more important requests use.

use std::time::Duration;

use serde::{Deserialize, Serialize};
use time::OffsetDateTime;

use super::{Priority, RateLimit};

/// For so long at most a request is kept for one that was refused: it may never come back.
const LONGEST_KEPT: Duration = Duration::from_secs(30);

/// When each kind of request is entitled to one by its share.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
pub(super) struct Turns(Vec<Turn>);

#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
struct Turn {
    priority: Priority,
    #[serde(with = "time::serde::rfc3339")]
    next_at: OffsetDateTime,
    /// It was refused and will be back by then.
    #[serde(with = "time::serde::rfc3339::option")]
    kept_until: Option<OffsetDateTime>,
}

/// The limit in force.
#[derive(Debug, Clone, Copy)]
pub(super) struct InForce<'a> {
    pub(super) limit: &'a RateLimit,
    /// What headers say, if they do.
    pub(super) requests: u32,
}

impl Turn {
    /// How many requests are kept for it: what its share came to while it went without, of a window at most.
    fn kept(&self, now: OffsetDateTime, InForce { limit, requests }: InForce<'_>) -> u32 {
        let is_waiting = self.kept_until.is_some_and(|until| now < until);
        let (true, Some(each)) = (
            is_waiting && now >= self.next_at,
            self.priority.longest_wait(limit, requests),
        ) else {
            return 0;
        };
        let since = Duration::try_from(now - self.next_at)
            .unwrap_or_default()
            .min(limit.window);
        1 + u32::try_from(since.as_nanos() / each.as_nanos().max(1)).unwrap_or(0)
    }
}

impl Turns {
    /// When it is entitled to one, at the earliest; none for those that have no share because they go first anyway.
    pub(super) fn next_at(&self, now: OffsetDateTime, priority: Priority) -> Option<OffsetDateTime> {
        if priority <= Priority::Live {
            return None;
        }
        let turn = self.0.iter().find(|turn| turn.priority == priority);
        Some(turn.map_or(now, |turn| turn.next_at))
    }

    pub(super) fn is_due(&self, now: OffsetDateTime, priority: Priority) -> bool {
        self.next_at(now, priority).is_some_and(|at| at <= now)
    }

    /// What `priority` leaves to all others that wait for their turn.
    pub(super) fn kept_from(&self, now: OffsetDateTime, priority: Priority, in_force: InForce<'_>) -> u32 {
        let others = self.0.iter().filter(|turn| turn.priority != priority);
        others.map(|turn| turn.kept(now, in_force)).sum()
    }

    /// What `priority` leaves in its own turn: the more important go first.
    pub(super) fn kept_before(&self, now: OffsetDateTime, priority: Priority, in_force: InForce<'_>) -> u32 {
        let before = self.0.iter().filter(|turn| turn.priority < priority);
        before.map(|turn| turn.kept(now, in_force)).sum()
    }

    /// It will be back after `wait` or a little more.
    pub(super) fn refused(&mut self, now: OffsetDateTime, priority: Priority, wait: Duration, limit: &RateLimit) {
        if priority <= Priority::Live {
            return;
        }
        let kept_until = Some(now + wait + (limit.window / 6).min(LONGEST_KEPT));
        match self.0.iter_mut().find(|turn| turn.priority == priority) {
            Some(turn) => turn.kept_until = kept_until,
            None => self.0.push(Turn {
                priority,
                next_at: now,
                kept_until,
            }),
        }
    }

    /// It has got so many. What it did not use of its share counts for a window, and more than that is made up for within one.
    pub(super) fn granted(&mut self, now: OffsetDateTime, priority: Priority, count: u32, in_force: InForce<'_>) {
        let InForce { limit, requests } = in_force;
        let Some(each) = priority.longest_wait(limit, requests) else {
            return;
        };
        let (earliest, latest) = (now - limit.window, now + limit.window);
        let from = self.next_at(now, priority).map_or(now, |at| at.max(earliest));
        let next_at = (from + each.saturating_mul(count).min(limit.window * 2)).min(latest);
        match self.0.iter_mut().find(|turn| turn.priority == priority) {
            // Others may wait for the same: what is kept stays so until nobody comes for it.
            Some(turn) => turn.next_at = next_at,
            None => self.0.push(Turn {
                priority,
                next_at,
                kept_until: None,
            }),
        }
    }
}
