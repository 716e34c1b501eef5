//! Where a subscription is, for those who push to it and for those who count what waits for it.

use std::fmt;
use std::sync::atomic::{AtomicI64, Ordering};
use std::sync::{Arc, OnceLock};
use std::task::{Context, Poll, Waker};

use parking_lot::Mutex;

use crate::feed::Position;
use crate::frame::Frame;
use crate::interest::Group;

/// Takes a subscription's events the moment they are there, without a task that has to be woken for each.
pub trait Sink: fmt::Debug + Send + Sync {
    /// Takes all of these events, in their order, or none of them. Must not wait.
    fn take(&self, frames: &[Arc<Frame>]) -> bool;
}

/// A subscription as others see it.
#[derive(Debug)]
pub(crate) struct Place {
    pub(crate) group: Arc<Group>,
    /// Where the log ended when it came: what is before that, the group was not told of.
    joined: i64,
    /// How far it is, for those who count. Below zero: nowhere yet.
    seq: AtomicI64,
    sink: OnceLock<Attached>,
    state: Mutex<State>,
}

#[derive(Debug)]
struct Attached {
    sink: Arc<dyn Sink>,
    /// By which pusher.
    pusher: usize,
}

#[derive(Debug, Default)]
struct State {
    /// Everything that matches up to here was handed out, and what comes is for the sink. None: the subscription looks itself.
    standing_by: Option<Position>,
    has_pushed: bool,
    /// Events came that the sink was not given.
    has_missed: bool,
    waker: Option<Waker>,
}

impl State {
    fn miss(&mut self) -> Option<Waker> {
        self.has_missed = true;
        self.waker.take()
    }
}

impl Place {
    pub(crate) fn of(group: &Arc<Group>, joined: &Position, position: Option<&Position>) -> Arc<Self> {
        Arc::new(Self {
            group: Arc::clone(group),
            joined: joined.seq,
            seq: AtomicI64::new(position.map_or(-1, |position| position.seq)),
            sink: OnceLock::new(),
            state: Mutex::default(),
        })
    }

    pub(crate) fn move_to(&self, position: &Position) {
        self.seq.store(position.seq, Ordering::Relaxed);
    }

    /// How many positions there are up to the newest event that matches; what does not match makes nobody wait.
    pub(crate) fn backlog(&self) -> u64 {
        let seq = self.seq.load(Ordering::Relaxed);
        let newest = self.group.matched.borrow().seq.max(self.joined);
        if seq < 0 {
            0
        } else {
            u64::try_from(newest - seq).unwrap_or(0)
        }
    }

    /// The first sink stays.
    pub(crate) fn attach(&self, sink: Arc<dyn Sink>, pusher: usize) -> bool {
        self.sink.set(Attached { sink, pusher }).is_ok()
    }

    pub(crate) fn pusher(&self) -> Option<usize> {
        self.sink.get().map(|attached| attached.pusher)
    }

    /// Leaves what comes after `position` to the sink. False when something has come since the last
    /// [`Place::recall`]: look again.
    pub(crate) fn stand_by(&self, position: Position) -> bool {
        let mut state = self.state.lock();
        if state.has_missed {
            return false;
        }
        state.standing_by = Some(position);
        true
    }

    /// Pushes no more. Where that has come to, if anything was pushed.
    pub(crate) fn recall(&self) -> Option<Position> {
        let mut state = self.state.lock();
        (state.has_missed, state.waker) = (false, None);
        let position = state.standing_by.take();
        position.filter(|_| std::mem::take(&mut state.has_pushed))
    }

    /// Ready when the subscription has to look itself.
    pub(crate) fn poll_missed(&self, context: &mut Context<'_>) -> Poll<()> {
        let mut state = self.state.lock();
        if state.has_missed {
            return Poll::Ready(());
        }
        match &mut state.waker {
            Some(waker) => waker.clone_from(context.waker()),
            none => *none = Some(context.waker().clone()),
        }
        Poll::Pending
    }

    /// Gives the sink what it does not have of `frames`, which are all that match after those that were pushed before.
    pub(crate) fn push(&self, epoch: &Arc<str>, frames: &[Arc<Frame>]) {
        let mut state = self.state.lock();
        // After something was missed, the next would leave a gap.
        let is_next = !state.has_missed;
        let is_taken = match (&mut state.standing_by, self.sink.get()) {
            (Some(position), Some(attached)) if is_next && *position.epoch == **epoch => {
                let had = frames.partition_point(|frame| frame.seq() <= position.seq);
                let frames = frames.get(had..).unwrap_or_default();
                let Some(last) = frames.last() else {
                    return;
                };
                let is_taken = attached.sink.take(frames);
                if is_taken {
                    position.seq = last.seq();
                    self.seq.store(position.seq, Ordering::Relaxed);
                }
                is_taken
            }
            _ => false,
        };
        if is_taken {
            state.has_pushed = true;
            return;
        }
        let waker = state.miss();
        drop(state);
        waker.into_iter().for_each(Waker::wake);
    }

    /// Has the subscription look itself.
    pub(crate) fn wake(&self) {
        let waker = self.state.lock().miss();
        waker.into_iter().for_each(Waker::wake);
    }
}
