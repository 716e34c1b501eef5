//! Reads the providers: leased targets, change feeds before polling, live streams while something runs.

mod account;
mod application;
mod follow;
mod pace;
mod worker;

use std::time::Duration;

use slipway_core::id;
use slipway_store::{StoreError, sync_targets};
use tokio::task::JoinSet;
use tokio_util::sync::CancellationToken;
use tracing::Instrument;

use crate::context::Context;

/// How the background reads are paced.
#[derive(Debug, Clone)]
pub struct SyncSettings {
    /// Names this process in leases.
    pub holder: String,
    /// Whether this process is known to be the only one on its database, as with the built-in PostgreSQL: then leases that
    /// an earlier run left behind are given back at once.
    pub is_only_process: bool,
    /// How long a lease lasts without being renewed: a process that died is replaced after this time.
    pub lease: Duration,
    /// How often an account's list of applications is read, at the most.
    pub account_interval: Duration,
    /// How often an application is read while something runs that no stream follows.
    pub running_interval: Duration,
    /// How often an application is read while nothing runs and the account's list tells what moved.
    pub idle_interval: Duration,
    /// How many applications are read or followed at the same time.
    pub worker_count: usize,
}

impl Default for SyncSettings {
    fn default() -> Self {
        Self {
            holder: format!("process-{}", std::process::id()),
            is_only_process: false,
            lease: Duration::from_secs(15),
            account_interval: Duration::from_secs(5),
            running_interval: Duration::from_secs(4),
            idle_interval: Duration::from_secs(300),
            worker_count: 64,
        }
    }
}

const LONGEST_NAP: Duration = Duration::from_secs(1);
const GRACE: Duration = Duration::from_millis(500);

/// Works on due targets until `shutdown`, then gives its leases back. With other accounts, or other adapters for them, it
/// begins anew.
///
/// # Errors
/// Ends with the first failure of the database; the supervisor starts it again.
pub async fn run(context: Context, settings: SyncSettings, shutdown: CancellationToken) -> Result<(), StoreError> {
    if settings.is_only_process {
        sync_targets::release_all(&mut *context.connection().await?, None).await?;
    }
    let mut changes = context.setup.changes();
    while !shutdown.is_cancelled() {
        let round = shutdown.child_token();
        let work = work(context.clone(), settings.clone(), round.clone());
        tokio::pin!(work);
        tokio::select! {
            ended = &mut work => ended?,
            _ = changes.changed() => {
                round.cancel();
                work.await?;
            }
        }
    }
    Ok(())
}

/// Works with the accounts of this moment until `shutdown`.
async fn work(context: Context, settings: SyncSettings, shutdown: CancellationToken) -> Result<(), StoreError> {
    let accounts = register_accounts(&context).await?;
    let mut workers = JoinSet::new();
    let outcome = loop {
        let free = settings.worker_count.saturating_sub(workers.len());
        let nap = match start_due(&context, &settings, &accounts, &mut workers, free, &shutdown).await {
            Ok(nap) => nap,
            Err(error) => break Err(error),
        };
        tokio::select! {
            () = shutdown.cancelled() => break Ok(()),
            () = tokio::time::sleep(nap) => {}
            Some(ended) = workers.join_next() => {
                report_panic(ended);
                // Those that ended together make room together.
                while let Some(ended) = workers.try_join_next() {
                    report_panic(ended);
                }
            }
        }
    };
    // Workers hear of the shutdown themselves; what is still waiting for a provider after the grace is dropped, which is
    // safe at any point: only commits count.
    let _ = tokio::time::timeout(GRACE, async { while workers.join_next().await.is_some() {} }).await;
    workers.shutdown().await;
    if let Ok(mut conn) = context.connection().await {
        sync_targets::release_all(&mut conn, Some(&settings.holder)).await?;
    }
    outcome
}

async fn register_accounts(context: &Context) -> Result<Vec<String>, StoreError> {
    let mut conn = context.connection().await?;
    let mut accounts = Vec::new();
    for (account, provider) in context.setup.now().registry.iter() {
        let target_id = id::new_id(context.clock.now());
        sync_targets::insert_account(&mut conn, target_id, account.as_str(), provider.info().name).await?;
        accounts.push(account.to_string());
    }
    Ok(accounts)
}

async fn start_due(
    context: &Context,
    settings: &SyncSettings,
    accounts: &[String],
    workers: &mut JoinSet<()>,
    free: usize,
    shutdown: &CancellationToken,
) -> Result<Duration, StoreError> {
    let mut conn = context.connection().await?;
    let lease = pace::signed(settings.lease);
    let limit = i64::try_from(free).unwrap_or(i64::MAX);
    let targets = sync_targets::acquire_due(&mut conn, accounts, &settings.holder, lease, limit).await?;
    let found_any = !targets.is_empty();
    for target in targets {
        context.note_database_time(target.leased_at);
        if target.is_taken_over {
            context.figures.note_lease_takeover();
        }
        let worker = worker::Worker::new(context.clone(), settings.clone(), target, shutdown.clone());
        let span = worker.span();
        workers.spawn(worker.run().instrument(span));
    }
    if found_any {
        return Ok(Duration::ZERO);
    }
    if free == 0 {
        // However many wait, there is nobody for them: the next one who is done looks again.
        return Ok(LONGEST_NAP);
    }
    let next = sync_targets::find_next_due_ms(&mut conn, accounts, pace::signed(LONGEST_NAP))
        .await?
        .unwrap_or(i64::MAX);
    Ok(Duration::from_millis(u64::try_from(next).unwrap_or(0).max(20)).min(LONGEST_NAP))
}

fn report_panic(ended: Result<(), tokio::task::JoinError>) {
    if let Err(error) = ended
        && error.is_panic()
    {
        tracing::error!(error = %error, "a sync worker panicked; its target is taken up again when the lease expires");
    }
}
