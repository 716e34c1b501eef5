//! The adapter itself.

use std::sync::Arc;

use async_trait::async_trait;
use slipway_core::budget::SharedLedger;
use slipway_core::page::{Page, PageToken};
use slipway_core::provider::{
    Accepted, ApplicationRef, Arrival, Capabilities, ErrorKind, LiveRule, PlannedCall, Provider, ProviderError,
    ProviderInfo, RateBudget, StatusMapping, Support, UnansweredCall, WebhookHint, WebhookRequest, Write,
};
use slipway_core::{ApplicationObservation, Authority, Clock, DeploymentObservation, Status};
use slipway_provider_http::{ConfigError, Url};

use crate::client::Cloud66Client;
use crate::{Cloud66Options, normalize, webhook, write};

/// The provider's name.
pub const NAME: &str = "cloud66";

/// The kind of platform.
pub static INFO: ProviderInfo = ProviderInfo {
    name: NAME,
    display_name: "Cloud 66",
    documentation_url: "https://developers.cloud66.com/#deployments",
    status_mappings: &[
        rule("not finished, not deploying, not started", Status::Queued),
        rule("not finished, is_deploying or started", Status::InProgress),
        rule("finished, outcome contains fail, error or unsuccess", Status::Failed),
        rule("finished, outcome contains cancel, abort or stop", Status::Canceled),
        rule("finished, outcome starts with success", Status::Succeeded),
        rule("finished, any other outcome", Status::Unknown),
    ],
};

/// How many pages of actions are read for one reference.
const MAX_ACTION_PAGES: u32 = 3;

const fn rule(provider_status: &'static str, status: Status) -> StatusMapping {
    StatusMapping {
        provider_status,
        status,
        phase: None,
        failure_reason: None,
    }
}

/// One account of Cloud 66.
#[derive(Debug)]
pub struct Cloud66Provider {
    client: Cloud66Client,
    dashboard_url: Url,
}

impl Cloud66Provider {
    /// An adapter for one account. Makes no request.
    pub fn new(options: Cloud66Options, clock: Arc<dyn Clock>) -> Result<Self, ConfigError> {
        options.check()?;
        let Cloud66Options {
            base_url,
            token,
            dashboard_url,
            calls,
        } = options;
        Ok(Self {
            client: Cloud66Client::new(base_url, token, calls, clock)?,
            dashboard_url,
        })
    }
}

