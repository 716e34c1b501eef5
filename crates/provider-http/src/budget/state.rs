//! What a client knows between two looks at the ledger, and how both are brought together.

use std::collections::HashMap;
use std::time::Duration;

use slipway_core::budget::{Circuit, CircuitEvent, Grant, Ledger, Priority, Reply, Report, Told, Wait};
use slipway_core::provider::RateBudget;
use time::OffsetDateTime;

#[derive(Debug, Default)]
pub(super) struct State {
    /// The ledger, while it is this client's own.
    pub(super) own: Ledger,
    pub(super) slice: Option<Slice>,
    pub(super) in_flight: u32,
    pub(super) made: u32,
    pub(super) made_at: Option<OffsetDateTime>,
    pub(super) told: Option<Told>,
    /// When that was, by our clock.
    pub(super) told_at: Option<OffsetDateTime>,
    /// What happened since the ledger was asked, and when by its clock.
    pub(super) events: Vec<(OffsetDateTime, CircuitEvent)>,
    pub(super) circuit: Circuit,
    pub(super) shown: Option<RateBudget>,
    pub(super) refused: Option<Refused>,
    /// When the last of those comes back that were refused and that nobody waits for, by our clock.
    pub(super) queued_until: HashMap<Priority, OffsetDateTime>,
    pub(super) away_until: Option<OffsetDateTime>,
    /// Writes that were let through while the ledger was away.
    pub(super) unasked_writes: u32,
    /// How the ledger's clock differs from ours.
    pub(super) offset: time::Duration,
}

/// Requests that may be made without asking.
#[derive(Debug, Clone, Copy)]
pub(super) struct Slice {
    pub(super) grant: Grant,
    pub(super) left: u32,
    pub(super) until: OffsetDateTime,
}

#[derive(Debug, Clone, Copy)]
pub(super) struct Refused {
    pub(super) priority: Priority,
    pub(super) wait: Wait,
    pub(super) until: OffsetDateTime,
}

/// What the ledger has to hear. The slice is out of use until the answer comes, so that nobody takes from it what was given
/// back; `keeps` tells whether it is to come back.
pub(super) fn take_report(state: &mut State, now: OffsetDateTime, keeps: bool) -> (Report, Option<Slice>) {
    let ledger_now = now + state.offset;
    let slice = state
        .slice
        .take()
        .filter(|slice| keeps && slice.left > 0 && ledger_now < slice.until);
    let report = Report {
        made: std::mem::take(&mut state.made),
        made_ago: state
            .made_at
            .take()
            .map_or(Duration::ZERO, |at| Duration::try_from(now - at).unwrap_or_default()),
        in_flight: state.in_flight,
        kept: slice.map_or(0, |slice| slice.left),
        told: state.told.take(),
        told_ago: state
            .told_at
            .take()
            .map_or(Duration::ZERO, |at| Duration::try_from(now - at).unwrap_or_default()),
        events: std::mem::take(&mut state.events)
            .into_iter()
            .map(|(at, event)| (Duration::try_from(ledger_now - at).unwrap_or_default(), event))
            .collect(),
    };
    (report, slice)
}

/// Takes the ledger's answer over. `began` is when it was asked, by our clock: a slice is over no later than the ledger thinks.
pub(super) fn apply(state: &mut State, began: OffsetDateTime, kept: Option<Slice>, reply: &Reply) {
    state.offset = reply.now - began;
    state.circuit = reply.circuit.clone();
    state.shown = reply.budget;
    state.away_until = None;
    state.unasked_writes = 0;
    state.refused = None;
    state.slice = match reply.granted {
        Some(Ok(grant)) => Some(Slice {
            grant,
            left: grant.count,
            until: reply.now + grant.valid_for,
        }),
        _ => kept,
    };
}
