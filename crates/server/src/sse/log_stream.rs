//! One followed log: lines, heartbeats, resets, and its end.

use std::time::Duration;

use bytes::Bytes;
use slipway_feed::{LogEnd, LogFollower, LogNext, write_log_control};
use slipway_store::{StoreError, deployments};
use tokio::time::{Instant, Interval, MissedTickBehavior};
use tokio_util::sync::CancellationToken;
use uuid::Uuid;

use super::{Piece, StreamPermit, heartbeat};
use crate::auth::{Ended, Principal, Standing};
use crate::state::AppState;

/// Between attempts to read while the database is away.
const PAUSE: Duration = Duration::from_secs(1);
/// How often it is looked whether the caller still sees the deployment: its application may have moved.
const LOOK_EVERY: Duration = Duration::from_secs(3);

/// The log of one deployment for one client.
pub(crate) struct LogStream {
    state: AppState,
    deployment_id: Uuid,
    follower: LogFollower,
    principal: Principal,
    standing: Standing,
    heartbeat: Interval,
    look: Interval,
    shutdown: CancellationToken,
    preamble: Option<Bytes>,
    paused_until: Option<Instant>,
    has_ended: bool,
    _permit: StreamPermit,
}

impl LogStream {
    pub(crate) fn new(
        state: AppState,
        permit: StreamPermit,
        (principal, standing): (Principal, Standing),
        (deployment_id, follower): (Uuid, LogFollower),
    ) -> Self {
        let mut look = tokio::time::interval_at(Instant::now() + LOOK_EVERY, LOOK_EVERY);
        look.set_missed_tick_behavior(MissedTickBehavior::Delay);
        Self {
            heartbeat: heartbeat(state.settings().heartbeat_interval),
            shutdown: state.services().shutdown.clone(),
            state,
            deployment_id,
            follower,
            principal,
            standing,
            look,
            preamble: Some(super::preamble().into()),
            paused_until: None,
            has_ended: false,
            _permit: permit,
        }
    }

    /// What is to be sent next; none after the end. May be dropped and called again.
    pub(crate) async fn next(&mut self) -> Option<Piece> {
        self.next_block().await.map(Piece::from)
    }

    async fn next_block(&mut self) -> Option<Bytes> {
        if self.has_ended {
            return None;
        }
        if let Some(preamble) = self.preamble.take() {
            return Some(preamble);
        }
        let is_restricted = !self.principal.visibility.is_everything();
        loop {
            tokio::select! {
                biased;
                () = self.shutdown.cancelled() => {
                    self.has_ended = true;
                    return Some(self.goodbye());
                }
                ended = self.standing.ended() => return Some(self.dismiss(ended)),
                _ = self.look.tick(), if is_restricted => if !self.is_visible().await {
                    return Some(self.dismiss(Ended::Changed));
                },
                _ = self.heartbeat.tick() => return Some(self.control("heartbeat", self.unwell())),
                next = take(&mut self.follower, &mut self.paused_until) => match next {
                    Ok(LogNext::Lines(lines)) => return Some(lines),
                    Ok(LogNext::Reset) => return Some(self.reset()),
                    Ok(LogNext::End(end)) => return Some(self.end(end)),
                    Err(error) => {
                        tracing::debug!(error = &error as &dyn std::error::Error, "a followed log waits for the database");
                    }
                },
            }
        }
    }

    async fn is_visible(&self) -> bool {
        let visible = async {
            let mut conn = self.state.connection().await?;
            deployments::is_visible(&mut conn, self.deployment_id, &self.principal.visibility).await
        };
        // Nobody is cut off because the database is away: nothing is sent then either.
        visible.await.unwrap_or(true)
    }

    fn unwell(&self) -> Option<&'static str> {
        (!self.state.feed().is_healthy()).then_some("database_unavailable")
    }

    fn reset(&self) -> Bytes {
        let mut block = self.control("reset", Some("replaced")).to_vec();
        block.extend_from_slice(&self.position_block());
        block.into()
    }

    fn end(&mut self, end: LogEnd) -> Bytes {
        self.has_ended = true;
        self.control("end", Some(end.as_str()))
    }

    fn control(&self, r#type: &str, reason: Option<&str>) -> Bytes {
        let mut block = Vec::new();
        write_log_control(&mut block, r#type, self.follower.position(), reason);
        block.into()
    }

    /// The last words to somebody who may not listen any more.
    fn dismiss(&mut self, ended: Ended) -> Bytes {
        self.has_ended = true;
        let mut block = self.control("auth_expired", Some(ended.as_str())).to_vec();
        block.extend_from_slice(&self.goodbye());
        block.into()
    }

    fn goodbye(&self) -> Bytes {
        let mut block = super::retry();
        block.extend_from_slice(&self.position_block());
        block.into()
    }

    /// A block without data: parsers remember the id and hand nothing to the application.
    fn position_block(&self) -> Bytes {
        match self.follower.position() {
            Some(position) => format!("id: {position}\n\n").into(),
            None => "\n".into(),
        }
    }
}

/// What comes next; after a failure only when some time has passed.
async fn take(follower: &mut LogFollower, paused_until: &mut Option<Instant>) -> Result<LogNext, StoreError> {
    if let Some(until) = *paused_until {
        tokio::time::sleep_until(until).await;
        *paused_until = None;
    }
    let next = follower.next().await;
    if next.is_err() {
        *paused_until = Some(Instant::now() + PAUSE);
    }
    next
}
