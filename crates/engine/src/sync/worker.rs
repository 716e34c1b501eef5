//! One attempt at one leased target, with the lease kept alive meanwhile.

use std::time::Duration;

use slipway_core::budget::{CIRCUIT_OPEN, HELD_BACK, Priority, with_priority};
use slipway_core::observation::Asked;
use slipway_core::provider::{ApplicationRef, ProviderError, SharedProvider};
use slipway_core::{AccountName, ApplicationId, DeploymentObservation, TraceContext, Via};
use slipway_store::StoreError;
use slipway_store::sync_targets::{self, Attempt, LeasedTarget};
use tokio_util::sync::CancellationToken;

use super::{SyncSettings, pace};
use crate::context::{Connection, Context};
use crate::ingest::{self, Batch, IngestError, Lease, Report};

const AFTER_DATABASE: Duration = Duration::from_secs(1);

/// Why an attempt ended without success.
#[derive(Debug, thiserror::Error)]
pub(super) enum Failure {
    #[error(transparent)]
    Provider(#[from] ProviderError),
    #[error(transparent)]
    Ingest(#[from] IngestError),
    #[error(transparent)]
    Store(#[from] StoreError),
}

/// What to do with the target after a success.
#[derive(Debug)]
pub(super) struct Done {
    pub(super) attempt: Attempt,
    /// The polling interval in force: what freshness is judged by.
    pub(super) interval: Duration,
    /// When to look again.
    pub(super) next_in: Duration,
}

/// Works on one target.
#[derive(Debug)]
pub(super) struct Worker {
    pub(super) context: Context,
    pub(super) settings: SyncSettings,
    pub(super) target: LeasedTarget,
    pub(super) account: AccountName,
    pub(super) lease: Lease,
    pub(super) shutdown: CancellationToken,
}

impl Worker {
    pub(super) fn new(
        context: Context,
        settings: SyncSettings,
        target: LeasedTarget,
        shutdown: CancellationToken,
    ) -> Self {
        let lease = Lease {
            target_id: target.id,
            token: target.lease_token,
        };
        let account = AccountName::from(target.account.as_str());
        Self {
            context,
            settings,
            target,
            account,
            lease,
            shutdown,
        }
    }

    /// A trace of its own, that the calls of the provider belong to.
    pub(super) fn span(&self) -> tracing::Span {
        let place = TraceContext::root(rand::random(), rand::random());
        tracing::info_span!(
            "engine.target.sync",
            account.name = %self.account,
            application.id = self.target.application_id.map(tracing::field::display),
            trace_id = place.trace_id(),
            span_id = place.span_id(),
            trace_flags = place.flags(),
            outcome = tracing::field::Empty,
        )
    }

    /// Makes the attempt and writes down how it ended.
    pub(super) async fn run(self) {
        let Some(provider) = self.context.setup.provider(&self.account) else {
            return;
        };
        let result = tokio::select! {
            result = self.attempt(&provider) => result,
            () = self.keep_lease() => Err(IngestError::LeaseLost.into()),
        };
        self.count(&result);
        let done = match result {
            Ok(done) => done,
            Err(failure) => match self.explain(&failure) {
                Some(done) => done,
                // The lease is another's, or the database is away: there is nothing to write down, or nowhere.
                None => return,
            },
        };
        if let Err(error) = self.release(&done).await {
            tracing::warn!(account.name = %self.account, error = %error, "a sync target was not given back; its lease will expire");
        }
    }

    async fn attempt(&self, provider: &SharedProvider) -> Result<Done, Failure> {
        match self.target.application_id.map(ApplicationId) {
            None => with_priority(Priority::Feed, self.sync_account(provider)).await,
            Some(id) => self.sync_application(provider, id).await,
        }
    }

    /// Brings in what was read of an application, and settles what the order of observations cannot decide.
    pub(super) async fn bring_in(
        &self,
        provider: &SharedProvider,
        application: &(ApplicationId, ApplicationRef),
        asked: Asked,
        observations: Vec<DeploymentObservation>,
    ) -> Result<Report, Failure> {
        let batch = Batch {
            application_id: application.0,
            lease: Some(self.lease),
            asked,
            capabilities: provider.capabilities(),
            observations,
        };
        let report = ingest::ingest(&self.context, &batch).await?;
        for id in &report.contradictions {
            let asked = Asked {
                via: asked.via,
                at: self.context.database_now(),
                is_correction: true,
            };
            tracing::info!(account.name = %self.account, deployment.provider_id = id, "observations contradict each other; asking once more");
            let observation = self.read_by_id(provider, &application.1, id).await?;
            let correction = Batch {
                asked,
                observations: vec![observation],
                ..batch.clone()
            };
            ingest::ingest(&self.context, &correction).await?;
        }
        Ok(report)
    }

    /// Reads one deployment; one that the provider no longer knows comes back as gone.
    pub(super) async fn read_by_id(
        &self,
        provider: &SharedProvider,
        application: &ApplicationRef,
        provider_deployment_id: &str,
    ) -> Result<DeploymentObservation, Failure> {
        use slipway_core::provider::ErrorKind;
        match provider.get_deployment(application, provider_deployment_id).await {
            Ok(observation) => Ok(observation),
            // Only while its application answers is this said of the deployment and not of something above it.
            Err(error) if error.kind == ErrorKind::NotFound => {
                provider.get_application(&application.provider_application_id).await?;
                Ok(DeploymentObservation {
                    provider_deployment_id: provider_deployment_id.to_owned(),
                    state: slipway_core::State::gone(),
                    finished_at: None,
                    details: slipway_core::DeploymentDetails::default(),
                    raw: None,
                    unmapped_status: None,
                })
            }
            Err(error) => Err(error.into()),
        }
    }

    pub(super) fn asked(&self, via: Via) -> Asked {
        Asked {
            via,
            at: self.context.database_now(),
            is_correction: false,
        }
    }

    pub(super) async fn connection(&self) -> Result<Connection, StoreError> {
        self.context.connection().await
    }

    /// Ends only when the lease is lost.
    async fn keep_lease(&self) {
        let lease = pace::signed(self.settings.lease);
        let mut failing_since = None;
        loop {
            tokio::time::sleep(self.settings.lease / 3).await;
            let renewed = match self.connection().await {
                Ok(mut conn) => {
                    sync_targets::renew_lease(&mut conn, self.lease.target_id, self.lease.token, lease).await
                }
                Err(error) => Err(error),
            };
            match renewed {
                Ok(true) => failing_since = None,
                Ok(false) => return,
                // The database is away. What we hold is ours until it expires; after that a write would be refused anyway.
                Err(_) => {
                    let since = *failing_since.get_or_insert_with(tokio::time::Instant::now);
                    if since.elapsed() > self.settings.lease {
                        return;
                    }
                }
            }
        }
    }

    fn count(&self, result: &Result<Done, Failure>) {
        let figures = &self.context.figures;
        let outcome = match result {
            Ok(_) => "succeeded",
            Err(Failure::Provider(error)) if matches!(error.reason, Some(HELD_BACK | CIRCUIT_OPEN)) => "postponed",
            Err(Failure::Provider(error)) => error.kind.as_str(),
            Err(Failure::Ingest(IngestError::LeaseLost)) => {
                figures.note_lease_lost();
                "lease_lost"
            }
            Err(failure) if is_passing(failure) => "postponed",
            Err(_) => "not_stored",
        };
        figures.note_read(self.account.as_str(), outcome);
        tracing::Span::current().record("outcome", outcome);
    }

    fn explain(&self, failure: &Failure) -> Option<Done> {
        let Failure::Provider(error) = failure else {
            if matches!(failure, Failure::Ingest(IngestError::LeaseLost)) {
                tracing::info!(account.name = %self.account, "another process took a sync target over");
                return None;
            }
            if is_passing(failure) {
                tracing::warn!(account.name = %self.account, error = %failure, "the database was away; the target is read again");
                return Some(Done {
                    attempt: self.postponed(false),
                    interval: AFTER_DATABASE,
                    next_in: AFTER_DATABASE,
                });
            }
            tracing::error!(account.name = %self.account, error = %failure, "what was read could not be stored");
            return Some(self.failed("not_stored", "what was read could not be stored".to_owned(), None));
        };
        if let Some(done) = self.held_back(error) {
            return Some(done);
        }
        tracing::warn!(
            account.name = %self.account,
            error.kind = error.kind.as_str(),
            error = %error,
            "a read of the provider failed"
        );
        Some(self.failed(error.kind.as_str(), error.message.clone(), error.retry_after))
    }

    /// What was not asked says nothing of what it would have answered. Only the account itself tells that its provider is in
    /// trouble, and looks again as soon as somebody may find out whether that is over.
    fn held_back(&self, error: &ProviderError) -> Option<Done> {
        let wait = error.retry_after.unwrap_or(AFTER_DATABASE);
        match error.reason {
            Some(CIRCUIT_OPEN) if self.target.application_id.is_none() => Some(Done {
                next_in: pace::not_before(wait),
                ..self.failed(error.kind.as_str(), error.message.clone(), None)
            }),
            Some(HELD_BACK | CIRCUIT_OPEN) => {
                tracing::debug!(account.name = %self.account, error = %error, "a read waits for its turn");
                Some(Done {
                    attempt: self.postponed(true),
                    interval: self.settings.idle_interval,
                    next_in: pace::not_before(wait),
                })
            }
            _ => None,
        }
    }

    /// What made it due is still to be done.
    pub(super) fn postponed(&self, is_held_back: bool) -> Attempt {
        Attempt::Postponed {
            is_hinted: self.target.is_hinted,
            is_requested: self.target.is_requested,
            is_held_back,
        }
    }

    fn failed(&self, code: &str, message: String, retry_after: Option<Duration>) -> Done {
        let interval = self.settings.account_interval;
        Done {
            attempt: Attempt::Failed {
                code: code.to_owned(),
                message,
            },
            interval,
            next_in: pace::back_off(interval, self.target.failure_count, retry_after),
        }
    }

    async fn release(&self, done: &Done) -> Result<(), StoreError> {
        let mut conn = self.connection().await?;
        let (interval, next_in) = (pace::signed(done.interval), pace::signed(done.next_in));
        let Lease { target_id, token } = self.lease;
        sync_targets::release(&mut conn, target_id, token, &done.attempt, interval, next_in).await?;
        Ok(())
    }
}

fn is_passing(failure: &Failure) -> bool {
    match failure {
        Failure::Store(error) | Failure::Ingest(IngestError::Store(error)) => error.is_transient(),
        Failure::Provider(_) | Failure::Ingest(_) => false,
    }
}
