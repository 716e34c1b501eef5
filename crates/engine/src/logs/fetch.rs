//! Fetches final texts: of deployments that have just finished, and of older ones that somebody asks for.
//!
//! What is to be fetched is a row with a lease, so any number of processes share the work, and a restart forgets nothing. A
//! provider that fails is asked again, later and later; sync neither waits for this nor is held up by it.

use std::collections::HashMap;
use std::time::Duration;

use slipway_core::AccountName;
use slipway_core::budget::{HELD_BACK, Priority, with_priority};
use slipway_core::provider::{ApplicationRef, ErrorKind, ProviderError, SharedProvider};
use slipway_store::StoreError;
use slipway_store::logs::{self, DueFetch, Fetched};
use tokio::task::JoinSet;
use tokio::time::Instant;
use tokio_util::sync::CancellationToken;

use super::settle::{Brought, Settled, settle};
use crate::context::Context;
use crate::ingest::IngestError;

const LOOK_EVERY: Duration = Duration::from_millis(500);
/// A text may have some MiB: so many are in memory at once.
const AT_ONCE: usize = 4;
/// Longer than any call of a provider takes.
const LEASE: time::Duration = time::Duration::minutes(3);
const LONGEST_PAUSE: Duration = Duration::from_secs(900);
/// More than a day of trying.
const MAX_ATTEMPTS: i32 = 100;
/// A provider that says so often that it has no text has none.
const ATTEMPTS_UNTIL_MISSING: i32 = 3;
/// Texts that end before what was followed are taken after so many attempts.
const ATTEMPTS_UNTIL_SHORT: i32 = 4;
const AFTER_BUDGET: Duration = Duration::from_secs(10);

/// Works until `shutdown`.
///
/// # Errors
/// Ends with the first failure of the database; the supervisor starts it again.
pub(crate) async fn run(context: Context, shutdown: CancellationToken) -> Result<(), StoreError> {
    let mut fetches: JoinSet<Option<(AccountName, Duration)>> = JoinSet::new();
    let mut paused: HashMap<AccountName, Instant> = HashMap::new();
    loop {
        let free = AT_ONCE.saturating_sub(fetches.len());
        paused.retain(|_, until| *until > Instant::now());
        let mut accounts = context.setup.account_names();
        accounts.retain(|account| !paused.contains_key(&AccountName::from(account.as_str())));
        if free > 0 && !accounts.is_empty() {
            let mut conn = context.connection().await?;
            let limit = i64::try_from(free).unwrap_or(1);
            for due in logs::acquire_fetches(&mut conn, &accounts, LEASE, limit).await? {
                let (context, shutdown) = (context.clone(), shutdown.clone());
                fetches.spawn(async move { shutdown.run_until_cancelled(fetch(&context, due)).await? });
            }
        }
        tokio::select! {
            () = shutdown.cancelled() => break,
            () = tokio::time::sleep(LOOK_EVERY) => {}
            Some(ended) = fetches.join_next() => match ended {
                Ok(Some((account, pause))) => { paused.insert(account, Instant::now() + pause); }
                Ok(None) => {}
                Err(error) => tracing::error!(error = %error, "a fetch of a log panicked; it is taken up again when its lease expires"),
            },
        }
    }
    // They hear of the shutdown themselves; a lease that is left behind expires.
    while fetches.join_next().await.is_some() {}
    Ok(())
}

/// Fetches some texts that are due, one after the other. Answers how many there were.
///
/// # Errors
/// When the database fails.
pub async fn fetch_some(context: &Context) -> Result<usize, StoreError> {
    let accounts = context.setup.account_names();
    let due = {
        let mut conn = context.connection().await?;
        logs::acquire_fetches(&mut conn, &accounts, LEASE, 100).await?
    };
    let count = due.len();
    for due in due {
        fetch(context, due).await;
    }
    Ok(count)
}

