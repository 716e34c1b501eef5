//! Everything before the call: the same request again, what is allowed, and the commit of the intent.

use slipway_core::id::new_id;
use slipway_core::provider::{ApplicationRef, Capabilities, SharedProvider, Support, Write};
use slipway_core::{Application, Deployment, DeploymentId};
use slipway_store::idempotency::KeyedRequest;
use slipway_store::intents::{Intent, IntentState, NewIntent, Settling};
use slipway_store::{Connection, PgConnection, StoreError, applications, deployments, idempotency, intents};
use time::Duration;
use uuid::Uuid;

use super::answer::{self, StoredAnswer};
use super::{Order, Refusal, Reply, Request, WriteError, Writes, cancel, redeploy, rollback, trigger};

/// How long a key is kept.
pub(crate) const KEY_LIFE: Duration = Duration::hours(24);

/// What a write is asked of.
pub(super) struct Subject<'a> {
    pub(super) application: &'a Application,
    pub(super) provider: &'a SharedProvider,
    /// None for a trigger.
    pub(super) target: Option<Deployment>,
    /// Where the target's source came from, where our own call named it.
    pub(super) source_url: Option<String>,
}

impl Subject<'_> {
    pub(super) fn capabilities(&self) -> Capabilities {
        self.provider.capabilities()
    }

    pub(super) fn require(&self, support: Support, action: &str) -> Result<(), Refusal> {
        if support.is_available() {
            return Ok(());
        }
        Err(Refusal::unsupported(
            action,
            self.provider.info().name,
            self.capabilities(),
        ))
    }

    pub(super) fn application_ref(&self) -> ApplicationRef {
        application_ref(self.application)
    }
}

/// How adapters name an application.
pub(super) fn application_ref(application: &Application) -> ApplicationRef {
    ApplicationRef {
        provider_application_id: application.observed.provider_application_id.clone(),
        name: application.observed.name.clone(),
    }
}

/// How a write begins.
pub(super) enum Begun {
    /// There is nothing to call.
    Answered(Reply),
    /// To be called.
    Committed(Box<Intent>),
}

/// What became of the transaction of an intent.
enum Stored {
    /// Nothing: another request took the key.
    KeyTaken,
    Yes(Begun),
    /// The answer of the commit was lost.
    Perhaps(Uuid, Begun),
}

impl Writes {
    pub(super) async fn begin(&self, order: &Order, request: &Request) -> Result<Begun, WriteError> {
        let mut conn = self.context.connection_of_a_write().await?;
        if let Some(reply) = self.replay(&mut conn, request).await? {
            return Ok(Begun::Answered(reply));
        }
        match self.commit(&mut conn, order, request).await? {
            // Somebody else took the key meanwhile.
            Stored::KeyTaken => match self.replay(&mut conn, request).await? {
                Some(reply) => Ok(Begun::Answered(reply)),
                None => Err(WriteError::InFlight),
            },
            Stored::Yes(begun) => Ok(begun),
            Stored::Perhaps(id, begun) => {
                drop(conn);
                self.find_out(id).await?;
                Ok(begun)
            }
        }
    }

    /// The answer of an earlier request with the same key, if there was one.
    async fn replay(&self, conn: &mut PgConnection, request: &Request) -> Result<Option<Reply>, WriteError> {
        let Some(known) = self.find_key(conn, request).await? else {
            return Ok(None);
        };
        if request
            .key
            .as_ref()
            .is_some_and(|key| key.fingerprint != known.fingerprint)
        {
            return Err(WriteError::KeyReused);
        }
        let intent = intents::find(conn, known.intent_id)
            .await?
            .ok_or(WriteError::InFlight)?;
        answer::reply(&intent, true).map(Some)
    }

    /// The request that has this one's key, if there is one.
    async fn find_key(&self, conn: &mut PgConnection, request: &Request) -> Result<Option<KeyedRequest>, StoreError> {
        let Some(key) = &request.key else { return Ok(None) };
        idempotency::find(conn, key, self.context.database_now() - KEY_LIFE).await
    }

