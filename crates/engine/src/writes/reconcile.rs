//! Ends what was begun: intents that a crash, a lost answer or a provider's silence left open.
//!
//! Without input and repeatable: every look takes the intents that are due and that nobody works on, so that any number of
//! replicas share the work, and a process that died is replaced once its lease has ended.

use std::time::Duration;

use slipway_core::observation::Asked;
use slipway_core::provider::{ErrorKind, ProviderError, SharedProvider, Write};
use slipway_core::{AccountName, Via};
use slipway_store::intents::{self, Intent, IntentState};
use slipway_store::{Connection, StoreError, applications, deployments, event_log};
use time::OffsetDateTime;
use tokio::task::JoinHandle;
use tokio_util::sync::CancellationToken;

use super::begin::application_ref;
use super::outcome::Outcome;
use super::{Order, Refusal, WriteError, Writes};
use crate::ingest::{Batch, CLAIM_WITHIN, IngestError, Plan, ingest, store};

const LOOK_EVERY: Duration = Duration::from_secs(1);
const BATCH: i64 = 16;
/// An intent that was not called for so long is not called any more: a restart hours later must not deploy.
const SEND_WITHIN: time::Duration = time::Duration::minutes(10);
/// A look that failed is made again after this time.
const LOOK_AGAIN_AFTER: time::Duration = time::Duration::seconds(30);
/// How far before the call the provider's clock may have put the deployment.
const CLOCK_SKEW: time::Duration = time::Duration::minutes(10);
const LONGEST_LOOK_PAGES: usize = 50;

/// Looks again and again until `shutdown`.
///
/// # Errors
/// Ends with the first failure of the database; the supervisor starts it again.
pub(crate) async fn run(writes: Writes, is_only_process: bool, shutdown: CancellationToken) -> Result<(), StoreError> {
    if is_only_process {
        intents::release_all(&mut *writes.context.connection().await?, writes.started_at).await?;
    }
    loop {
        writes.take_due().await?;
        tokio::select! {
            () = shutdown.cancelled() => return Ok(()),
            () = tokio::time::sleep(LOOK_EVERY) => {}
        }
    }
}

impl Writes {
    /// Works on everything that is due, and waits until that is done.
    ///
    /// # Errors
    /// When the database fails.
    pub async fn reconcile(&self) -> Result<usize, StoreError> {
        let tasks = self.take_due().await?;
        let count = tasks.len();
        for task in tasks {
            // A panic is told by the task itself; its intent is taken up again when the lease has ended.
            let _ = task.await;
        }
        Ok(count)
    }

    async fn take_due(&self) -> Result<Vec<JoinHandle<()>>, StoreError> {
        let accounts = self.context.setup.account_names();
        let lease = time::Duration::try_from(self.lease).unwrap_or(time::Duration::MAX);
        let now = self.context.database_now();
        let due = {
            let mut conn = self.context.connection().await?;
            intents::acquire_due(&mut conn, &accounts, now, lease, BATCH).await?
        };
        let tasks = due.into_iter().map(|intent| {
            let writes = self.clone();
            self.tasks.spawn(async move {
                let id = intent.new.id;
                match writes.resume(intent, now).await {
                    Ok(()) | Err(WriteError::InFlight) => {}
                    Err(error) => tracing::warn!(intent.id = %id, error = %error, "a write could not be ended and is taken up again"),
                }
            })
        });
        Ok(tasks.collect())
    }

    async fn resume(&self, intent: Intent, now: OffsetDateTime) -> Result<(), WriteError> {
        let account = AccountName::from(intent.new.account.as_str());
        let Some(provider) = self.context.setup.provider(&account) else {
            return Ok(());
        };
        let (id, token) = (intent.new.id, intent.lease_token.unwrap_or_default());
        let is_cancel = matches!(intent.new.request, Write::Cancel { .. });
        let is_old = now - intent.new.created_at >= SEND_WITHIN;
        match intent.state {
            IntentState::Settled => {}
            IntentState::Claimable => self.look(&intent, &provider, now).await?,
            IntentState::Waiting | IntentState::Calling if is_cancel && is_old => {
                let detail = "the provider did not answer; whether the deployment was stopped shows in its status";
                let outcome = Outcome::Refused(Refusal::new("provider_unavailable", detail), None);
                self.settle_surely(id, token, outcome).await?;
            }
            IntentState::Calling if is_cancel => drop(self.call(intent).await?),
            IntentState::Calling => {
                let outcome = self.find_arrival(&intent, &provider).await?;
                self.settle_surely(id, token, outcome).await?;
            }
            IntentState::Waiting if is_old => drop(self.settle_surely(id, token, Outcome::NeverSent).await?),
            IntentState::Waiting => match self.is_still_allowed(&intent).await {
                Ok(()) => drop(self.call(intent).await?),
                Err(WriteError::Refused(refusal)) if is_cancel => {
                    self.settle_surely(id, token, Outcome::Refused(refusal, None)).await?;
                }
                Err(WriteError::Refused(_) | WriteError::NotFound) => {
                    self.settle_surely(id, token, Outcome::NeverSent).await?;
                }
                Err(error) => return Err(error),
            },
        }
        Ok(())
    }