#[async_trait]
impl Provider for Cloud66Provider {
    fn info(&self) -> &'static ProviderInfo {
        &INFO
    }

    fn capabilities(&self) -> Capabilities {
        Capabilities {
            trigger: Support::Supported,
            trigger_with_revision: true,
            redeploy: Support::Supported,
            cancel: Support::Supported,
            rollback: Support::Emulated,
            call_reference: true,
            change_feed: true,
            webhooks: true,
            page_size_max: Some(30),
            live_rule: LiveRule::Reported,
            ..Capabilities::default()
        }
    }

    fn rate_budget(&self) -> Option<RateBudget> {
        self.client.rate_budget()
    }

    fn share_budget(&self, ledger: Arc<dyn SharedLedger>) {
        self.client.share_budget(ledger);
    }

    fn clock_difference(&self) -> Option<time::Duration> {
        self.client.clock_difference()
    }

    async fn list_applications(&self, page: Option<&PageToken>) -> Result<Page<ApplicationObservation>, ProviderError> {
        let (payloads, next) = self
            .client
            .list("list_applications", "/stacks", &["stacks"], None, page)
            .await?;
        let count = payloads.len();
        let items: Vec<_> = payloads
            .into_iter()
            .filter_map(|payload| normalize::application(payload, &self.dashboard_url))
            .collect();
        warn_of_skipped("list_applications", count - items.len());
        Ok(Page { items, next })
    }

    async fn get_application(&self, provider_application_id: &str) -> Result<ApplicationObservation, ProviderError> {
        let segments = ["stacks", provider_application_id];
        let (payload, answer) = self
            .client
            .single("get_application", "/stacks/{uid}", &segments)
            .await?;
        normalize::application(payload, &self.dashboard_url)
            .filter(|stack| stack.provider_application_id == provider_application_id)
            .ok_or_else(|| answer.protocol("the answer is not the stack that was asked for"))
    }

    async fn list_deployments(
        &self,
        application: &ApplicationRef,
        page: Option<&PageToken>,
    ) -> Result<Page<DeploymentObservation>, ProviderError> {
        let uid = application.provider_application_id.as_str();
        let segments = ["stacks", uid, "deployments"];
        let (payloads, next) = self
            .client
            .list("list_deployments", "/stacks/{uid}/deployments", &segments, None, page)
            .await?;
        let count = payloads.len();
        let items: Vec<_> = payloads
            .into_iter()
            .filter_map(|payload| normalize::deployment(payload, uid, &self.dashboard_url, Authority::Rest))
            .collect();
        warn_of_skipped("list_deployments", count - items.len());
        Ok(Page { items, next })
    }

    async fn get_deployment(
        &self,
        application: &ApplicationRef,
        provider_deployment_id: &str,
    ) -> Result<DeploymentObservation, ProviderError> {
        let uid = application.provider_application_id.as_str();
        let segments = ["stacks", uid, "deployments", provider_deployment_id];
        let (payload, answer) = self
            .client
            .single("get_deployment", "/stacks/{uid}/deployments/{id}", &segments)
            .await?;
        normalize::deployment(payload, uid, &self.dashboard_url, Authority::Rest)
            .filter(|deployment| deployment.provider_deployment_id == provider_deployment_id)
            .ok_or_else(|| answer.protocol("the answer is not the deployment that was asked for"))
    }

    fn reread(&self, application: &ApplicationRef, raw: &serde_json::Value) -> Option<DeploymentObservation> {
        let uid = application.provider_application_id.as_str();
        normalize::deployment(raw.clone(), uid, &self.dashboard_url, Authority::Rest)
    }

    fn plan_write(&self, application: &ApplicationRef, write: &Write) -> Result<PlannedCall, ProviderError> {
        let call = write::call(&application.provider_application_id, write, "…")?;
        let url = self.client.url(write.action(), &call)?;
        Ok(PlannedCall {
            method: if call.body.is_some() { "POST" } else { "DELETE" },
            url: url.into(),
            body: call.body,
            warnings: call.warnings,
        })
    }

    async fn write(
        &self,
        application: &ApplicationRef,
        write: &Write,
        reference: &str,
    ) -> Result<Accepted, ProviderError> {
        let call = write::call(&application.provider_application_id, write, reference)?;
        write::accepted(&self.client.write(write.action(), &call).await?)
    }

    async fn find_write(
        &self,
        application: &ApplicationRef,
        reference: &str,
    ) -> Result<Option<Arrival>, ProviderError> {
        let segments = ["stacks", application.provider_application_id.as_str(), "actions"];
        let filter = Some(("user_reference", reference));
        let mut page = None;
        // The filter leaves one. Should it ever be ignored, a call of the last hours is on the first pages.
        for _ in 0..MAX_ACTION_PAGES {
            let (actions, next) = self
                .client
                .list("find_write", "/stacks/{uid}/actions", &segments, filter, page.as_ref())
                .await?;
            let found = write::arrival(actions, reference);
            if found.is_some() || next.is_none() {
                return Ok(found);
            }
            page = next;
        }
        let message = "the provider does not filter its actions, and has too many to look through";
        Err(ProviderError::new(ErrorKind::Protocol, NAME, "find_write", message))
    }

    fn may_result_from(&self, deployment: &DeploymentObservation, call: &UnansweredCall<'_>) -> bool {
        write::may_result_from(deployment, call)
    }

    fn read_webhook(&self, webhook: &WebhookRequest<'_>) -> Result<WebhookHint, ProviderError> {
        webhook::read(webhook)
    }
}

fn warn_of_skipped(operation: &'static str, skipped: usize) {
    if skipped > 0 {
        tracing::warn!(
            provider = NAME,
            operation,
            skipped,
            "items without a usable id were left out"
        );
    }
}
