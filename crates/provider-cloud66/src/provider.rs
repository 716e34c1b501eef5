//! The adapter itself.

use std::sync::Arc;

use async_trait::async_trait;
use slipway_core::page::{Page, PageToken};
use slipway_core::provider::{
    ApplicationRef, Capabilities, LiveRule, Provider, ProviderError, ProviderInfo, RateBudget, StatusMapping,
};
use slipway_core::{ApplicationObservation, Authority, Clock, DeploymentObservation, Status};
use slipway_provider_http::{ConfigError, Url};

use crate::client::Cloud66Client;
use crate::{Cloud66Options, normalize};

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
        } = options;
        Ok(Self {
            client: Cloud66Client::new(base_url, token, clock)?,
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
            change_feed: true,
            page_size_max: Some(30),
            live_rule: LiveRule::Reported,
            ..Capabilities::default()
        }
    }

    fn rate_budget(&self) -> Option<RateBudget> {
        self.client.rate_budget()
    }

    async fn list_applications(&self, page: Option<&PageToken>) -> Result<Page<ApplicationObservation>, ProviderError> {
        let (payloads, next) = self
            .client
            .list("list_applications", "/stacks", &["stacks"], page)
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
            .list("list_deployments", "/stacks/{uid}/deployments", &segments, page)
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
