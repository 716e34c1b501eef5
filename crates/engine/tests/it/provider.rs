//! A provider that is asked for nothing but logs: what it can do matters.

use async_trait::async_trait;
use slipway_core::page::{Page, PageToken};
use slipway_core::provider::{ApplicationRef, Capabilities, ErrorKind, Provider, ProviderError, ProviderInfo};
use slipway_core::{ApplicationObservation, DeploymentObservation};

#[derive(Debug)]
pub(crate) struct TestProvider {
    pub(crate) capabilities: Capabilities,
    /// What it answers for the log of any deployment; none: there is no log.
    pub(crate) log: Option<String>,
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

    async fn read_log(&self, _: &ApplicationRef, _: &str) -> Result<String, ProviderError> {
        let none = || ProviderError::new(ErrorKind::NotFound, "scalingo", "read_log", "there is no log");
        self.log.clone().ok_or_else(none)
    }

    async fn get_deployment(&self, _: &ApplicationRef, _: &str) -> Result<DeploymentObservation, ProviderError> {
        unasked("get_deployment")
    }
}
