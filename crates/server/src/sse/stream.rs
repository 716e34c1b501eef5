//! One stream: blocks of events, heartbeats, resets, and an end when the process is asked to stop.

use std::convert::Infallible;
use std::time::Duration;

use bytes::{Bytes, BytesMut};
use futures_util::Stream;
use futures_util::stream::unfold;
use slipway_api::Cursor;
use slipway_feed::{Batch, Filter, Next, Reset, Snapshot, Subscription, write_control};
use slipway_store::StoreError;
use slipway_store::sync_targets::FreshnessRow;
use tokio::time::{Instant, Interval};
use tokio_util::sync::CancellationToken;

use super::{StreamPermit, heartbeat};
use crate::auth::{Ended, Principal, Standing};
use crate::shown::ShownAccounts;
use crate::state::AppState;

/// Between attempts to read what is missed while the database is away.
const PAUSE: Duration = Duration::from_secs(1);

/// What a stream begins with.
pub(crate) enum Begin {
    /// With what comes after a position, or from now.
    After(Option<Cursor>),
    /// With the deployments that matter now.
    Snapshot(Box<Snapshot>),
}

/// A stream of the event log for one client.
pub(crate) struct EventStream {
    state: AppState,
    subscription: Subscription,
    /// What comes before all events, as long as there is more of it.
    snapshot: Option<Box<Snapshot>>,
    principal: Principal,
    standing: Standing,
    heartbeat: Interval,
    shutdown: CancellationToken,
    /// The position that the client would resume from now.
    told: Option<Cursor>,
    preamble: Option<Bytes>,
    paused_until: Option<Instant>,
    has_ended: bool,
    _permit: StreamPermit,
}

impl EventStream {
    pub(crate) fn new(
        state: AppState,
        permit: StreamPermit,
        (principal, standing): (Principal, Standing),
        filter: Filter,
        begin: Begin,
    ) -> Self {
        let (from, snapshot) = match begin {
            Begin::After(from) => (from, None),
            Begin::Snapshot(snapshot) => (Some(snapshot.cursor().clone()), Some(snapshot)),
        };
        let heartbeat = heartbeat(state.settings().heartbeat_interval);
        let subscription = state.feed().subscribe(filter, from.clone());
        let mut preamble = super::preamble();
        // Whoever is cut off in a snapshot has to begin again: no position is told before its end.
        let mut told = from.filter(|_| snapshot.is_none());
        if told.is_none()
            && snapshot.is_none()
            && let Some(now) = subscription.position()
        {
            // "From now" ends here: a client that is cut off before its first event resumes without a gap.
            write_id_block(&mut preamble, &now);
            told = Some(now);
        }
        Self {
            shutdown: state.services().shutdown.clone(),
            state,
            subscription,
            snapshot,
            principal,
            standing,
            heartbeat,
            told,
            preamble: Some(preamble.into()),
            paused_until: None,
            has_ended: false,
            _permit: permit,
        }
    }

    /// The chunks of the body.
    pub(crate) fn into_body(self) -> impl Stream<Item = Result<Bytes, Infallible>> + Send {
        unfold(self, async |mut this| {
            this.next_chunk().await.map(|chunk| (Ok(chunk), this))
        })
    }

    async fn next_chunk(&mut self) -> Option<Bytes> {
        if self.has_ended {
            return None;
        }
        if let Some(preamble) = self.preamble.take() {
            return Some(preamble);
        }
        loop {
            tokio::select! {
                biased;
                () = self.shutdown.cancelled() => {
                    self.has_ended = true;
                    return Some(self.goodbye());
                }
                ended = self.standing.ended() => {
                    self.has_ended = true;
                    return Some(self.dismiss(ended));
                }
                _ = self.heartbeat.tick() => return Some(self.beat().await),
                forth = take(&mut self.snapshot, &mut self.subscription, &mut self.paused_until) => match forth {
                    Ok(Forth::Snapshot(blocks)) => return Some(blocks),
                    Ok(Forth::SnapshotEnd) => return Some(self.end_snapshot()),
                    Ok(Forth::Live(Next::Batch(batch))) => return Some(self.events(batch)),
                    Ok(Forth::Live(Next::Reset(reset))) => return Some(self.reset(reset)),
                    Err(error) => {
                        tracing::debug!(error = &error as &dyn std::error::Error, "a stream waits for the database");
                    }
                },
            }
        }
    }

