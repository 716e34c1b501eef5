//! What every command of the client begins with: a gateway, a screen, and the time.

use slipway_api::{ApplicationView, DeploymentView};
use slipway_core::{Clock, SystemClock};
use time::OffsetDateTime;
use uuid::Uuid;

use crate::cli::client::{ConnectArgs, PlaceArgs, TargetArgs};
use crate::client::{Answer, Client, Connection, Names, Query, Wanted};
use crate::failure::Failure;
use crate::terminal::Screen;

pub(crate) struct Session {
    pub(crate) client: Client,
    pub(crate) screen: Screen,
    /// Whether programs read it.
    pub(crate) json: bool,
    /// Whether standard error gets colours.
    pub(crate) colour_on_stderr: bool,
}

impl Session {
    pub(crate) fn begin(args: &ConnectArgs) -> Result<Self, Failure> {
        Ok(Self {
            client: Client::new(Connection::of(args)?)?,
            screen: Screen::of_stdout(args.color),
            json: args.json,
            colour_on_stderr: args.color.is_wanted_on_stderr(),
        })
    }

    pub(crate) fn now(&self) -> OffsetDateTime {
        SystemClock.now()
    }

    /// The deployment with this id as it is now.
    pub(crate) async fn deployment(&self, id: Uuid, query: &Query) -> Result<Answer, Failure> {
        match self.client.get(&["deployments", &id.to_string()], query).await {
            Ok(answer) => Ok(answer),
            Err(refusal) if refusal.is_not_found() => Err(Failure::usage(format!(
                "there is no deployment {id}, or this token may not see it; `slipway list` shows those there are"
            ))),
            Err(refusal) => Err(refusal.into()),
        }
    }

    /// The id of the one that is meant.
    pub(crate) async fn target(&self, args: &TargetArgs) -> Result<Uuid, Failure> {
        if let Some(id) = args.deployment {
            return Ok(id);
        }
        let application = self.client.application(wanted(args)?).await?;
        match application.last_deployment_id {
            Some(id) => Ok(id),
            None => Ok(self.client.newest(&application).await?.id),
        }
    }

    /// The application of a deployment; none if the token may not see it.
    pub(crate) async fn application_of(&self, deployment: &DeploymentView) -> Option<ApplicationView> {
        let id = deployment.application_id.to_string();
        self.client.get(&["applications", &id], &[]).await.ok()?.json().ok()
    }

    /// The ids of all applications that may be meant by these texts.
    pub(crate) async fn application_ids(&self, texts: &[String], names: &mut Names) -> Result<Vec<String>, Failure> {
        let mut ids = Vec::new();
        for text in texts {
            let wanted = Wanted {
                text,
                environment: None,
            };
            for application in self.client.applications(wanted).await? {
                names.add(&application);
                ids.push(application.id.to_string());
            }
        }
        Ok(ids)
    }
}

/// The application of a target without an id.
pub(crate) fn wanted(args: &TargetArgs) -> Result<Wanted<'_>, Failure> {
    let text = args.app.as_deref();
    let text = text.ok_or_else(|| Failure::usage("name a deployment by its id, or an application by --app"))?;
    Ok(Wanted {
        text,
        environment: args.environment.as_deref(),
    })
}

/// Adds a filter, if it has values.
pub(crate) fn add_values<T: ToString>(query: &mut Query, name: &'static str, values: &[T]) {
    if !values.is_empty() {
        let values: Vec<String> = values.iter().map(ToString::to_string).collect();
        query.push((name, values.join(",")));
    }
}

/// Adds the filters of a place.
pub(crate) fn add_place(query: &mut Query, place: &PlaceArgs) {
    add_values(query, "provider", &place.provider);
    add_values(query, "account", &place.account);
    add_values(query, "environment", &place.environment);
}
