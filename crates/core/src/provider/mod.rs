//! What an adapter must offer: one dyn-safe trait, one meaning for each capability, one kind for each failure.

mod capabilities;
mod error;
mod registry;
mod webhook;
mod write;

use std::fmt::Debug;
use std::sync::Arc;
use std::time::Duration;

use async_trait::async_trait;
use futures_util::stream::BoxStream;
use time::OffsetDateTime;

pub use capabilities::{Capabilities, LiveRule, Support};
pub use error::{ErrorKind, ProviderError};
pub use registry::ProviderRegistry;
pub use webhook::{WebhookHint, WebhookRequest};
pub use write::{
    Accepted, Arrival, InvalidField, PlannedCall, Revision, TriggerRequest, UnansweredCall, Write, check_git_ref,
};

use crate::budget::{Priority, RateLimit, SharedLedger};
use crate::observation::{ApplicationObservation, DeploymentObservation};
use crate::page::{Page, PageToken};
use crate::state::{Phase, Status};

/// A kind of platform, the same for all accounts of it.
#[derive(Debug)]
pub struct ProviderInfo {
    /// The name in ids, filters and config, such as `scalingo`.
    pub name: &'static str,
    /// The name for people.
    pub display_name: &'static str,
    /// Where the provider documents its deployments.
    pub documentation_url: &'static str,
    /// How each documented native status is read.
    pub status_mappings: &'static [StatusMapping],
}

/// One row of a provider's status table.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct StatusMapping {
    /// The provider's word, or the rule in words where it is a rule.
    pub provider_status: &'static str,
    /// What it becomes.
    pub status: Status,
    /// The phase that goes with it.
    pub phase: Option<Phase>,
    /// The reason that goes with a failure.
    pub failure_reason: Option<&'static str>,
}

/// How the configuration reads a status that an adapter has no mapping for.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct AddedMapping {
    /// The kind of platform.
    pub provider: String,
    /// The provider's word; its case does not matter.
    pub provider_status: String,
    /// What it becomes.
    pub status: Status,
    /// The phase that goes with it.
    pub phase: Option<Phase>,
    /// The reason that goes with it.
    pub failure_reason: Option<String>,
}

/// How an adapter's calls name an application.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ApplicationRef {
    /// The provider's id.
    pub provider_application_id: String,
    /// The provider's name for it.
    pub name: String,
}

/// What the provider lets us ask in its present window, from its own headers or from its documented limit.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct RateBudget {
    /// Requests in a whole window.
    pub limit: u32,
    /// Requests left in this one.
    pub remaining: u32,
    /// When the next one begins, where that is known.
    pub resets_at: Option<OffsetDateTime>,
    /// For how long what is left has to last: until the next window begins, or, where windows slide, a whole one.
    pub must_last: Duration,
    /// The rule behind it.
    pub rule: RateLimit,
}

impl RateBudget {
    /// What is left for requests of this priority: what it leaves to the more important ones is taken off.
    pub fn spendable(&self, priority: Priority) -> u32 {
        self.remaining.saturating_sub(priority.floor(&self.rule, self.limit))
    }

    /// For how long a request of this priority waits at most while more important ones use up everything; none for those that
    /// nobody goes before.
    pub fn longest_wait(&self, priority: Priority) -> Option<Duration> {
        priority.longest_wait(&self.rule, self.limit)
    }
}

/// One thing that a live stream tells.
#[derive(Debug, Clone, PartialEq)]
pub enum StreamItem {
    /// The connection is alive; nothing happened.
    Alive,
    /// A deployment was seen. Boxed because the other kinds are small.
    Deployment(Box<DeploymentObservation>),
    /// A deployment exists of which only the id is known: read it by id.
    Announced {
        /// The provider's id of it.
        provider_deployment_id: String,
    },
    /// A piece of log text as it comes: pieces are joined, and a line ends with its newline and nothing else. Where a
    /// provider sends lines without one, the adapter adds it.
    Log {
        /// The provider's id of the deployment that it belongs to.
        provider_deployment_id: String,
        /// The text.
        content: String,
    },
}

/// A connection to one account of one platform.
///
/// Reading applications and deployments is required. The rest answers [`ErrorKind::Unsupported`] unless an adapter says
/// otherwise in its [`Capabilities`], and does so without any request to the provider. Every method may fail with any
/// [`ErrorKind`]; what is said here is what each adds to that.
#[async_trait]
pub trait Provider: Debug + Send + Sync {
    /// The kind of platform.
    fn info(&self) -> &'static ProviderInfo;

    /// What the configuration adds to the status mappings of [`Provider::info`].
    fn added_mappings(&self) -> &[AddedMapping] {
        &[]
    }

