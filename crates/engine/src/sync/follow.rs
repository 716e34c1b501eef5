//! Follows an application's live stream for as long as something runs.
//!
//! The stream only makes things faster. It may drop, fall silent, replay or leave something out; so every end that it tells
//! is read again by REST, the newest page is read after every reconnect, and now and then while it is open.

use std::collections::HashSet;
use std::time::Duration;

use futures_util::StreamExt;
use slipway_core::budget::{CIRCUIT_OPEN, HELD_BACK, Priority, with_priority};
use slipway_core::provider::{ApplicationRef, ErrorKind, ProviderError, SharedProvider, StreamItem};
use slipway_core::{ApplicationId, FreshnessMode, Via};
use slipway_store::sync_targets;
use tokio::time::Instant;

use super::application::Reconciled;
use super::pace;
use super::worker::{Failure, Worker};
use crate::logs::live::{LiveLogs, Taken};

/// How long a stream is kept open after the last deployment ended: the next one often follows.
const LINGER: Duration = Duration::from_secs(3);
/// Something that runs longer than this is polled, less and less often.
const LONGEST_FOLLOW: Duration = Duration::from_secs(1_800);
const CONFIRM_EVERY: Duration = Duration::from_secs(5);
const STREAM_INTERVAL: Duration = Duration::from_secs(30);
/// An end between the last read and the opening of a stream is told by neither. What the stream tells of did not end then.
const FIRST_REREAD: Duration = Duration::from_secs(5);
const REREAD_EVERY: Duration = Duration::from_secs(60);
const FIRST_PAUSE: Duration = Duration::from_millis(500);
const LONGEST_PAUSE: Duration = Duration::from_secs(30);
/// So many connections in a row that brought nothing, and we go back to polling.
const FRUITLESS_CONNECTIONS: u32 = 4;

type Application = (ApplicationId, ApplicationRef);

impl Worker {
    /// Follows until nothing has run for a while. Answers the mark of activity that the last read covers, and what it found.
    pub(super) async fn follow(
        &self,
        provider: &SharedProvider,
        application: &Application,
        reconciled: Reconciled,
    ) -> Result<(Option<String>, Reconciled), Failure> {
        let started = Instant::now();
        let mut running = unfinished_ids(&reconciled);
        let mut covered = self.target.listed_activity.clone();
        let mut fruitless = 0;
        let mut pause = FIRST_PAUSE;
        let mut logs = LiveLogs::default();
        loop {
            logs.reconnected();
            let heard = self
                .listen(provider, application, (&mut running, &mut logs), started)
                .await;
            // What came before it broke came all the same.
            logs.flush(&self.context, self.lease).await?;
            let heard = heard?;
            if heard {
                (fruitless, pause) = (0, FIRST_PAUSE)
            } else {
                fruitless += 1
            }
            let is_over = running.is_empty()
                || self.shutdown.is_cancelled()
                || started.elapsed() > LONGEST_FOLLOW
                || fruitless >= FRUITLESS_CONNECTIONS;
            if !is_over {
                tokio::time::sleep(pace::jittered(pause)).await;
                pause = (pause * 2).min(LONGEST_PAUSE);
            }
            if running.is_empty() && provider.capabilities().change_feed && !self.shutdown.is_cancelled() {
                // Each end was read by REST. Should anything else have moved since the last page, the account's list tells.
                return Ok((covered, self.look_at(application.0).await?));
            }
            // The mark is read first: what it stands for is then covered by the read that follows.
            covered = self.listed_activity().await?;
            let reconciled = self.reconcile(provider, application, false).await?;
            running = unfinished_ids(&reconciled);
            if is_over || running.is_empty() {
                return Ok((covered, reconciled));
            }
        }
    }

    /// One connection, until it breaks or there is nothing to follow any more. Answers whether it told anything.
    async fn listen(
        &self,
        provider: &SharedProvider,
        application: &Application,
        (running, logs): (&mut HashSet<String>, &mut LiveLogs),
        started: Instant,
    ) -> Result<bool, Failure> {
        let mut stream = match provider.follow(&application.1).await {
            Ok(stream) => stream,
            Err(error) if matches!(error.kind, ErrorKind::Unavailable | ErrorKind::Protocol) => {
                self.tell_broken(&error);
                return Ok(false);
            }
            Err(error) => return Err(error.into()),
        };
        let mut heard = false;
        let mut confirmed_at = None;
        let mut idle_since = Instant::now();
        let (mut reread_at, mut is_told) = (Instant::now() + FIRST_REREAD, false);
        loop {
            if !running.is_empty() {
                idle_since = Instant::now();
            }
            let deadline =
                (idle_since + if running.is_empty() { LINGER } else { LONGEST_FOLLOW }).min(started + LONGEST_FOLLOW);
            let flush_at = logs.flush_at().unwrap_or(deadline);
            let item = tokio::select! {
                () = self.shutdown.cancelled() => return Ok(heard),
                () = tokio::time::sleep_until(flush_at), if logs.flush_at().is_some() => {
                    logs.flush(&self.context, self.lease).await?;
                    continue;
                }
                () = tokio::time::sleep_until(deadline) => return Ok(heard),
                () = tokio::time::sleep_until(reread_at), if !running.is_empty() => {
                    self.reread(provider, application, running).await?;
                    reread_at = Instant::now() + pace::jittered(REREAD_EVERY);
                    continue;
                }
                item = stream.next() => item,
            };
            if !is_told && item.as_ref().is_some_and(|item| tells_of(item, running)) {
                is_told = true;
                reread_at = Instant::now() + pace::jittered(REREAD_EVERY);
            }
            match item {
                None => return Ok(heard),
                Some(Err(error)) => {
                    self.tell_broken(&error);
                    return Ok(heard);
                }
                Some(Ok(StreamItem::Log {
                    provider_deployment_id: id,
                    content,
                })) => {
                    self.take_log(provider, application, (&mut *running, &mut *logs), (&id, &content))
                        .await?;
                }
                Some(Ok(item)) => self.take(provider, application, running, item).await?,
            }
            heard = true;
            if confirmed_at.is_none_or(|at: Instant| at.elapsed() > CONFIRM_EVERY) {
                self.confirm().await?;
                confirmed_at = Some(Instant::now());
            }
        }
    }