/// One attempt. Answers for how long the account's provider must not be asked for logs.
async fn fetch(context: &Context, due: DueFetch) -> Option<(AccountName, Duration)> {
    let account = AccountName::from(due.account.as_str());
    let provider = context.setup.provider(&account)?;
    let (fetched, pause) = match attempt(context, &provider, &due).await {
        Ok(None) => return None,
        Ok(Some(fetched)) => (fetched, None),
        Err(failure) => {
            tracing::warn!(
                account.name = %account,
                deployment.id = %due.deployment_id,
                error = &failure as &dyn std::error::Error,
                "the log of a deployment was not fetched"
            );
            explain(context, &failure, &due)
        }
    };
    let released = async {
        let mut conn = context.connection().await?;
        logs::release_fetch(&mut conn, due.deployment_id, due.lease_token, fetched).await
    };
    if let Err(error) = released.await {
        tracing::warn!(error = %error, "the fetch of a log was not given back; its lease will expire");
    }
    pause.map(|pause| (account, pause))
}

#[derive(Debug, thiserror::Error)]
enum Failure {
    #[error(transparent)]
    Provider(#[from] ProviderError),
    #[error(transparent)]
    Ingest(#[from] IngestError),
}

/// None when a text is stored, or there is nothing more to do.
async fn attempt(context: &Context, provider: &SharedProvider, due: &DueFetch) -> Result<Option<Fetched>, Failure> {
    let capabilities = provider.capabilities();
    let application = ApplicationRef {
        provider_application_id: due.provider_application_id.clone(),
        name: due.application_name.clone(),
    };
    let brought = if capabilities.read_logs {
        // Those that somebody waits for come before those that nobody does.
        let priority = if due.is_wanted {
            Priority::Refresh
        } else {
            Priority::Log
        };
        let read = provider.read_log(&application, &due.provider_deployment_id);
        match with_priority(priority, read).await {
            Ok(text) => Brought::Text(text),
            Err(error) if error.kind == ErrorKind::NotFound && due.attempts + 1 < ATTEMPTS_UNTIL_MISSING => {
                return Ok(Some(again(context, "not_found", due)));
            }
            Err(error) if error.kind == ErrorKind::NotFound => Brought::Nothing,
            Err(error) => return Err(error.into()),
        }
    } else {
        // What was followed is all there will be.
        Brought::Nothing
    };
    let is_last_try = due.attempts + 1 >= ATTEMPTS_UNTIL_SHORT;
    match settle(context, due, capabilities, brought, is_last_try).await? {
        Settled::Stored => Ok(None),
        Settled::FallsShort => Ok(Some(again(context, "incomplete", due))),
        // A deployment that runs again is asked about when it has finished again.
        Settled::Superseded => Ok(Some(Fetched::GivenUp { error: "superseded" })),
    }
}

fn explain(context: &Context, failure: &Failure, due: &DueFetch) -> (Fetched, Option<Duration>) {
    match failure {
        Failure::Provider(error) if error.kind == ErrorKind::RateLimited || error.reason.is_some() => {
            let pause = error.retry_after.unwrap_or(AFTER_BUDGET).min(LONGEST_PAUSE);
            let fetched = Fetched::Again {
                error: error.kind.as_str(),
                after: signed(pause),
                counts: false,
            };
            // What is left of the budget may do for one that somebody waits for.
            let is_only_this = error.reason == Some(HELD_BACK);
            (fetched, Some(pause).filter(|_| !is_only_this))
        }
        Failure::Provider(error) => (again(context, error.kind.as_str(), due), None),
        Failure::Ingest(_) => (again(context, "not_stored", due), None),
    }
}

/// Twice as long each time.
fn again(context: &Context, error: &'static str, due: &DueFetch) -> Fetched {
    if due.attempts + 1 >= MAX_ATTEMPTS {
        return Fetched::GivenUp { error };
    }
    let exponent = u32::try_from(due.attempts).unwrap_or(0).min(10);
    let pause = (context.logs.first_pause * 2_u32.pow(exponent)).min(LONGEST_PAUSE);
    Fetched::Again {
        error,
        after: signed(pause.mul_f64(rand::random_range(0.8..=1.2))),
        counts: true,
    }
}

fn signed(duration: Duration) -> time::Duration {
    time::Duration::try_from(duration).unwrap_or(time::Duration::MAX)
}
