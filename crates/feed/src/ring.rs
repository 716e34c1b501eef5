//! The newest frames in memory.

use std::collections::VecDeque;
use std::sync::Arc;

use crate::applications::ApplicationIndex;
use crate::filter::Filter;
use crate::frame::Frame;

/// A bounded run of frames, without gaps, that ends at the head of the log.
#[derive(Debug)]
pub(crate) struct Ring {
    frames: VecDeque<Arc<Frame>>,
    capacity: usize,
}

impl Ring {
    pub(crate) fn new(capacity: usize) -> Self {
        Self {
            frames: VecDeque::new(),
            capacity: capacity.max(1),
        }
    }

    pub(crate) fn clear(&mut self) {
        self.frames.clear();
    }

    pub(crate) fn push(&mut self, frame: Arc<Frame>) {
        if self.frames.len() == self.capacity {
            self.frames.pop_front();
        }
        self.frames.push_back(frame);
    }

    pub(crate) fn len(&self) -> usize {
        self.frames.len()
    }

    /// What matches after number `seq`, as much as `room` takes, and the number up to which was looked. None when the ring no
    /// longer reaches back that far.
    pub(crate) fn read_after(
        &self,
        seq: i64,
        filter: &Filter,
        applications: &ApplicationIndex,
        room: &mut Room,
    ) -> Option<(Vec<Arc<Frame>>, i64)> {
        let first = self.frames.front()?.seq();
        if first > seq.saturating_add(1) {
            return None;
        }
        let start = self.frames.partition_point(|frame| frame.seq() <= seq);
        let (mut found, mut scanned) = (Vec::new(), seq);
        for frame in self.frames.range(start..) {
            if filter.matches(frame.keys(), applications) {
                if !room.take(frame) {
                    break;
                }
                found.push(Arc::clone(frame));
            }
            scanned = frame.seq();
        }
        Some((found, scanned))
    }
}

/// How much one batch may still hold.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Room {
    pub(crate) frames: usize,
    pub(crate) bytes: usize,
}

impl Room {
    /// Whether the frame fits. The first always does.
    pub(crate) fn take(&mut self, frame: &Frame) -> bool {
        if self.frames == 0 || self.bytes == 0 {
            return false;
        }
        self.frames -= 1;
        self.bytes = self.bytes.saturating_sub(frame.sse().len());
        true
    }
}
