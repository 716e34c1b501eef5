//! Statuses that the configuration maps where the adapter does not: applied to everything that an adapter reads.

use std::sync::Arc;

use async_trait::async_trait;
use futures_util::StreamExt;
use futures_util::stream::BoxStream;
use slipway_core::budget::SharedLedger;
use slipway_core::page::{Page, PageToken};
use slipway_core::provider::{
    Accepted, AddedMapping, ApplicationRef, Arrival, Capabilities, PlannedCall, Provider, ProviderError, ProviderInfo,
    ProviderRegistry, RateBudget, SharedProvider, StreamItem, UnansweredCall, WebhookHint, WebhookRequest, Write,
};
use slipway_core::{ApplicationObservation, DeploymentObservation, State, Status};

/// The same accounts, with these mappings on top of what their adapters know.
pub fn with_mappings(registry: &ProviderRegistry, mappings: &[AddedMapping]) -> ProviderRegistry {
    let mut mapped = ProviderRegistry::default();
    for (account, provider) in registry.iter() {
        let name = provider.info().name;
        let mappings: Vec<_> = mappings
            .iter()
            .filter(|mapping| mapping.provider == name)
            .cloned()
            .collect();
        let provider = if mappings.is_empty() {
            Arc::clone(provider)
        } else {
            Arc::new(MappedProvider {
                inner: Arc::clone(provider),
                mappings: mappings.into(),
            })
        };
        mapped.insert(account.clone(), provider);
    }
    mapped
}

/// An adapter with more mappings.
#[derive(Debug)]
struct MappedProvider {
    inner: SharedProvider,
    mappings: Arc<[AddedMapping]>,
}

/// Reads a status that the adapter has no mapping for as the configuration says.
fn map(mappings: &[AddedMapping], observation: &mut DeploymentObservation) {
    let Some(word) = &observation.unmapped_status else {
        return;
    };
    let Some(mapping) = mappings
        .iter()
        .find(|mapping| mapping.provider_status.eq_ignore_ascii_case(word))
    else {
        return;
    };
    let told = &observation.state;
    observation.state = State {
        phase: mapping.phase.clone(),
        is_finished: mapping.status.is_end() || mapping.status == Status::Unknown && told.is_finished,
        provider_status: told.provider_status.clone(),
        failure_reason: mapping.failure_reason.clone(),
        failure_message: told.failure_message.clone(),
        ..State::new(mapping.status, told.authority)
    };
    observation.unmapped_status = None;
}

#[async_trait]
impl Provider for MappedProvider {
    fn info(&self) -> &'static ProviderInfo {
        self.inner.info()
    }

    fn added_mappings(&self) -> &[AddedMapping] {
        &self.mappings
    }

    fn capabilities(&self) -> Capabilities {
        self.inner.capabilities()
    }

    fn rate_budget(&self) -> Option<RateBudget> {
        self.inner.rate_budget()
    }

    fn share_budget(&self, ledger: Arc<dyn SharedLedger>) {
        self.inner.share_budget(ledger);
    }

    fn reread(&self, application: &ApplicationRef, raw: &serde_json::Value) -> Option<DeploymentObservation> {
        let mut observation = self.inner.reread(application, raw)?;
        map(&self.mappings, &mut observation);
        Some(observation)
    }

    async fn list_applications(&self, page: Option<&PageToken>) -> Result<Page<ApplicationObservation>, ProviderError> {
        self.inner.list_applications(page).await
    }

    async fn get_application(&self, provider_application_id: &str) -> Result<ApplicationObservation, ProviderError> {
        self.inner.get_application(provider_application_id).await
    }

    async fn list_deployments(
        &self,
        application: &ApplicationRef,
        page: Option<&PageToken>,
    ) -> Result<Page<DeploymentObservation>, ProviderError> {
        let mut listed = self.inner.list_deployments(application, page).await?;
        listed.items.iter_mut().for_each(|item| map(&self.mappings, item));
        Ok(listed)
    }

    async fn get_deployment(
        &self,
        application: &ApplicationRef,
        provider_deployment_id: &str,
    ) -> Result<DeploymentObservation, ProviderError> {
        let mut observation = self.inner.get_deployment(application, provider_deployment_id).await?;
        map(&self.mappings, &mut observation);
        Ok(observation)
    }

    async fn read_log(
        &self,
        application: &ApplicationRef,
        provider_deployment_id: &str,
    ) -> Result<String, ProviderError> {
        self.inner.read_log(application, provider_deployment_id).await
    }

    async fn follow(
        &self,
        application: &ApplicationRef,
    ) -> Result<BoxStream<'static, Result<StreamItem, ProviderError>>, ProviderError> {
        let mappings = Arc::clone(&self.mappings);
        let stream = self.inner.follow(application).await?;
        let mapped = stream.map(move |item| {
            item.map(|mut item| {
                if let StreamItem::Deployment(observation) = &mut item {
                    map(&mappings, observation);
                }
                item
            })
        });
        Ok(mapped.boxed())
    }

    fn plan_write(&self, application: &ApplicationRef, write: &Write) -> Result<PlannedCall, ProviderError> {
        self.inner.plan_write(application, write)
    }

    async fn write(
        &self,
        application: &ApplicationRef,
        write: &Write,
        reference: &str,
    ) -> Result<Accepted, ProviderError> {
        let mut accepted = self.inner.write(application, write, reference).await?;
        if let Some(observation) = &mut accepted.deployment {
            map(&self.mappings, observation);
        }
        Ok(accepted)
    }

    async fn find_write(
        &self,
        application: &ApplicationRef,
        reference: &str,
    ) -> Result<Option<Arrival>, ProviderError> {
        self.inner.find_write(application, reference).await
    }

    fn may_result_from(&self, deployment: &DeploymentObservation, call: &UnansweredCall<'_>) -> bool {
        self.inner.may_result_from(deployment, call)
    }

    fn read_webhook(&self, webhook: &WebhookRequest<'_>) -> Result<WebhookHint, ProviderError> {
        self.inner.read_webhook(webhook)
    }
}
