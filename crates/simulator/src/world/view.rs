//! The world for its users in the same process and behind the control API: look, start, add, remove.

use serde::{Deserialize, Serialize};
use time::OffsetDateTime;

use super::application::{Application, Provider};
use super::course::Start;
use super::deployment::{Record, Via};
use super::scenario::{Phase, Scenario};
use super::snapshot::AddedApplication;
use super::state::State;
use super::{World, state};
use crate::dice::Dice;

/// Why the world refuses something.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum WorldError {
    /// No application has this id or name.
    #[error("no application {0} at this provider")]
    NoApplication(String),
    /// No deployment has this id.
    #[error("no deployment {0} of this application")]
    NoDeployment(String),
    /// The name is taken.
    #[error("an application {0} exists already")]
    NameTaken(String),
    /// It has ended.
    #[error("deployment {0} has ended")]
    Ended(String),
}

/// An application of the world.
#[derive(Debug, Clone, Serialize)]
pub struct ApplicationSummary {
    /// Whose it is.
    pub provider: Provider,
    /// Stack uid (32 digits) or app id (24 digits).
    pub id: String,
    /// Its name; stacks of several environments can share one.
    pub name: String,
    /// production, staging or development.
    pub environment: String,
    /// How many deployments it has.
    pub deployments: usize,
    /// How many of those of the present were made by calls of the provider's API.
    pub api_deployments: usize,
}

/// A deployment of the world.
#[derive(Debug, Clone, Serialize)]
pub struct DeploymentSummary {
    /// Whose it is.
    pub provider: Provider,
    /// The application's id.
    pub application: String,
    /// The id in the provider's API: an integer (Cloud 66) or a UUID, as text.
    pub id: String,
    /// How it goes.
    pub scenario: Scenario,
    /// Where it is.
    pub phase: Phase,
    /// Branch, tag or commit, where it was asked for one.
    pub git_ref: Option<String>,
    /// Where its source came from, where it was told.
    pub source_url: Option<String>,
    /// Whether a call of the provider's API made it.
    pub by_api: bool,
    /// When it was asked for.
    #[serde(with = "time::serde::rfc3339")]
    pub created_at: OffsetDateTime,
    /// When it left the queue.
    #[serde(with = "time::serde::rfc3339::option")]
    pub started_at: Option<OffsetDateTime>,
    /// When it ended.
    #[serde(with = "time::serde::rfc3339::option")]
    pub finished_at: Option<OffsetDateTime>,
}

/// What to start.
#[derive(Debug, Clone, Default, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct StartRequest {
    /// Whose application; drawn when absent.
    pub provider: Option<Provider>,
    /// Id or name; drawn when absent.
    pub application: Option<String>,
    /// The course; drawn when absent.
    pub scenario: Option<Scenario>,
    /// Branch, tag or commit.
    pub git_ref: Option<String>,
    /// How many; 1 when absent, 5 for `burst`.
    pub count: Option<usize>,
}

/// Most deployments that one request starts.
const COUNT_MAX: usize = 200;

pub(crate) fn api_id(provider: Provider, seed: u64, record: &Record) -> String {
    match provider {
        Provider::Cloud66 => record.cloud66_id().to_string(),
        Provider::Scalingo => record.uuid(seed),
    }
}

fn summary(state: &State, application: &Application, deployment: &state::Deployment) -> DeploymentSummary {
    DeploymentSummary {
        provider: application.provider,
        application: application.id.clone(),
        id: api_id(application.provider, state.seed(), &deployment.record),
        scenario: deployment.record.scenario,
        phase: deployment.progress.phase,
        git_ref: deployment.record.git_ref.clone(),
        source_url: deployment.record.source_url.clone(),
        by_api: deployment.record.via == Via::Api,
        created_at: deployment.record.created_at,
        started_at: deployment.progress.started_at,
        finished_at: deployment.progress.finished_at,
    }
}

impl State {
    fn chosen(&self, request: &StartRequest) -> Result<usize, WorldError> {
        let providers = match request.provider {
            Some(provider) => vec![provider],
            None => vec![Provider::Cloud66, Provider::Scalingo],
        };
        if let Some(key) = &request.application {
            let found = providers.iter().find_map(|provider| self.find(*provider, key));
            return found
                .map(|a| a.index)
                .ok_or_else(|| WorldError::NoApplication(key.clone()));
        }
        let mut candidates: Vec<usize> = Vec::new();
        for provider in providers {
            candidates.extend(self.of_provider(provider).map(|application| application.index));
        }
        if candidates.is_empty() {
            return Err(WorldError::NoApplication("(any)".to_owned()));
        }
        Ok(*Dice::new(self.seed(), "chosen application", self.next_number).pick(&candidates))
    }

