//! A provider that is never asked: only what it can do matters.

use async_trait::async_trait;
use slipway_core::page::{Page, PageToken};
use slipway_core::provider::{ApplicationRef, Capabilities, Provider, ProviderError, ProviderInfo};
use slipway_core::{ApplicationObservation, DeploymentObservation};

#[derive(Debug)]
pub(crate) struct TestProvider {
    pub(crate) capabilities: Capabilities,
}

fn unasked<T>(operation: &'static str) -> Result<T, ProviderError> {
    Err(ProviderError::unsupported("scalingo", operation))
}

#[async_trait]
impl Provider for TestProvider {
    fn info(&self) -> &'static ProviderInfo {
        &ProviderInfo {
            name: "scalingo",
            display_name: "Test",
            documentation_url: "https://example.com/docs",
            status_mappings: &[],
        }
    }

    fn capabilities(&self) -> Capabilities {
        self.capabilities
    }

    async fn list_applications(&self, _: Option<&PageToken>) -> Result<Page<ApplicationObservation>, ProviderError> {
        unasked("list_applications")
    }

    async fn get_application(&self, _: &str) -> Result<ApplicationObservation, ProviderError> {
        unasked("get_application")
    }

    async fn list_deployments(
        &self,
        _: &ApplicationRef,
        _: Option<&PageToken>,
    ) -> Result<Page<DeploymentObservation>, ProviderError> {
        unasked("list_deployments")
    }

    async fn get_deployment(&self, _: &ApplicationRef, _: &str) -> Result<DeploymentObservation, ProviderError> {
        unasked("get_deployment")
    }
}
