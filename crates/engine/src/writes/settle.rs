//! What a call comes to: in one transaction the deployment, the answer, the audit log and the events.

use slipway_core::Application;
use slipway_core::provider::Write;
use slipway_store::intents::{self, Intent, IntentState, Settling};
use slipway_store::sync_targets::{self, WriteFaultRow};
use slipway_store::{Connection, PgConnection, StoreError, applications, audit, deployments, event_log, idempotency};
use time::Duration;
use uuid::Uuid;

use super::Writes;
use super::answer::StoredAnswer;
use super::outcome::{Outcome, entry};
use super::publish::{asked, plan};
use crate::ingest::{CLAIM_WITHIN, IngestError, Plan, store};

/// After so long a call without an answer is looked for, and given up where nothing fits.
const LOOK_AFTER: Duration = Duration::minutes(15);

impl Writes {
    /// Settles an intent, if it is still the token's. Answers the intent as it is then.
    pub(super) async fn settle(&self, id: Uuid, token: Uuid, outcome: &Outcome) -> Result<Intent, IngestError> {
        let missing = || StoreError::Inconsistent {
            table: "intents",
            what: format!("{id} is not there"),
        };
        let mut conn = self.context.connection_of_a_write().await?;
        let mut transaction = conn.begin().await.map_err(StoreError::from)?;
        let conn = &mut *transaction;
        let application_id = intents::find(conn, id).await?.ok_or_else(missing)?.new.application_id;
        let application = applications::lock(conn, application_id).await?;
        let application = application.ok_or(IngestError::UnknownApplication(application_id))?;
        let intent = intents::lock(conn, id).await?.ok_or_else(missing)?;
        let is_ours =
            intent.lease_token == Some(token) && matches!(intent.state, IntentState::Waiting | IntentState::Calling);
        let events = if is_ours {
            self.settle_ours(conn, application, &intent, outcome).await?
        } else {
            self.settle_late(conn, application, &intent, outcome).await?
        };
        let settled = intents::find(conn, id).await?.ok_or_else(missing)?;
        event_log::append(conn, &events, self.context.clock.now()).await?;
        transaction.commit().await.map_err(StoreError::from)?;
        tracing::info!(intent.id = %id, intent.action = intent.new.request.action(), intent.outcome = outcome.as_str(), "a write was settled");
        Ok(settled)
    }

    async fn settle_ours(
        &self,
        conn: &mut PgConnection,
        application: Application,
        intent: &Intent,
        outcome: &Outcome,
    ) -> Result<Vec<event_log::NewEvent>, IngestError> {
        let (now, called_at) = (
            self.context.clock.now(),
            intent.calling_at.unwrap_or(intent.new.created_at),
        );
        let capabilities = self.context.setup.capabilities(&application.account);
        let application_id = application.id;
        let (plan, id) = plan(conn, application, intent, outcome, called_at, now).await?;
        let mut written = store(&self.context, conn, plan, capabilities, now).await?;
        let (answer, is_claimable) = match (outcome, id) {
            (Outcome::Refused(refusal, _), _) => (StoredAnswer::Refused(refusal.clone()), false),
            (_, None) => return Err(IngestError::UnknownApplication(application_id)),
            (outcome, Some(id)) => {
                let body = match written.body_of(id) {
                    Some(body) => body.to_owned(),
                    None => deployments::find_body(conn, id.0)
                        .await?
                        .map(|found| found.body)
                        .unwrap_or_default(),
                };
                let is_unnamed = match outcome {
                    Outcome::Accepted(accepted) => accepted.deployment.is_none(),
                    Outcome::Unknown => true,
                    Outcome::Refused(..) | Outcome::NeverSent => false,
                };
                let is_cancel = matches!(intent.new.request, Write::Cancel { .. });
                (StoredAnswer::Deployment { id, body }, is_unnamed && !is_cancel)
            }
        };
        let look_after = if matches!(outcome, Outcome::Unknown) {
            LOOK_AFTER
        } else {
            CLAIM_WITHIN
        };
        let settling = Settling {
            state: if is_claimable {
                IntentState::Claimable
            } else {
                IntentState::Settled
            },
            outcome: outcome.as_str(),
            answer: serde_json::to_value(&answer)?,
            deployment_id: id.filter(|_| intent.new.deployment_id.is_some()),
            at: self.context.database_now(),
            due_at: called_at + look_after,
        };
        intents::settle(conn, intent.new.id, &settling).await?;
        self.note_outcome(conn, intent, outcome).await?;
        audit::append(conn, &entry(intent, outcome, id, now)).await?;
        sync_targets::make_due(conn, application_id).await?;
        Ok(std::mem::take(&mut written.events))
    }

    /// The reconciler was faster: this process was held up for longer than its lease. What the provider named is put into the
    /// row that was published, unless another row has that name.
    async fn settle_late(
        &self,
        conn: &mut PgConnection,
        application: Application,
        intent: &Intent,
        outcome: &Outcome,
    ) -> Result<Vec<event_log::NewEvent>, IngestError> {
        let Outcome::Accepted(accepted) = outcome else {
            return Ok(Vec::new());
        };
        let (Some(observation), Some(id), IntentState::Claimable) =
            (&accepted.deployment, intent.new.deployment_id, intent.state)
        else {
            return Ok(Vec::new());
        };
        let key = [observation.provider_deployment_id.clone()];
        let known = deployments::find_by_provider_ids(conn, application.id, &key).await?;
        let row = deployments::find(conn, id).await?;
        let Some(row) = row.filter(|row| known.is_empty() && row.provider_deployment_id.is_none()) else {
            return Ok(Vec::new());
        };
        let now = self.context.clock.now();
        let capabilities = self.context.setup.capabilities(&application.account);
        let mut plan = Plan::new(application, known, now);
        plan.claim(
            row,
            observation,
            asked(intent.calling_at.unwrap_or(intent.new.created_at)),
        );
        let written = store(&self.context, conn, plan, capabilities, now).await?;
        intents::close(conn, intent.new.id).await?;
        Ok(written.events)
    }

    async fn note_outcome(
        &self,
        conn: &mut PgConnection,
        intent: &Intent,
        outcome: &Outcome,
    ) -> Result<(), StoreError> {
        let account = &intent.new.account;
        match outcome {
            Outcome::Accepted(_) => sync_targets::clear_write_fault(conn, account).await,
            Outcome::Refused(refusal, fault) => {
                if let Some(code) = fault {
                    let fault = WriteFaultRow {
                        account: account.clone(),
                        code: (*code).to_owned(),
                        message: format!(
                            "a {} was refused: the credentials do not allow it",
                            intent.new.request.action()
                        ),
                        at: self.context.database_now(),
                    };
                    sync_targets::note_write_fault(conn, &fault).await?;
                }
                if refusal.is_passing() {
                    idempotency::release(conn, intent.new.id).await?;
                }
                Ok(())
            }
            Outcome::Unknown | Outcome::NeverSent => Ok(()),
        }
    }
}
