//! A provider of which a test decides what each call does, and that counts them.

use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use async_trait::async_trait;
use slipway_core::page::{Page, PageToken};
use slipway_core::provider::{
    Accepted, ApplicationRef, Arrival, Capabilities, ErrorKind, LiveRule, PlannedCall, Provider, ProviderError,
    ProviderInfo, Support, UnansweredCall, Write,
};
use slipway_core::{ApplicationObservation, ManualClock, Status};
use slipway_core::{Clock, DeploymentObservation};
use tokio::sync::Semaphore;

use crate::world::{START, application, deployment};

/// What the next calls do.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Script {
    /// Does it and names the deployment.
    Name,
    /// Does it and does not name the deployment.
    Accept,
    /// Refuses.
    Refuse(ErrorKind),
    /// Does it, and the answer is lost.
    LoseAnswer,
    /// Does not do it, and nobody knows.
    LoseRequest,
}

#[derive(Debug, Default)]
pub(crate) struct Site {
    /// Oldest first.
    pub(crate) deployments: Vec<DeploymentObservation>,
    /// Every write that arrived, with its reference.
    pub(crate) writes: Vec<(Write, String)>,
    pub(crate) is_away: bool,
}

#[derive(Debug)]
pub(crate) struct FakeProvider {
    pub(crate) clock: ManualClock,
    pub(crate) capabilities: Capabilities,
    /// Like Cloud 66: numbers in order. Else like Scalingo: ids without an order, and times.
    pub(crate) is_numbered: bool,
    script: Mutex<Script>,
    site: Mutex<Site>,
    /// Calls wait here for a permit.
    pub(crate) gate: Semaphore,
}

static INFO: ProviderInfo = ProviderInfo {
    name: "scalingo",
    display_name: "Fake",
    documentation_url: "https://example.com",
    status_mappings: &[],
};

impl FakeProvider {
    pub(crate) fn new(clock: ManualClock, is_numbered: bool) -> Arc<Self> {
        Arc::new(Self {
            clock,
            capabilities: Capabilities {
                trigger: Support::Supported,
                trigger_with_revision: true,
                redeploy: Support::Supported,
                cancel: Support::Supported,
                rollback: Support::Emulated,
                call_reference: is_numbered,
                live_rule: LiveRule::LastSucceeded,
                ..Capabilities::default()
            },
            is_numbered,
            script: Mutex::new(if is_numbered { Script::Accept } else { Script::Name }),
            site: Mutex::default(),
            gate: Semaphore::new(Semaphore::MAX_PERMITS),
        })
    }

    pub(crate) fn plays(&self, script: Script) {
        *self.script.lock().unwrap_or_else(PoisonError::into_inner) = script;
    }

    pub(crate) fn site(&self) -> MutexGuard<'_, Site> {
        self.site.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// How many deployments there are at the provider.
    pub(crate) fn count(&self) -> usize {
        self.site().deployments.len()
    }

    /// A deployment that somebody made without the gateway.
    pub(crate) fn deploy(&self, git_ref: Option<&str>) -> DeploymentObservation {
        let mut site = self.site();
        let number = site.deployments.len() + 1;
        let id = if self.is_numbered {
            number.to_string()
        } else {
            format!("dep-{number}")
        };
        let second = (self.clock.now() - START).whole_seconds();
        let mut made = deployment(&id, second, Status::InProgress);
        made.details.git.r#ref = git_ref.map(ToOwned::to_owned);
        site.deployments.push(made.clone());
        made
    }

    /// What all deployments come to.
    pub(crate) fn finish_all(&self, status: Status) {
        for made in &mut self.site().deployments {
            let created_at = made.details.created_at.expect("a time");
            made.state = slipway_core::State::new(status, slipway_core::Authority::Rest);
            made.finished_at = Some(created_at + time::Duration::seconds(30));
        }
    }

    fn error(&self, kind: ErrorKind) -> ProviderError {
        ProviderError::new(kind, INFO.name, "write", "as the test wants it")
    }