    fn events(&mut self, batch: Batch) -> Bytes {
        let Batch { frames, .. } = batch;
        if let Some(last) = frames.last() {
            let epoch = self
                .subscription
                .position()
                .map(|cursor| cursor.epoch)
                .unwrap_or_default();
            self.told = Some(Cursor { epoch, seq: last.seq() });
        }
        match frames.as_slice() {
            [only] => only.sse().clone(),
            several => {
                let mut chunk = BytesMut::with_capacity(several.iter().map(|frame| frame.sse().len()).sum());
                several.iter().for_each(|frame| chunk.extend_from_slice(frame.sse()));
                chunk.freeze()
            }
        }
    }

    /// A sign of life with the position that was looked at for this client. Goes on while the database is away, and says so.
    async fn beat(&mut self) -> Bytes {
        let is_healthy = self.state.feed().is_healthy();
        let shown = ShownAccounts::of(&self.state, &self.principal);
        let shows = |row: &FreshnessRow| shown.shows(&row.provider, &row.account);
        let freshness = self.state.freshness().accounts_json(is_healthy, shows).await;
        let position = self.subscription.position().filter(|_| self.snapshot.is_none());
        let reason = (!is_healthy).then_some("database_unavailable");
        let mut block = b": alive\n".to_vec();
        let now = self.state.clock().now();
        write_control(&mut block, "heartbeat", now, position.as_ref(), &freshness, reason);
        if position.is_some() && position != self.told {
            position
                .iter()
                .for_each(|position| write_id_block(&mut block, position));
            self.told = position;
        }
        block.into()
    }

    /// From here on the client resumes instead of beginning again.
    fn end_snapshot(&mut self) -> Bytes {
        let mut block = Vec::new();
        let cursor = self.snapshot.take().map(|snapshot| snapshot.cursor().clone());
        let now = self.state.clock().now();
        write_control(&mut block, "snapshot.end", now, cursor.as_ref(), "[]", None);
        cursor.iter().for_each(|cursor| write_id_block(&mut block, cursor));
        self.told = cursor;
        block.into()
    }

    fn reset(&mut self, reset: Reset) -> Bytes {
        let mut block = Vec::new();
        let now = self.state.clock().now();
        write_control(
            &mut block,
            "reset",
            now,
            Some(&reset.cursor),
            "[]",
            Some(reset.reason.as_str()),
        );
        write_id_block(&mut block, &reset.cursor);
        self.told = Some(reset.cursor);
        block.into()
    }

    /// The last words to somebody who may not listen any more.
    fn dismiss(&self, ended: Ended) -> Bytes {
        let mut block = Vec::new();
        let now = self.state.clock().now();
        let position = self.told.as_ref();
        write_control(&mut block, "auth_expired", now, position, "[]", Some(ended.as_str()));
        block.extend_from_slice(&self.goodbye());
        block.into()
    }

    fn goodbye(&self) -> Bytes {
        let mut block = super::retry();
        match self.told.as_ref() {
            Some(told) => write_id_block(&mut block, told),
            None => block.push(b'\n'),
        }
        block.into()
    }
}

/// A block without data: parsers remember the id and hand nothing to the application.
fn write_id_block(out: &mut Vec<u8>, cursor: &Cursor) {
    out.extend_from_slice(format!("id: {cursor}\n\n").as_bytes());
}

/// What comes next.
enum Forth {
    Snapshot(Bytes),
    SnapshotEnd,
    Live(Next),
}

/// What comes next: first of the snapshot, then of the log; after a failure only when some time has passed. May be dropped.
async fn take(
    snapshot: &mut Option<Box<Snapshot>>,
    subscription: &mut Subscription,
    paused_until: &mut Option<Instant>,
) -> Result<Forth, StoreError> {
    if let Some(until) = *paused_until {
        tokio::time::sleep_until(until).await;
        *paused_until = None;
    }
    let forth = match snapshot {
        Some(snapshot) => {
            let blocks = snapshot.next_blocks().await;
            blocks.map(|blocks| blocks.map_or(Forth::SnapshotEnd, Forth::Snapshot))
        }
        None => subscription.next_batch().await.map(Forth::Live),
    };
    if forth.is_err() {
        *paused_until = Some(Instant::now() + PAUSE);
    }
    forth
}
