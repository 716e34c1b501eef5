//! What a call comes to: in one transaction the deployment, the answer, the audit log and the events.

use serde_json::json;
use slipway_core::id::new_id;
use slipway_core::observation::Asked;
use slipway_core::provider::{Accepted, ErrorKind, ProviderError, SharedProvider, Write};
use slipway_core::state::reason;
use slipway_core::{
    Application, Authority, DeploymentDetails, DeploymentId, DeploymentObservation, State, Status, Tracked, Via,
};
use slipway_store::audit::{self, AuditRow};
use slipway_store::intents::{self, Intent, IntentState, Settling};
use slipway_store::sync_targets::{self, WriteFaultRow};
use slipway_store::{Connection, PgConnection, StoreError, applications, deployments, event_log, idempotency};
use time::{Duration, OffsetDateTime};
use uuid::Uuid;

use super::answer::StoredAnswer;
use super::{Refusal, Writes};
use crate::ingest::{CLAIM_WITHIN, IngestError, Plan, Seat, outcome_unknown, store};

/// After so long a call without an answer is looked for, and given up where nothing fits.
pub(super) const LOOK_AFTER: Duration = Duration::minutes(15);

/// How a call ended.
#[derive(Debug, Clone)]
pub(super) enum Outcome {
    /// The provider took it.
    Accepted(Box<Accepted>),
    /// It did not; with the fault of the account, where that is why.
    Refused(Refusal, Option<&'static str>),
    /// Nobody knows.
    Unknown,
    /// It was never made.
    NeverSent,
}

impl Outcome {
    pub(super) fn refused(error: &ProviderError, intent: &Intent, provider: Option<&SharedProvider>) -> Self {
        let capabilities = provider.map(|provider| provider.capabilities()).unwrap_or_default();
        let refusal = Refusal::of(error, &intent.new.account, capabilities, intent.new.request.action());
        let is_fault = matches!(error.kind, ErrorKind::Unauthenticated | ErrorKind::PermissionDenied);
        Self::Refused(refusal, is_fault.then(|| error.kind.as_str()))
    }

    const fn as_str(&self) -> &'static str {
        match self {
            Self::Accepted(_) => "accepted",
            Self::Refused(..) => "refused",
            Self::Unknown => "unknown",
            Self::NeverSent => "never_sent",
        }
    }
}

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
        let provider = self.context.registry.get(&application.account);
        let capabilities = provider.map(|provider| provider.capabilities()).unwrap_or_default();
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
        let provider = self.context.registry.get(&application.account);
        let capabilities = provider.map(|provider| provider.capabilities()).unwrap_or_default();
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

/// What an outcome makes of the application's deployments, and which one the answer names.
async fn plan(
    conn: &mut PgConnection,
    application: Application,
    intent: &Intent,
    outcome: &Outcome,
    called_at: OffsetDateTime,
    now: OffsetDateTime,
) -> Result<(Plan, Option<DeploymentId>), StoreError> {
    let named = match outcome {
        Outcome::Accepted(accepted) => accepted.deployment.as_ref(),
        _ => None,
    };
    let keys: Vec<String> = named.iter().map(|named| named.provider_deployment_id.clone()).collect();
    let known = deployments::find_by_provider_ids(conn, application.id, &keys).await?;
    let known_id = known.values().next().map(|known| known.id);
    let mut plan = Plan::new(application, known, now);
    if matches!(outcome, Outcome::Refused(..)) {
        return Ok((plan, None));
    }
    if let Write::Cancel { .. } = intent.new.request {
        let target = match intent.new.target {
            Some(id) => deployments::find(conn, id).await?,
            None => None,
        };
        let id = target.as_ref().map(|target| target.id);
        if let Some(target) = target.filter(|target| target.tracked.cancel_requested_at.is_none()) {
            plan.request_cancel(target, called_at);
        }
        return Ok((plan, id));
    }
    let Some(reserved) = intent.new.deployment_id else {
        return Ok((plan, None));
    };
    let seat = Seat {
        id: reserved,
        created_at: intent.new.created_at,
        rollback_of_id: intent
            .new
            .target
            .filter(|_| matches!(intent.new.request, Write::Rollback(_))),
    };
    match (outcome, named, known_id) {
        // Somebody published it meanwhile. Two published rows are never merged, so that one is the answer.
        (_, Some(named), Some(known)) => {
            plan.observe(named, asked(called_at));
            return Ok((plan, Some(known)));
        }
        (_, Some(named), None) => plan.publish_named(&seat, &completed(named, intent), asked(called_at)),
        (Outcome::Unknown, ..) => plan.publish_unnamed(&seat, tracked(intent, outcome_unknown(false), called_at)),
        (Outcome::NeverSent, ..) => {
            let never_sent = State {
                failure_reason: Some(reason::NEVER_SENT.to_owned()),
                ..State::new(Status::Canceled, Authority::Rest)
            };
            plan.publish_unnamed(&seat, tracked(intent, never_sent, called_at));
        }
        _ => plan.publish_unnamed(
            &seat,
            tracked(intent, State::new(Status::Queued, Authority::Rest), called_at),
        ),
    }
    Ok((plan, Some(reserved)))
}

