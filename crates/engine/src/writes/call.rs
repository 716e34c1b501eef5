//! The call: one process wins the turn, asks the provider once, and settles.

use std::time::Duration;

use slipway_core::budget::{Priority, with_priority};
use slipway_core::provider::{Accepted, ErrorKind, ProviderError, Write};
use slipway_core::{AccountName, Application};
use slipway_store::intents::{self, Intent};
use slipway_store::{StoreError, applications};
use time::OffsetDateTime;
use tokio::time::Instant;
use uuid::Uuid;

use super::begin::application_ref;
use super::outcome::Outcome;
use super::{CALL_LIMIT, Refusal, Reply, WriteError, Writes, answer, failpoint};
use crate::ingest::IngestError;

const FIRST_PAUSE: Duration = Duration::from_millis(100);
const LONGEST_PAUSE: Duration = Duration::from_secs(5);
/// How long the database may be away between the commit of an intent and its call.
const TURN_PATIENCE: Duration = Duration::from_secs(10);
/// How long to find out whether a commit was made whose answer was lost.
const FIND_OUT_WITHIN: Duration = Duration::from_secs(3);
const FIND_OUT_EVERY: Duration = Duration::from_millis(100);
/// A cancel without an answer is called again after this time.
const CANCEL_AGAIN_AFTER: time::Duration = time::Duration::seconds(3);

impl Writes {
    /// Calls, and settles with what comes back.
    pub(super) async fn call(&self, intent: Intent) -> Result<Reply, WriteError> {
        let (id, token) = (intent.new.id, intent.lease_token.unwrap_or_default());
        failpoint::reach("before_call").await;
        let Some((intent, application)) = self.take_turn(id, token).await? else {
            return self.read_answer(id).await;
        };
        let result = self.ask(&intent, &application).await;
        failpoint::reach("after_call").await;
        let outcome = match result {
            Ok(mut accepted) => {
                if let Some(observation) = &mut accepted.deployment {
                    self.context.logs.masks.mask_observation(observation);
                }
                Outcome::Accepted(Box::new(accepted))
            }
            Err(error) if error.may_have_been_applied => {
                tracing::warn!(intent.id = %id, error = %error, "a write has no answer that can be trusted");
                if matches!(intent.new.request, Write::Cancel { .. }) {
                    return self.call_again_later(&intent, token, &error).await;
                }
                Outcome::Unknown
            }
            Err(error) => {
                tracing::info!(intent.id = %id, error = %error, "the provider refused a write");
                Outcome::refused(
                    &error,
                    &intent,
                    self.context.setup.provider(&application.account).as_ref(),
                )
            }
        };
        let settled = self.settle_surely(id, token, outcome).await?;
        failpoint::reach("after_commit").await;
        answer::reply(&settled, false)
    }

    /// Goes on when a commit turns out to have been made. That it cannot be seen is no proof that it never will.
    pub(super) async fn find_out(&self, id: Uuid) -> Result<(), WriteError> {
        let limit = Instant::now() + FIND_OUT_WITHIN;
        while Instant::now() < limit {
            let found = async {
                let mut conn = self.context.connection_of_a_write().await?;
                intents::find(&mut conn, id).await
            };
            match found.await {
                Ok(Some(_)) => return Ok(()),
                Ok(None) => {}
                Err(error) if error.is_transient() => {}
                Err(error) => return Err(error.into()),
            }
            tokio::time::sleep(FIND_OUT_EVERY).await;
        }
        Err(WriteError::InFlight)
    }

