//! What callers ask of providers: trigger, redeploy, rollback, cancel.
//!
//! A write is committed as an intent, called once, and settled in one transaction with the deployment that it publishes, its
//! answer and its entry in the audit log. It goes on when its caller goes away, and the reconciler ends what a crash left
//! behind.

mod answer;
mod begin;
mod call;
mod cancel;
mod failpoint;
mod outcome;
mod preview;
mod publish;
mod reconcile;
mod redeploy;
mod refresh;
mod refusal;
mod rollback;
mod settle;
mod trigger;

use std::sync::{Arc, PoisonError, RwLock};
use std::time::Duration;

use slipway_core::provider::{ProviderRegistry, TriggerRequest};
use slipway_core::{ApplicationId, DeploymentId};
use slipway_store::StoreError;
use slipway_store::idempotency::IdempotencyKey;
use time::OffsetDateTime;
use tokio_util::task::TaskTracker;
use tracing::Instrument;

pub use answer::Reply;
pub(crate) use begin::KEY_LIFE;
pub use preview::Preview;
pub(crate) use reconcile::run as reconcile;
pub use refusal::Refusal;

use crate::budget;
use crate::context::Context;
use crate::freezes::Freezes;
use crate::ingest::IngestError;
use crate::setup::Setup;

/// What a caller may ask for.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Order {
    /// To deploy.
    Trigger(ApplicationId, TriggerRequest),
    /// To deploy once more what a deployment deployed.
    Redeploy(DeploymentId),
    /// To take an application back to what a deployment deployed.
    Rollback(DeploymentId),
    /// To stop a deployment.
    Cancel(DeploymentId),
}

impl Order {
    /// The public name of the action.
    pub const fn action(&self) -> &'static str {
        match self {
            Self::Trigger(..) => "trigger",
            Self::Redeploy(_) => "redeploy",
            Self::Rollback(_) => "rollback",
            Self::Cancel(_) => "cancel",
        }
    }

    const fn target(&self) -> Option<DeploymentId> {
        match self {
            Self::Trigger(..) => None,
            Self::Redeploy(id) | Self::Rollback(id) | Self::Cancel(id) => Some(*id),
        }
    }

    const fn deploys(&self) -> bool {
        !matches!(self, Self::Cancel(_))
    }
}

/// Who asks, and how.
#[derive(Debug, Clone, Default)]
pub struct Request {
    /// Who, for programs.
    pub principal_id: String,
    /// Who, for people.
    pub principal: String,
    /// The request.
    pub request_id: Option<String>,
    /// Where it came from.
    pub client_address: Option<String>,
    /// Whether to deploy in spite of a freeze window. The caller was found to be allowed to.
    pub overrides_freeze: bool,
    /// What tells the same request again.
    pub key: Option<IdempotencyKey>,
    /// The version that the deployment must have.
    pub if_version: Option<i64>,
}

/// Why a write has no answer of its own.
#[derive(Debug, thiserror::Error)]
pub enum WriteError {
    /// There is no such application or deployment.
    #[error("there is no such resource")]
    NotFound,
    /// It may have been committed, and then goes on: there is no answer yet.
    #[error("the write is not answered yet")]
    InFlight,
    /// The key was used with another body.
    #[error("the key was used with another body")]
    KeyReused,
    /// The deployment has changed since.
    #[error("the deployment has another version")]
    OtherVersion,
    /// It was refused before anything was committed.
    #[error("refused: {}", .0.detail)]
    Refused(Refusal),
    /// It could not be stored.
    #[error(transparent)]
    Ingest(#[from] IngestError),
}

impl From<StoreError> for WriteError {
    fn from(error: StoreError) -> Self {
        Self::Ingest(error.into())
    }
}

/// Makes writes. Clones share everything.
#[derive(Debug, Clone)]
pub struct Writes {
    context: Context,
    freezes: Arc<RwLock<Arc<Freezes>>>,
    /// How long one that works on an intent is left alone. Outlasts the time limit of a provider's call.
    lease: Duration,
    started_at: OffsetDateTime,
    /// What is under way, whether somebody waits for it or not.
    tasks: TaskTracker,
}

/// Longer than an adapter needs to exchange a token and to make two calls, each at its own time limit.
const CALL_LIMIT: Duration = Duration::from_secs(75);
const LEASE: Duration = Duration::from_secs(90);

impl Writes {
    /// Writes that freeze windows hold back.
    pub fn new(context: Context, freezes: Freezes) -> Self {
        Self {
            started_at: context.database_now(),
            context,
            freezes: Arc::new(RwLock::new(Arc::new(freezes))),
            lease: failpoint::lease().unwrap_or(LEASE),
            tasks: TaskTracker::new(),
        }
    }

    /// The same with another lease, for tests.
    #[must_use]
    pub fn with_lease(self, lease: Duration) -> Self {
        Self { lease, ..self }
    }

    /// The windows in which nothing is deployed.
    pub fn freezes(&self) -> Arc<Freezes> {
        Arc::clone(&self.freezes.read().unwrap_or_else(PoisonError::into_inner))
    }

    /// Puts other windows in force.
    pub fn replace_freezes(&self, freezes: Freezes) {
        *self.freezes.write().unwrap_or_else(PoisonError::into_inner) = Arc::new(freezes);
    }

    /// The accounts with their adapters, and the rules.
    pub fn setup(&self) -> &Setup {
        &self.context.setup
    }

    /// Has accounts that are about to be put in force keep to the rate limits that all processes share.
    pub fn share_budgets(&self, registry: &ProviderRegistry) {
        budget::share(&self.context, registry);
    }

    /// Whether a call of a provider is under way.
    pub fn is_idle(&self) -> bool {
        self.tasks.is_empty()
    }

    /// Waits until the answers of all calls under way are stored. Calls that begin meanwhile are waited for, too.
    pub async fn finish(&self) {
        self.tasks.close();
        self.tasks.wait().await;
    }

    /// Makes a write and waits for its answer. It goes on when the caller stops waiting.
    ///
    /// # Errors
    /// See [`WriteError`].
    pub async fn make(&self, order: Order, request: Request) -> Result<Reply, WriteError> {
        let writes = self.clone();
        // In the caller's trace, also when it stops waiting.
        let made = async move { writes.make_now(&order, &request).await };
        let made = self.tasks.spawn(made.in_current_span());
        made.await.unwrap_or(Err(WriteError::InFlight))
    }

    async fn make_now(&self, order: &Order, request: &Request) -> Result<Reply, WriteError> {
        match self.begin(order, request).await? {
            begin::Begun::Answered(reply) => Ok(reply),
            begin::Begun::Committed(intent) => {
                let id = intent.new.id;
                // Whatever failed, the reconciler goes on: an error would be taken for "not done".
                self.call(*intent).await.map_err(|error| {
                    tracing::warn!(intent.id = %id, error = %error, "a write is not answered yet");
                    WriteError::InFlight
                })
            }
        }
    }
}
