//! What a subscription gives: events in a row, or word that there is a gap which nobody can fill.

use std::sync::Arc;

use slipway_api::Cursor;

use crate::frame::Frame;
use crate::ring::Room;

/// What one batch holds at most, the first frame apart.
pub(crate) const BATCH: Room = Room {
    frames: 256,
    bytes: 256 * 1024,
};

/// Events in the order of the log, all that were ready.
#[derive(Debug, Clone)]
pub struct Batch {
    /// The events that match. Never empty.
    pub frames: Vec<Arc<Frame>>,
    /// The position up to which the log was looked at.
    pub scanned: Cursor,
}

/// Why a position could not be resumed from.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum ResetReason {
    /// Retention has removed what came after it.
    Expired,
    /// It is a position of another log, as after a restore.
    UnknownEpoch,
    /// The log ends before it.
    BeyondHead,
}

impl ResetReason {
    /// The public spelling.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Expired => "expired",
            Self::UnknownEpoch => "unknown_epoch",
            Self::BeyondHead => "beyond_head",
        }
    }
}

/// The subscriber has missed something that nobody can give it any more.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Reset {
    /// Why.
    pub reason: ResetReason,
    /// Where the subscription goes on.
    pub cursor: Cursor,
}

/// What a subscription gives.
#[derive(Debug, Clone)]
pub enum Next {
    /// Events.
    Batch(Batch),
    /// A cut, after which it goes on at another position.
    Reset(Reset),
}
