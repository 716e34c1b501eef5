//! The adapter itself.

use std::sync::Arc;
use std::time::Duration;

use async_trait::async_trait;
use futures_util::stream::BoxStream;
use serde_json::Value;
use slipway_core::budget::SharedLedger;
use slipway_core::page::{Page, PageToken};
use slipway_core::provider::{
    Accepted, ApplicationRef, Capabilities, LiveRule, PlannedCall, Provider, ProviderError, ProviderInfo, RateBudget,
    StreamItem, Support, UnansweredCall, WebhookHint, WebhookRequest, Write,
};
use slipway_core::{ApplicationObservation, Authority, Clock, DeploymentObservation, Status};
use slipway_provider_http::{ConfigError, Url};

use crate::client::ScalingoClient;
use crate::normalize::{self, Links};
use crate::payload::{AppListPayload, AppPayload};
use crate::stream::{self, Follow};
use crate::stream_urls::StreamUrls;
use crate::{ScalingoOptions, SourceUrlTemplate, webhook, write};

/// The provider's name.
pub const NAME: &str = "scalingo";

/// The kind of platform.
pub static INFO: ProviderInfo = ProviderInfo {
    name: NAME,
    display_name: "Scalingo",
    documentation_url: "https://developers.scalingo.com/deployments",
    status_mappings: normalize::STATUS_MAPPINGS,
};

/// One account of Scalingo in one region.
#[derive(Debug)]
pub struct ScalingoProvider {
    client: Arc<ScalingoClient>,
    links: Links,
    stream_idle_timeout: Duration,
    source_url_template: Option<SourceUrlTemplate>,
    stream_urls: Arc<StreamUrls>,
}

impl ScalingoProvider {
    /// An adapter for one account. Makes no request.
    pub fn new(options: ScalingoOptions, clock: Arc<dyn Clock>) -> Result<Self, ConfigError> {
        options.check()?;
        Ok(Self {
            client: Arc::new(ScalingoClient::new(&options, clock)?),
            links: Links {
                region: options.region(),
                dashboard_url: options.dashboard_url,
            },
            stream_idle_timeout: options.stream_idle_timeout,
            source_url_template: options.source_url_template,
            stream_urls: Arc::default(),
        })
    }

    async fn find_stream_url(
        &self,
        operation: &'static str,
        application: &ApplicationRef,
    ) -> Result<Url, ProviderError> {
        let (payload, answer) = self.client.app(operation, &application.provider_application_id).await?;
        let app: AppPayload = serde_json::from_value(Value::Object(payload.app)).unwrap_or_default();
        let link = app.links.and_then(|links| links.deployments_stream);
        let link = link.ok_or_else(|| answer.protocol("the app names no live stream"))?;
        let url = self.client.pin_stream(operation, &link)?;
        self.stream_urls.keep(application, url.clone());
        Ok(url)
    }
}