    async fn is_still_allowed(&self, intent: &Intent) -> Result<(), WriteError> {
        let mut conn = self.context.connection().await?;
        let application = applications::find(&mut conn, intent.new.application_id).await?;
        let application = application.ok_or(WriteError::NotFound)?;
        let target = match intent.new.target {
            None => None,
            Some(id) => Some(deployments::find(&mut conn, id).await?.ok_or(WriteError::NotFound)?),
        };
        let target_id = intent.new.target.unwrap_or(slipway_core::DeploymentId(intent.new.id));
        let order = match &intent.new.request {
            Write::Trigger(request) => Order::Trigger(application.id, request.clone()),
            Write::Redeploy(_) => Order::Redeploy(target_id),
            Write::Rollback(_) => Order::Rollback(target_id),
            Write::Cancel { .. } => Order::Cancel(target_id),
        };
        let overrides = intent.new.overrides_freeze;
        self.allow(&mut conn, &order, &application, target, overrides).await?;
        Ok(())
    }

    /// Whether the provider can prove that the call arrived. It cannot prove that it did not: it may still be on its way.
    async fn find_arrival(&self, intent: &Intent, provider: &SharedProvider) -> Result<Outcome, WriteError> {
        if !provider.capabilities().call_reference {
            return Ok(Outcome::Unknown);
        }
        let found = {
            let mut conn = self.context.connection().await?;
            applications::find(&mut conn, intent.new.application_id).await?
        };
        let application = application_ref(&found.ok_or(WriteError::NotFound)?);
        let reference = intent.new.id.to_string();
        Ok(match provider.find_write(&application, &reference).await {
            Ok(Some(_)) => Outcome::Accepted(Box::default()),
            Ok(None) => Outcome::Unknown,
            Err(error) => {
                tracing::info!(intent.id = %intent.new.id, error = %error, "whether a write arrived cannot be found out");
                Outcome::Unknown
            }
        })
    }

    /// A complete look at what the provider has since the call. What fits is claimed by the ingest; where nothing does, the
    /// deployment is given up: at first it may still be claimed, after a day it may not.
    async fn look(&self, intent: &Intent, provider: &SharedProvider, now: OffsetDateTime) -> Result<(), WriteError> {
        let called_at = intent.calling_at.unwrap_or(intent.new.created_at);
        let is_last = now - called_at >= CLAIM_WITHIN;
        if let Err(failure) = self.read_since(intent, provider, called_at - CLOCK_SKEW).await {
            tracing::info!(intent.id = %intent.new.id, error = %failure, "a deployment could not be looked for and is looked for again");
            // Nobody claims it after its time, however long the provider is away.
            if !is_last {
                let mut conn = self.context.connection().await?;
                let token = intent.lease_token.unwrap_or_default();
                intents::postpone(&mut conn, intent.new.id, token, now + LOOK_AGAIN_AFTER).await?;
                return Ok(());
            }
        }
        let mut conn = self.context.connection().await?;
        let mut transaction = conn.begin().await.map_err(StoreError::from)?;
        let conn = &mut *transaction;
        let application = applications::lock(conn, intent.new.application_id).await?;
        let application = application.ok_or(WriteError::NotFound)?;
        let Some(intent) = intents::lock(conn, intent.new.id).await? else {
            return Ok(());
        };
        let row = match intent.new.deployment_id {
            Some(id) if intent.state == IntentState::Claimable => deployments::find(conn, id).await?,
            _ => None,
        };
        let mut events = Vec::new();
        if let Some(row) = row.filter(|row| row.provider_deployment_id.is_none() && !row.tracked.state.is_finished) {
            let at = self.context.clock.now();
            let mut plan = Plan::new(application, std::collections::HashMap::new(), at);
            plan.give_up(row, self.context.database_now());
            events = store(&self.context, conn, plan, provider.capabilities(), at)
                .await?
                .events;
        }
        if is_last {
            intents::close(conn, intent.new.id).await?;
        } else {
            let token = intent.lease_token.unwrap_or_default();
            intents::postpone(conn, intent.new.id, token, called_at + CLAIM_WITHIN).await?;
        }
        event_log::append(conn, &events, self.context.clock.now())
            .await
            .map_err(IngestError::from)?;
        transaction.commit().await.map_err(StoreError::from)?;
        Ok(())
    }

    async fn read_since(
        &self,
        intent: &Intent,
        provider: &SharedProvider,
        since: OffsetDateTime,
    ) -> Result<(), LookFailure> {
        let found = {
            let mut conn = self.context.connection().await?;
            applications::find(&mut conn, intent.new.application_id).await?
        };
        let Some(application) = found else { return Ok(()) };
        let reference = application_ref(&application);
        let mut page = None;
        for _ in 0..LONGEST_LOOK_PAGES {
            let asked = Asked {
                via: Via::Poll,
                at: self.context.database_now(),
                is_correction: false,
            };
            let listed = provider.list_deployments(&reference, page.as_ref()).await?;
            let times = listed
                .items
                .iter()
                .filter_map(|item| item.details.created_at.or(item.details.started_at));
            let is_far_enough = times.min().is_some_and(|oldest| oldest < since);
            let batch = Batch {
                application_id: application.id,
                lease: None,
                asked,
                capabilities: provider.capabilities(),
                observations: listed.items,
            };
            ingest(&self.context, &batch).await?;
            page = listed.next;
            if page.is_none() || is_far_enough {
                return Ok(());
            }
        }
        let message = "the list has no end";
        let (name, operation) = (provider.info().name, "list_deployments");
        Err(ProviderError::new(ErrorKind::Protocol, name, operation, message).into())
    }
}

/// Why a look was not complete.
#[derive(Debug, thiserror::Error)]
enum LookFailure {
    #[error(transparent)]
    Provider(#[from] ProviderError),
    #[error(transparent)]
    Ingest(#[from] IngestError),
    #[error(transparent)]
    Store(#[from] StoreError),
}