    /// The turn, if it is still to be had. A database that is away for a moment is asked again: the caller would take an error
    /// for "not done", and the reconciler would do it all the same.
    async fn take_turn(&self, id: Uuid, token: Uuid) -> Result<Option<(Intent, Application)>, WriteError> {
        let (limit, mut pause) = (Instant::now() + TURN_PATIENCE, FIRST_PAUSE);
        // One and the same at every attempt, so that an attempt whose answer was lost is known to be ours.
        let calling_at = self.context.database_now();
        loop {
            match self.try_to_take_turn(id, token, calling_at).await {
                Err(error) if error.is_transient() && Instant::now() < limit => {
                    tracing::warn!(intent.id = %id, error = %error, "a write cannot begin and is tried again");
                    tokio::time::sleep(pause).await;
                    pause = (pause * 2).min(LONGEST_PAUSE);
                }
                other => return Ok(other?),
            }
        }
    }

    async fn try_to_take_turn(
        &self,
        id: Uuid,
        token: Uuid,
        calling_at: OffsetDateTime,
    ) -> Result<Option<(Intent, Application)>, StoreError> {
        let mut conn = self.context.connection_of_a_write().await?;
        // First: once the turn is taken nothing but the call may fail.
        let application = match intents::find(&mut conn, id).await? {
            Some(intent) => applications::find(&mut conn, intent.new.application_id).await?,
            None => None,
        };
        let Some(application) = application else {
            return Ok(None);
        };
        let lease = time::Duration::try_from(self.lease).unwrap_or(time::Duration::MAX);
        let intent = intents::begin_call(&mut conn, id, token, lease, calling_at).await?;
        Ok(intent.map(|intent| (intent, application)))
    }

    async fn ask(&self, intent: &Intent, application: &Application) -> Result<Accepted, ProviderError> {
        let account = AccountName::from(intent.new.account.as_str());
        let Some(provider) = self.context.setup.provider(&account) else {
            let message = "the account is not configured any more";
            return Err(ProviderError::new(ErrorKind::Unsupported, "slipway", "write", message));
        };
        let (application, reference) = (application_ref(application), intent.new.id.to_string());
        let call = with_priority(
            Priority::Write,
            provider.write(&application, &intent.new.request, &reference),
        );
        match tokio::time::timeout(CALL_LIMIT, call).await {
            Ok(result) => result,
            Err(_) => {
                let error = ProviderError::new(
                    ErrorKind::Unavailable,
                    provider.info().name,
                    intent.new.request.action(),
                    "no answer in time",
                );
                Err(error.possibly_applied())
            }
        }
    }

    /// What the provider said must not be lost to a database that is away for a moment. Where it is away for longer than the
    /// lease, the reconciler ends what is left.
    pub(super) async fn settle_surely(&self, id: Uuid, token: Uuid, outcome: Outcome) -> Result<Intent, WriteError> {
        let limit = Instant::now() + self.lease;
        let mut pause = FIRST_PAUSE;
        loop {
            match self.settle(id, token, &outcome).await {
                Err(IngestError::Store(error)) if error.is_transient() && Instant::now() < limit => {
                    tracing::warn!(intent.id = %id, error = %error, "an answer could not be stored and is stored again");
                    tokio::time::sleep(pause).await;
                    pause = (pause * 2).min(LONGEST_PAUSE);
                }
                other => return Ok(other?),
            }
        }
    }

    async fn call_again_later(&self, intent: &Intent, token: Uuid, error: &ProviderError) -> Result<Reply, WriteError> {
        let mut conn = self.context.connection_of_a_write().await?;
        let due_at = self.context.database_now() + CANCEL_AGAIN_AFTER;
        intents::postpone(&mut conn, intent.new.id, token, due_at).await?;
        let detail = format!("{} did not answer; the gateway asks again by itself", error.provider);
        Ok(Reply::Refused {
            refusal: Refusal {
                retry_after_s: Some(5),
                ..Refusal::new("provider_unavailable", detail)
            },
            is_replay: false,
        })
    }

    async fn read_answer(&self, id: Uuid) -> Result<Reply, WriteError> {
        let mut conn = self.context.connection_of_a_write().await?;
        let intent = intents::find(&mut conn, id).await?.ok_or(WriteError::NotFound)?;
        answer::reply(&intent, false)
    }
}