    /// What a caller may do now with this provider, from adapter and account settings alone.
    fn capabilities(&self) -> Capabilities;

    /// What is left of the provider's rate limit, where it is known.
    fn rate_budget(&self) -> Option<RateBudget> {
        None
    }

    /// From now on the rate limit and the circuit breaker are those of `ledger`, which other processes use, too. Without it
    /// each process has its own. Does nothing where the adapter keeps neither.
    fn share_budget(&self, ledger: Arc<dyn SharedLedger>) {
        drop(ledger);
    }

    /// How far the provider's clock is ahead of ours, as its last answer told, to a second; none before the first answer.
    fn clock_difference(&self) -> Option<time::Duration> {
        None
    }

    /// One page of the account's applications. Pages shift while one walks: walk again to be sure that one is missing.
    async fn list_applications(&self, page: Option<&PageToken>) -> Result<Page<ApplicationObservation>, ProviderError>;

    /// One application. [`ErrorKind::NotFound`] when the provider does not have it.
    async fn get_application(&self, provider_application_id: &str) -> Result<ApplicationObservation, ProviderError>;

    /// One page of an application's deployments, newest first. An application without any gives an empty page.
    async fn list_deployments(
        &self,
        application: &ApplicationRef,
        page: Option<&PageToken>,
    ) -> Result<Page<DeploymentObservation>, ProviderError>;

    /// One deployment. [`ErrorKind::NotFound`] only when the provider itself says in its own words that it is not there.
    async fn get_deployment(
        &self,
        application: &ApplicationRef,
        provider_deployment_id: &str,
    ) -> Result<DeploymentObservation, ProviderError>;

    /// Makes of a stored payload of one deployment what reading it from the provider made of it. Makes no request; none for
    /// what is no such payload.
    fn reread(&self, application: &ApplicationRef, raw: &serde_json::Value) -> Option<DeploymentObservation> {
        let _ = (application, raw);
        None
    }

    /// The stored log text, as far as it goes. Needs `read_logs`. [`ErrorKind::NotFound`] when there is none.
    async fn read_log(
        &self,
        application: &ApplicationRef,
        provider_deployment_id: &str,
    ) -> Result<String, ProviderError> {
        let _ = (application, provider_deployment_id);
        Err(ProviderError::unsupported(self.info().name, "read_log"))
    }

    /// Follows an application live. Needs `follow_status`. The stream ends with an error, or with nothing when the provider
    /// closed it; the caller reconnects and reads by REST what it may have missed.
    async fn follow(
        &self,
        application: &ApplicationRef,
    ) -> Result<BoxStream<'static, Result<StreamItem, ProviderError>>, ProviderError> {
        let _ = application;
        Err(ProviderError::unsupported(self.info().name, "follow"))
    }

    /// What a write would send. Makes no request; fails as the write itself would before it sends anything.
    fn plan_write(&self, application: &ApplicationRef, write: &Write) -> Result<PlannedCall, ProviderError> {
        let _ = application;
        Err(ProviderError::unsupported(self.info().name, write.action()))
    }

    /// Does it: exactly one request that changes something, never repeated. Needs the capability that [`Write`] names.
    /// `reference` marks the call at the provider, where it has a place for that (`call_reference`).
    ///
    /// On an error, [`ProviderError::may_have_been_applied`] tells whether the provider may have done it all the same. A
    /// source that is needed and not known is [`ErrorKind::Conflict`] with the reason `source_unknown`.
    async fn write(
        &self,
        application: &ApplicationRef,
        write: &Write,
        reference: &str,
    ) -> Result<Accepted, ProviderError> {
        let _ = (application, reference);
        Err(ProviderError::unsupported(self.info().name, write.action()))
    }

    /// Whether a write with this reference arrived. Needs `call_reference`. `None` when the provider knows of no such call.
    async fn find_write(
        &self,
        application: &ApplicationRef,
        reference: &str,
    ) -> Result<Option<Arrival>, ProviderError> {
        let _ = (application, reference);
        Err(ProviderError::unsupported(self.info().name, "find_write"))
    }

    /// Whether a deployment that was read is one that a write without an answer may have made, as far as ids and times of
    /// this provider tell.
    fn may_result_from(&self, deployment: &DeploymentObservation, call: &UnansweredCall<'_>) -> bool {
        let _ = (deployment, call);
        false
    }

    /// Reads a webhook. Needs `webhooks`. Makes no request. [`ErrorKind::Protocol`] when it is not one of this provider's.
    fn read_webhook(&self, webhook: &WebhookRequest<'_>) -> Result<WebhookHint, ProviderError> {
        let _ = webhook;
        Err(ProviderError::unsupported(self.info().name, "read_webhook"))
    }
}

/// A provider that several tasks share.
pub type SharedProvider = Arc<dyn Provider>;
