//! A provider that takes writes, counts them, and answers when the test lets it.

use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};

use async_trait::async_trait;
use slipway_core::page::{Page, PageToken};
use slipway_core::provider::{
    Accepted, ApplicationRef, Capabilities, PlannedCall, Provider, ProviderError, ProviderInfo, Support, Write,
};
use slipway_core::{ApplicationObservation, DeploymentObservation, Status};
use tokio::sync::Semaphore;

use crate::rows::{TestProvider, observation};

/// What takes writes.
#[derive(Debug)]
pub(crate) struct WritingProvider {
    calls: AtomicUsize,
    /// Calls wait here for a permit.
    pub(crate) gate: Semaphore,
}

impl WritingProvider {
    pub(crate) fn new() -> Arc<Self> {
        Arc::new(Self {
            calls: AtomicUsize::new(0),
            gate: Semaphore::new(Semaphore::MAX_PERMITS),
        })
    }

    /// How often it was asked to do something.
    pub(crate) fn calls(&self) -> usize {
        self.calls.load(Ordering::SeqCst)
    }

    /// Lets no call end until [`Self::open`].
    pub(crate) fn close(&self) {
        self.gate.forget_permits(usize::MAX);
    }

    pub(crate) fn open(&self) {
        self.gate.add_permits(1_000);
    }
}

#[async_trait]
impl Provider for WritingProvider {
    fn info(&self) -> &'static ProviderInfo {
        TestProvider.info()
    }

    fn capabilities(&self) -> Capabilities {
        Capabilities {
            trigger: Support::Supported,
            trigger_with_revision: true,
            redeploy: Support::Supported,
            cancel: Support::Supported,
            rollback: Support::Emulated,
            ..TestProvider.capabilities()
        }
    }

    async fn list_applications(&self, page: Option<&PageToken>) -> Result<Page<ApplicationObservation>, ProviderError> {
        TestProvider.list_applications(page).await
    }

    async fn get_application(&self, id: &str) -> Result<ApplicationObservation, ProviderError> {
        TestProvider.get_application(id).await
    }

    async fn list_deployments(
        &self,
        application: &ApplicationRef,
        page: Option<&PageToken>,
    ) -> Result<Page<DeploymentObservation>, ProviderError> {
        TestProvider.list_deployments(application, page).await
    }

    async fn get_deployment(
        &self,
        application: &ApplicationRef,
        id: &str,
    ) -> Result<DeploymentObservation, ProviderError> {
        TestProvider.get_deployment(application, id).await
    }

    fn plan_write(&self, _: &ApplicationRef, write: &Write) -> Result<PlannedCall, ProviderError> {
        Ok(PlannedCall {
            method: "POST",
            url: format!("https://example.com/{}", write.action()),
            body: None,
            warnings: Vec::new(),
        })
    }

    async fn write(&self, _: &ApplicationRef, write: &Write, _: &str) -> Result<Accepted, ProviderError> {
        let number = self.calls.fetch_add(1, Ordering::SeqCst);
        let _permit = self.gate.acquire().await.expect("open");
        let deployment = (!matches!(write, Write::Cancel { .. })).then(|| DeploymentObservation {
            provider_deployment_id: format!("made-{number}"),
            ..observation(Status::InProgress)
        });
        Ok(Accepted {
            deployment,
            is_queued: false,
        })
    }
}