#[async_trait]
impl Provider for ScalingoProvider {
    fn info(&self) -> &'static ProviderInfo {
        &INFO
    }

    fn capabilities(&self) -> Capabilities {
        Capabilities {
            trigger: Support::Supported,
            trigger_with_revision: true,
            redeploy: Support::Emulated,
            rollback: Support::Emulated,
            webhooks: true,
            read_logs: true,
            follow_logs: true,
            follow_status: true,
            change_feed: true,
            page_size_max: Some(100),
            live_rule: LiveRule::LastSucceeded,
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

    /// All apps at once: there are no pages.
    async fn list_applications(
        &self,
        _page: Option<&PageToken>,
    ) -> Result<Page<ApplicationObservation>, ProviderError> {
        let answer = self.client.apps("list_applications").await?;
        let AppListPayload { apps } = answer.json()?;
        let payloads = apps.iter().filter_map(|app| serde_json::from_str(app.get()).ok());
        let items: Vec<_> = payloads
            .filter_map(|app| normalize::application(app, &self.links))
            .collect();
        warn_of_skipped("list_applications", apps.len() - items.len());
        Ok(Page { items, next: None })
    }

    async fn get_application(&self, provider_application_id: &str) -> Result<ApplicationObservation, ProviderError> {
        let (payload, answer) = self.client.app("get_application", provider_application_id).await?;
        normalize::application(Value::Object(payload.app), &self.links)
            .filter(|app| app.provider_application_id == provider_application_id)
            .ok_or_else(|| answer.protocol("the answer is not the app that was asked for"))
    }

    async fn list_deployments(
        &self,
        application: &ApplicationRef,
        page: Option<&PageToken>,
    ) -> Result<Page<DeploymentObservation>, ProviderError> {
        let id = &application.provider_application_id;
        let (list, next) = self.client.deployments("list_deployments", id, page).await?;
        let count = list.deployments.len();
        let items: Vec<_> = list
            .deployments
            .into_iter()
            .filter_map(|payload| normalize::deployment(payload, &application.name, &self.links, Authority::Rest))
            .collect();
        warn_of_skipped("list_deployments", count - items.len());
        Ok(Page { items, next })
    }

    async fn get_deployment(
        &self,
        application: &ApplicationRef,
        provider_deployment_id: &str,
    ) -> Result<DeploymentObservation, ProviderError> {
        let id = &application.provider_application_id;
        let (payload, answer) = self
            .client
            .deployment("get_deployment", id, provider_deployment_id)
            .await?;
        let payload = Value::Object(payload.deployment);
        normalize::deployment(payload, &application.name, &self.links, Authority::Rest)
            .filter(|deployment| deployment.provider_deployment_id == provider_deployment_id)
            .ok_or_else(|| answer.protocol("the answer is not the deployment that was asked for"))
    }

    async fn read_log(
        &self,
        application: &ApplicationRef,
        provider_deployment_id: &str,
    ) -> Result<String, ProviderError> {
        self.client
            .output("read_log", &application.provider_application_id, provider_deployment_id)
            .await
    }

    async fn follow(
        &self,
        application: &ApplicationRef,
    ) -> Result<BoxStream<'static, Result<StreamItem, ProviderError>>, ProviderError> {
        const OPERATION: &str = "follow";
        let url = match self.stream_urls.find(application) {
            Some(url) => url,
            None => self.find_stream_url(OPERATION, application).await?,
        };
        let token = self.client.token(OPERATION).await?;
        let follow = Follow {
            application: application.clone(),
            stream_urls: Arc::clone(&self.stream_urls),
            links: self.links.clone(),
            idle_timeout: self.stream_idle_timeout,
            client: Arc::clone(&self.client),
            token,
        };
        stream::open(url, follow).await
    }

    fn reread(&self, application: &ApplicationRef, raw: &serde_json::Value) -> Option<DeploymentObservation> {
        normalize::deployment(raw.clone(), &application.name, &self.links, Authority::Rest)
    }

    fn plan_write(&self, application: &ApplicationRef, write: &Write) -> Result<PlannedCall, ProviderError> {
        let write::Call { source, warnings } = write::call(application, write, self.source_url_template.as_ref())?;
        let app = &application.provider_application_id;
        Ok(PlannedCall {
            method: "POST",
            url: self.client.deploy_url(write.action(), app, &source)?.into(),
            body: Some(source.masked().body()),
            warnings,
        })
    }

    /// Scalingo has no place for a reference.
    async fn write(
        &self,
        application: &ApplicationRef,
        write: &Write,
        _reference: &str,
    ) -> Result<Accepted, ProviderError> {
        let call = write::call(application, write, self.source_url_template.as_ref())?;
        let app = &application.provider_application_id;
        let (payload, answer) = self.client.deploy(write.action(), app, &call.source).await?;
        let payload = Value::Object(payload.deployment);
        let deployment = normalize::deployment(payload, &application.name, &self.links, Authority::Rest)
            .ok_or_else(|| answer.protocol("the answer names no deployment"))?;
        Ok(Accepted {
            is_queued: deployment.state.status == Status::Queued,
            deployment: Some(deployment),
        })
    }

    fn may_result_from(&self, deployment: &DeploymentObservation, call: &UnansweredCall<'_>) -> bool {
        write::may_result_from(deployment, call, self.client.user())
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
