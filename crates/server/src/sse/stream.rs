//! One stream: blocks of events, heartbeats, resets, and an end when the process is asked to stop.

use std::sync::Arc;
use std::time::Duration;

use bytes::Bytes;
use slipway_api::Cursor;
use slipway_feed::{Batch, Filter, Next, Reset, Sink, Snapshot, Subscription, write_control};
use slipway_store::StoreError;
use slipway_store::sync_targets::FreshnessRow;
use tokio::time::{Instant, Interval};
use tokio_util::sync::CancellationToken;

use super::{Piece, StreamPermit, heartbeat};
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

    /// From now on, events that come while [`EventStream::next`] waits go to `sink` at once.
    pub(crate) fn attach(&mut self, sink: Arc<dyn Sink>) {
        self.subscription.attach(sink);
    }

    /// Whether others wait until what [`EventStream::next`] gave is sent.
    pub(crate) fn has_turn(&self) -> bool {
        self.subscription.has_turn()
    }

    /// Waits for the turn to send on what could not be sent before.
    pub(crate) async fn wait_for_turn(&mut self) {
        self.subscription.wait_for_turn().await;
    }

    /// What [`EventStream::next`] gave is sent as far as it can be.
    pub(crate) fn give_way(&mut self) {
        self.subscription.give_way();
    }

    /// What is to be sent next; none after the end. May be dropped and called again.
    pub(crate) async fn next(&mut self) -> Option<Piece> {
        if self.has_ended {
            return None;
        }
        if let Some(preamble) = self.preamble.take() {
            return Some(preamble.into());
        }
        loop {
            let ready = tokio::select! {
                biased;
                () = self.shutdown.cancelled() => Ready::Shutdown,
                ended = self.standing.ended() => Ready::Ended(ended),
                _ = self.heartbeat.tick() => Ready::Heartbeat,
                forth = take(&mut self.snapshot, &mut self.subscription, &mut self.paused_until) => Ready::Forth(forth),
            };
            // Nothing is pushed from here on.
            if let Some(pushed) = self.subscription.take_pushed() {
                self.told = Some(pushed);
            }
            match ready {
                Ready::Shutdown => {
                    self.has_ended = true;
                    return Some(self.goodbye().into());
                }
                Ready::Ended(ended) => {
                    self.has_ended = true;
                    return Some(self.dismiss(ended).into());
                }
                Ready::Heartbeat => return Some(Box::pin(self.beat()).await.into()),
                Ready::Forth(Ok(Forth::Snapshot(blocks))) => return Some(blocks.into()),
                Ready::Forth(Ok(Forth::SnapshotEnd)) => return Some(self.end_snapshot().into()),
                Ready::Forth(Ok(Forth::Live(Next::Batch(batch)))) => return Some(self.events(batch)),
                Ready::Forth(Ok(Forth::Live(Next::Reset(reset)))) => return Some(self.reset(reset).into()),
                Ready::Forth(Err(error)) => {
                    tracing::debug!(
                        error = &error as &dyn std::error::Error,
                        "a stream waits for the database"
                    );
                }
            }
        }
    }

    fn events(&mut self, batch: Batch) -> Piece {
        let Batch { frames, .. } = batch;
        if let Some(last) = frames.last() {
            let epoch = self
                .subscription
                .position()
                .map(|cursor| cursor.epoch)
                .unwrap_or_default();
            self.told = Some(Cursor { epoch, seq: last.seq() });
        }
        Piece::Events(frames)
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

/// What a stream waited for.
enum Ready {
    Shutdown,
    Ended(Ended),
    Heartbeat,
    Forth(Result<Forth, StoreError>),
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
            let blocks = Box::pin(snapshot.next_blocks()).await;
            blocks.map(|blocks| blocks.map_or(Forth::SnapshotEnd, Forth::Snapshot))
        }
        None => subscription.next_batch().await.map(Forth::Live),
    };
    if forth.is_err() {
        *paused_until = Some(Instant::now() + PAUSE);
    }
    forth
}