    async fn commit(&self, conn: &mut PgConnection, order: &Order, request: &Request) -> Result<Stored, WriteError> {
        let mut transaction = conn.begin().await.map_err(StoreError::from)?;
        let conn = &mut *transaction;
        let (application, target) = lock(conn, order).await?;
        // Under the lock: the same request may have been settled meanwhile, and what it changed is no reason to refuse this one.
        if self.find_key(conn, request).await?.is_some() {
            return Ok(Stored::KeyTaken);
        }
        let version = target.as_ref().map(|target| target.version);
        if request.if_version.is_some() && request.if_version != version {
            return Err(WriteError::OtherVersion);
        }
        let done = target
            .as_ref()
            .filter(|target| matches!(order, Order::Cancel(_)) && cancel::is_done(target))
            .map(|target| target.id);
        let write = match (done, &target) {
            (Some(_), Some(target)) => Write::Cancel {
                provider_deployment_id: target.provider_deployment_id.clone().unwrap_or_default(),
            },
            _ => {
                self.allow(conn, order, &application, target, request.overrides_freeze)
                    .await?
            }
        };
        let now = self.context.database_now();
        let new = NewIntent {
            id: new_id(now),
            application_id: application.id,
            account: application.account.to_string(),
            target: order.target(),
            deployment_id: order.deploys().then(|| DeploymentId::new(now)),
            request: write,
            overrides_freeze: request.overrides_freeze,
            principal_id: request.principal_id.clone(),
            principal: request.principal.clone(),
            request_id: request.request_id.clone(),
            client_address: request.client_address.clone(),
            created_at: now,
        };
        let (id, token) = (new.id, new_id(now));
        let lease = Duration::try_from(self.lease).unwrap_or(Duration::MAX);
        intents::insert(conn, &new, token, lease).await?;
        if let Some(key) = &request.key
            && !idempotency::insert(conn, key, new.id, now, now - KEY_LIFE).await?
        {
            return Ok(Stored::KeyTaken);
        }
        let begun = match done {
            Some(id) => Begun::Answered(settle_done(conn, &new, id).await?),
            None => Begun::Committed(Box::new(Intent {
                new,
                state: IntentState::Waiting,
                lease_token: Some(token),
                calling_at: None,
                highest_known_id: None,
                outcome: None,
                answer: None,
            })),
        };
        match transaction.commit().await {
            Ok(()) => Ok(Stored::Yes(begun)),
            Err(error) => {
                tracing::warn!(intent.id = %id, error = %error, "whether a write was stored is not known; looking for it");
                Ok(Stored::Perhaps(id, begun))
            }
        }
    }

    /// What to ask the provider, if it may be asked now. Makes no request.
    pub(super) async fn allow(
        &self,
        conn: &mut PgConnection,
        order: &Order,
        application: &Application,
        target: Option<Deployment>,
        overrides_freeze: bool,
    ) -> Result<Write, WriteError> {
        let refused = |refusal| Err(WriteError::Refused(refusal));
        let Some(provider) = self.context.setup.provider(&application.account) else {
            let detail = format!("the account `{}` is not configured any more", application.account);
            return refused(Refusal::new("account_not_configured", detail));
        };
        if application.archived_at.is_some() {
            let detail = "the provider does not have this application any more";
            return refused(Refusal::new("application_archived", detail));
        }
        let subject = Subject {
            application,
            provider: &provider,
            source_url: source_url(conn, target.as_ref().map(|target| target.id)).await?,
            target,
        };
        let write = match order {
            Order::Trigger(_, request) => trigger::write(&subject, request),
            Order::Redeploy(_) => redeploy::write(&subject),
            Order::Rollback(_) => rollback::write(&subject),
            Order::Cancel(_) => cancel::write(&subject),
        };
        let write = write.map_err(WriteError::Refused)?;
        let freezes = self.freezes();
        if order.deploys()
            && !overrides_freeze
            && let Some(frozen) = freezes.find(application, self.context.clock.now())
        {
            return refused(Refusal::new("frozen", frozen.sentence()));
        }
        if let Err(error) = provider.plan_write(&subject.application_ref(), &write) {
            let account = application.account.as_str();
            return refused(Refusal::of(&error, account, provider.capabilities(), order.action()));
        }
        Ok(write)
    }
}

/// The application, locked, and the deployment that the write is asked of.
pub(super) async fn lock(
    conn: &mut PgConnection,
    order: &Order,
) -> Result<(Application, Option<Deployment>), WriteError> {
    let application_id = match (order, order.target()) {
        (Order::Trigger(id, _), _) => *id,
        (_, Some(id)) => {
            let found = deployments::find(conn, id).await?;
            found.ok_or(WriteError::NotFound)?.application_id
        }
        (_, None) => return Err(WriteError::NotFound),
    };
    let application = applications::lock(conn, application_id)
        .await?
        .ok_or(WriteError::NotFound)?;
    let target = match order.target() {
        None => None,
        Some(id) => Some(deployments::find(conn, id).await?.ok_or(WriteError::NotFound)?),
    };
    Ok((application, target))
}

async fn source_url(conn: &mut PgConnection, target: Option<DeploymentId>) -> Result<Option<String>, StoreError> {
    let Some(id) = target else { return Ok(None) };
    Ok(match intents::find_request_of(conn, id).await? {
        Some(Write::Trigger(request)) => request.source_url,
        Some(Write::Redeploy(revision) | Write::Rollback(revision)) => revision.source_url,
        Some(Write::Cancel { .. }) | None => None,
    })
}

/// A cancel of what is being canceled: the deployment as it is.
async fn settle_done(conn: &mut PgConnection, new: &NewIntent, id: DeploymentId) -> Result<Reply, WriteError> {
    let body = deployments::find_body(conn, id.0)
        .await?
        .ok_or(WriteError::NotFound)?
        .body;
    let answer = StoredAnswer::Deployment { id, body };
    let settling = Settling {
        state: IntentState::Settled,
        outcome: "accepted",
        answer: serde_json::to_value(&answer).map_err(not_json)?,
        deployment_id: None,
        at: new.created_at,
        due_at: new.created_at,
    };
    intents::settle(conn, new.id, &settling).await?;
    Ok(answer.reply(false))
}

fn not_json(error: serde_json::Error) -> WriteError {
    WriteError::Ingest(error.into())
}