    /// By id, or by name where the provider's own API does not know names.
    fn find(&self, provider: Provider, key: &str) -> Option<&Application> {
        self.application(provider, key)
            .or_else(|| self.of_provider(provider).find(|application| application.name == key))
    }

    fn existing(&self, provider: Provider, key: &str) -> Result<&Application, WorldError> {
        self.find(provider, key)
            .ok_or_else(|| WorldError::NoApplication(key.to_owned()))
    }
}

impl World {
    /// The applications of one provider.
    #[must_use]
    pub fn applications(&self, provider: Provider) -> Vec<ApplicationSummary> {
        let state = self.state();
        let summary = |application: &Application| ApplicationSummary {
            provider,
            id: application.id.clone(),
            name: application.name.clone(),
            environment: application.environment.clone(),
            deployments: state.count(application.index),
            api_deployments: state.api_count(application.index),
        };
        state.of_provider(provider).map(summary).collect()
    }

    /// The deployments of one application (by id or name), newest first.
    ///
    /// # Errors
    /// When there is no such application.
    pub fn deployments(&self, provider: Provider, application: &str) -> Result<Vec<DeploymentSummary>, WorldError> {
        let state = self.state();
        let application = state.existing(provider, application)?;
        let deployments = state.deployments(application, 0, usize::MAX);
        Ok(deployments
            .iter()
            .map(|deployment| summary(&state, application, deployment))
            .collect())
    }

    /// Start one or more deployments.
    ///
    /// # Errors
    /// When the application does not exist.
    pub fn start(&self, request: &StartRequest) -> Result<Vec<DeploymentSummary>, WorldError> {
        let mut state = self.state();
        let burst = request.scenario == Some(Scenario::Burst);
        let count = request.count.unwrap_or(if burst { 5 } else { 1 }).min(COUNT_MAX);
        let mut started = Vec::new();
        for _ in 0..count {
            let index = state.chosen(request)?;
            let start = Start {
                scenario: request.scenario.filter(|_| !burst),
                git_ref: request.git_ref.clone(),
                ..Start::default()
            };
            let number = state.start(index, start).number;
            let application = &state.applications[index];
            if let Some(deployment) = state.deployment(application, number) {
                started.push(summary(&state, application, &deployment));
            }
        }
        self.write_ahead(&state);
        Ok(started)
    }

    /// Cancel a deployment of either provider.
    ///
    /// # Errors
    /// When there is no such application or deployment, or it has ended.
    pub fn cancel(&self, provider: Provider, application: &str, id: &str) -> Result<(), WorldError> {
        let mut state = self.state();
        let found = state.existing(provider, application)?;
        let deployment = match provider {
            Provider::Cloud66 => id.parse().ok().and_then(|id| state.deployment_by_integer(found, id)),
            Provider::Scalingo => state.deployment_by_uuid(found, id),
        };
        let number = deployment
            .ok_or_else(|| WorldError::NoDeployment(id.to_owned()))?
            .record
            .number;
        let index = found.index;
        if state.cancel(index, number) {
            Ok(())
        } else {
            Err(WorldError::Ended(id.to_owned()))
        }
    }

    /// Add an application without deployments.
    ///
    /// # Errors
    /// When the provider has one of that name (Cloud 66: of that name and environment).
    pub fn add_application(
        &self,
        provider: Provider,
        name: &str,
        environment: &str,
    ) -> Result<ApplicationSummary, WorldError> {
        let mut state = self.state();
        let index = state.applications.len();
        let application = Application::named(state.seed(), provider, index, name, environment);
        let taken = state
            .of_provider(provider)
            .any(|other| other.name == application.name && other.environment == application.environment);
        if taken {
            return Err(WorldError::NameTaken(application.name));
        }
        let (name, environment) = (name.to_owned(), environment.to_owned());
        state.added.push(AddedApplication {
            provider,
            name,
            environment,
        });
        state.generation += 1;
        let (id, name, environment) = (
            application.id.clone(),
            application.name.clone(),
            application.environment.clone(),
        );
        state.index_application(application);
        self.write_ahead(&state);
        Ok(ApplicationSummary {
            provider,
            id,
            name,
            environment,
            deployments: 0,
            api_deployments: 0,
        })
    }

    /// Remove an application: the provider answers 404 for it from now on.
    ///
    /// # Errors
    /// When there is no such application.
    pub fn remove_application(&self, provider: Provider, application: &str) -> Result<(), WorldError> {
        let mut state = self.state();
        let index = state.existing(provider, application)?.index;
        state.applications[index].removed = true;
        state.streams.remove(&index);
        state.generation += 1;
        self.write_ahead(&state);
        Ok(())
    }
}