fn asked(at: OffsetDateTime) -> Asked {
    Asked {
        via: Via::Write,
        at,
        is_correction: false,
    }
}

/// What the provider's answer leaves out and the request tells.
fn completed(named: &DeploymentObservation, intent: &Intent) -> DeploymentObservation {
    use slipway_core::deployment::Merge;
    let mut named = named.clone();
    named.details.fill(&details(intent));
    named
}

fn tracked(intent: &Intent, state: State, at: OffsetDateTime) -> Tracked {
    Tracked {
        state,
        state_asked_at: at,
        finished_at: None,
        details: details(intent),
        details_asked_at: at,
        corrected_at: None,
        cancel_requested_at: None,
    }
}

/// What the request tells of the deployment that it makes.
fn details(intent: &Intent) -> DeploymentDetails {
    let mut details = DeploymentDetails::default();
    details.trigger.kind = Some("api".to_owned());
    let services = match &intent.new.request {
        Write::Trigger(request) => {
            details.git.r#ref.clone_from(&request.git_ref);
            request.services.clone()
        }
        Write::Redeploy(revision) | Write::Rollback(revision) => {
            details.git.r#ref.clone_from(&revision.git_ref);
            details.git.sha.clone_from(&revision.git_sha);
            revision.services.clone()
        }
        Write::Cancel { .. } => Vec::new(),
    };
    details.services = (!services.is_empty()).then_some(services);
    details
}

fn entry(intent: &Intent, outcome: &Outcome, id: Option<DeploymentId>, at: OffsetDateTime) -> AuditRow {
    let new = &intent.new;
    let code = match outcome {
        Outcome::Refused(refusal, _) => Some(refusal.code.as_str()),
        Outcome::NeverSent => Some(reason::NEVER_SENT),
        Outcome::Accepted(_) | Outcome::Unknown => None,
    };
    AuditRow {
        id: new_id(at),
        at,
        principal_id: new.principal_id.clone(),
        principal: new.principal.clone(),
        action: format!("deployment.{}", new.request.action()),
        target: Some(id.map_or_else(|| new.application_id.to_string(), |id| id.to_string())),
        outcome: match outcome {
            Outcome::Accepted(_) => "succeeded",
            Outcome::Unknown => "unknown",
            Outcome::Refused(..) | Outcome::NeverSent => "refused",
        }
        .to_owned(),
        request_id: new.request_id.clone(),
        client_address: new.client_address.clone(),
        detail: json!({
            "application_id": new.application_id,
            "of_deployment_id": new.target,
            "overrides_freeze": new.overrides_freeze,
            "code": code,
        }),
    }
}