    fn carry_out(&self, write: &Write) -> Option<DeploymentObservation> {
        match write {
            Write::Trigger(request) => Some(self.deploy(request.git_ref.as_deref())),
            Write::Redeploy(revision) | Write::Rollback(revision) => {
                let mut made = self.deploy(revision.git_ref.as_deref());
                made.details.git.sha.clone_from(&revision.git_sha);
                self.site().deployments.last_mut().expect("it was made").details = made.details.clone();
                Some(made)
            }
            Write::Cancel { .. } => None,
        }
    }
}

#[async_trait]
impl Provider for FakeProvider {
    fn info(&self) -> &'static ProviderInfo {
        &INFO
    }

    fn capabilities(&self) -> Capabilities {
        self.capabilities
    }

    async fn list_applications(
        &self,
        _page: Option<&PageToken>,
    ) -> Result<Page<ApplicationObservation>, ProviderError> {
        Ok(Page {
            items: vec![application("app-1")],
            next: None,
        })
    }

    async fn get_application(&self, id: &str) -> Result<ApplicationObservation, ProviderError> {
        Ok(application(id))
    }

    async fn list_deployments(
        &self,
        _application: &ApplicationRef,
        _page: Option<&PageToken>,
    ) -> Result<Page<DeploymentObservation>, ProviderError> {
        if self.site().is_away {
            return Err(self.error(ErrorKind::Unavailable));
        }
        Ok(Page {
            items: self.site().deployments.iter().rev().cloned().collect(),
            next: None,
        })
    }

    async fn get_deployment(
        &self,
        _application: &ApplicationRef,
        id: &str,
    ) -> Result<DeploymentObservation, ProviderError> {
        let found = self
            .site()
            .deployments
            .iter()
            .find(|made| made.provider_deployment_id == id)
            .cloned();
        found.ok_or_else(|| self.error(ErrorKind::NotFound))
    }

    fn plan_write(&self, _application: &ApplicationRef, write: &Write) -> Result<PlannedCall, ProviderError> {
        if let Write::Trigger(request) = write
            && request.deployment_profile.is_some()
        {
            return Err(self.error(ErrorKind::InvalidRequest));
        }
        Ok(PlannedCall {
            method: "POST",
            url: format!("https://example.com/{}", write.action()),
            body: None,
            warnings: Vec::new(),
        })
    }

    async fn write(
        &self,
        _application: &ApplicationRef,
        write: &Write,
        reference: &str,
    ) -> Result<Accepted, ProviderError> {
        let script = *self.script.lock().unwrap_or_else(PoisonError::into_inner);
        if script != Script::LoseRequest {
            self.site().writes.push((write.clone(), reference.to_owned()));
        }
        let refused = matches!(script, Script::Refuse(_) | Script::LoseRequest);
        let made = if refused { None } else { self.carry_out(write) };
        let _permit = self.gate.acquire().await.expect("open");
        match script {
            Script::Name => Ok(Accepted {
                deployment: made,
                is_queued: false,
            }),
            Script::Accept => Ok(Accepted::default()),
            Script::Refuse(kind) => Err(self.error(kind)),
            Script::LoseAnswer | Script::LoseRequest => Err(self.error(ErrorKind::Unavailable).possibly_applied()),
        }
    }

    async fn find_write(
        &self,
        _application: &ApplicationRef,
        reference: &str,
    ) -> Result<Option<Arrival>, ProviderError> {
        let is_known = self.site().writes.iter().any(|(_, known)| known == reference);
        Ok(is_known.then_some(Arrival {
            started_at: None,
            is_finished: false,
            succeeded: None,
        }))
    }

    fn may_result_from(&self, deployment: &DeploymentObservation, call: &UnansweredCall<'_>) -> bool {
        let fits = if self.is_numbered {
            let number = |id: &str| id.parse::<i64>().ok();
            number(&deployment.provider_deployment_id) > call.highest_known_id.and_then(number)
        } else {
            let earliest = call.calling_at - time::Duration::minutes(2);
            deployment.details.created_at.is_some_and(|at| at >= earliest)
        };
        let git = &deployment.details.git;
        let same_ref = call
            .git_ref
            .is_none_or(|wanted| [git.r#ref.as_deref(), git.sha.as_deref()].contains(&Some(wanted)));
        fits && same_ref
    }
}
