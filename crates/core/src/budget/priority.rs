//! Who goes first when not everybody can be served.

use std::cell::Cell;
use std::future::{Future, poll_fn};
use std::pin::pin;
use std::time::Duration;

use serde::{Deserialize, Serialize};

use super::RateLimit;

/// What a request is for, the most important first.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Priority {
    /// A user's write. The reserve is for these alone.
    Write,
    /// Something runs there.
    Live,
    /// Somebody asked for it and waits.
    Refresh,
    /// What tells which applications moved.
    Feed,
    /// Those that did, and all of them now and then.
    Incremental,
    /// The final text of a log that nobody waits for.
    Log,
    /// History that can wait.
    Backfill,
}

impl Priority {
    /// All of them, the most important first.
    pub const ALL: [Self; 7] = [
        Self::Write,
        Self::Live,
        Self::Refresh,
        Self::Feed,
        Self::Incremental,
        Self::Log,
        Self::Backfill,
    ];

    /// How many requests of a window this one leaves to those before it. `requests` is the limit in force.
    pub fn floor(self, limit: &RateLimit, requests: u32) -> u32 {
        let percent = match self {
            Self::Write => return 0,
            Self::Live => 0,
            Self::Refresh => 5,
            Self::Feed => 10,
            Self::Incremental => 15,
            Self::Log => 20,
            Self::Backfill => 50,
        };
        let reserve = limit.write_reserve.min(requests / 2);
        let rest = u64::from(requests - reserve) * percent / 100;
        reserve + u32::try_from(rest).unwrap_or(u32::MAX)
    }

    /// How long it waits for one request at most when the more important ones use up everything: each but the first two has a
    /// small share of its own, which they leave to it. None for those that nobody goes before.
    pub fn longest_wait(self, limit: &RateLimit, requests: u32) -> Option<Duration> {
        let percent = match self {
            Self::Write | Self::Live => return None,
            Self::Refresh | Self::Incremental | Self::Log => 10,
            Self::Feed => 15,
            Self::Backfill => 5,
        };
        let rest = requests - limit.write_reserve.min(requests / 2);
        Some(limit.window * 100 / (rest.max(1) * percent))
    }
}

thread_local! {
    static CURRENT: Cell<Option<Priority>> = const { Cell::new(None) };
}

/// Gives the requests that `future` makes a priority, however deep below they are made. What it spawns is not concerned.
pub async fn with_priority<F: Future>(priority: Priority, future: F) -> F::Output {
    struct Restore(Option<Priority>);
    impl Drop for Restore {
        fn drop(&mut self) {
            CURRENT.set(self.0);
        }
    }
    let mut future = pin!(future);
    // Set for the time of each poll only: between two of them the thread works for others.
    poll_fn(|context| {
        let _restore = Restore(CURRENT.replace(Some(priority)));
        future.as_mut().poll(context)
    })
    .await
}

/// What the request that is being made is for. One that nobody named leaves only the reserve of writes.
pub fn current_priority() -> Priority {
    CURRENT.get().unwrap_or(Priority::Live)
}

#[cfg(test)]
mod tests {
    use futures_util::FutureExt;

    use super::*;

    #[test]
    fn a_priority_holds_inside_and_not_beside() {
        let mut inner = Box::pin(with_priority(Priority::Backfill, async {
            let before = current_priority();
            let nested = with_priority(Priority::Feed, async { current_priority() }).await;
            let mut is_second = false;
            poll_fn(|context| {
                if std::mem::replace(&mut is_second, true) {
                    return std::task::Poll::Ready(());
                }
                context.waker().wake_by_ref();
                std::task::Poll::Pending
            })
            .await;
            (before, nested, current_priority())
        }));
        assert!(inner.as_mut().now_or_never().is_none(), "it waits once");
        assert_eq!(current_priority(), Priority::Live, "the thread is free of it meanwhile");
        let seen = inner.now_or_never().expect("done");
        assert_eq!(seen, (Priority::Backfill, Priority::Feed, Priority::Backfill));
    }

    #[test]
    fn the_less_important_leave_more() {
        let limit = RateLimit {
            requests: 60,
            window: Duration::from_secs(60),
            kind: super::super::WindowKind::Sliding,
            write_reserve: 6,
        };
        let floors = Priority::ALL.map(|priority| priority.floor(&limit, 60));
        assert_eq!(floors, [0, 6, 8, 11, 14, 16, 33]);
        assert!(
            Priority::ALL.iter().all(|priority| priority.floor(&limit, 1) == 0),
            "a tiny limit still serves"
        );
    }
}