    /// Sees by REST what an open stream left out. Where the budget has nothing for it, the stream goes on all the same.
    async fn reread(
        &self,
        provider: &SharedProvider,
        application: &Application,
        running: &mut HashSet<String>,
    ) -> Result<(), Failure> {
        // Only what is to spare: whatever the stream tells, and the account's list, is looked at before.
        match with_priority(Priority::Log, self.reconcile(provider, application, false)).await {
            Ok(reconciled) => *running = unfinished_ids(&reconciled),
            Err(Failure::Provider(error)) if matches!(error.reason, Some(HELD_BACK | CIRCUIT_OPEN)) => {}
            Err(failure) => return Err(failure),
        }
        Ok(())
    }

    async fn take(
        &self,
        provider: &SharedProvider,
        application: &Application,
        running: &mut HashSet<String>,
        item: StreamItem,
    ) -> Result<(), Failure> {
        match item {
            StreamItem::Alive | StreamItem::Log { .. } => {}
            StreamItem::Announced {
                provider_deployment_id: id,
            } => {
                self.note(provider, application, running, &id).await?;
            }
            StreamItem::Deployment(observation) => {
                let id = observation.provider_deployment_id.clone();
                let is_finished = observation.state.is_finished;
                if running.contains(&id) {
                    self.bring_in(provider, application, self.asked(Via::Stream), vec![*observation])
                        .await?;
                    if is_finished {
                        self.note(provider, application, running, &id).await?;
                    }
                } else if !is_finished {
                    // A frame tells little of a deployment that is not known yet, and replays name old ones.
                    self.note(provider, application, running, &id).await?;
                }
            }
        }
        Ok(())
    }

    /// Keeps a piece of log. One of a deployment that nobody has told of brings that in first.
    async fn take_log(
        &self,
        provider: &SharedProvider,
        application: &Application,
        (running, logs): (&mut HashSet<String>, &mut LiveLogs),
        (id, content): (&str, &str),
    ) -> Result<(), Failure> {
        if !provider.capabilities().follow_logs {
            return Ok(());
        }
        let taken = logs.take(&self.context, application.0, self.lease, id, content).await?;
        if taken == Taken::UnknownDeployment {
            self.note(provider, application, running, id).await?;
            let taken = logs.take(&self.context, application.0, self.lease, id, content).await?;
            if taken == Taken::UnknownDeployment {
                logs.ignore(id);
            }
        }
        Ok(())
    }

    /// Reads a deployment by REST and keeps track of whether it still runs.
    async fn note(
        &self,
        provider: &SharedProvider,
        application: &Application,
        running: &mut HashSet<String>,
        id: &str,
    ) -> Result<(), Failure> {
        let observation = self.refresh_one(provider, application, id).await?;
        if observation.state.is_finished {
            running.remove(id);
        } else {
            running.insert(id.to_owned());
        }
        Ok(())
    }

    async fn confirm(&self) -> Result<(), Failure> {
        let mut conn = self.connection().await?;
        let interval = pace::signed(STREAM_INTERVAL);
        let (id, token) = (self.lease.target_id, self.lease.token);
        sync_targets::record_success(&mut conn, id, token, FreshnessMode::Stream, interval).await?;
        Ok(())
    }

    async fn listed_activity(&self) -> Result<Option<String>, Failure> {
        let mut conn = self.connection().await?;
        Ok(sync_targets::find_listed_activity(&mut conn, self.lease.target_id).await?)
    }

    fn tell_broken(&self, error: &ProviderError) {
        tracing::info!(account.name = %self.account, error = %error, "a live stream broke; reading by REST and connecting again");
    }
}

/// Whether this is about something that runs.
fn tells_of(item: &Result<StreamItem, ProviderError>, running: &HashSet<String>) -> bool {
    match item {
        Ok(StreamItem::Deployment(observation)) => running.contains(&observation.provider_deployment_id),
        Ok(StreamItem::Log {
            provider_deployment_id, ..
        }) => running.contains(provider_deployment_id),
        _ => false,
    }
}

fn unfinished_ids(reconciled: &Reconciled) -> HashSet<String> {
    let rows = reconciled.unfinished.iter();
    rows.map(|row| row.provider_deployment_id.clone()).collect()
}
