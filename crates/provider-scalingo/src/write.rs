//! What a write becomes at Scalingo: a POST of a source, or of a branch of the linked repository. Pure.

use serde_json::{Map, Value, json};
use slipway_core::DeploymentObservation;
use slipway_core::provider::{
    ApplicationRef, ErrorKind, InvalidField, ProviderError, Revision, TriggerRequest, UnansweredCall, Write,
    check_git_ref,
};
use slipway_provider_http::{Answer, without_url_secrets};
use time::Duration;

use crate::provider::NAME;
use crate::source::SourceUrlTemplate;

/// How far a provider's clock may be behind the database's.
const CLOCK_DIFFERENCE: Duration = Duration::minutes(2);

/// A call that makes a deployment.
#[derive(Debug)]
pub(crate) struct Call {
    pub(crate) source: Source,
    pub(crate) warnings: Vec<String>,
}

/// Where the source comes from; each has an endpoint of its own.
#[derive(Debug)]
pub(crate) enum Source {
    /// An archive that Scalingo fetches (<https://developers.scalingo.com/deployments>).
    Archive { git_ref: Option<String>, url: String },
    /// The repository that the app is linked to. Its documentation speaks of branches.
    Link { branch: String },
}

impl Source {
    pub(crate) fn route(&self) -> &'static str {
        match self {
            Self::Archive { .. } => "/v1/apps/{app}/deployments",
            Self::Link { .. } => "/v1/apps/{app}/scm_repo_link/manual_deploy",
        }
    }

    pub(crate) fn segments<'a>(&self, app: &'a str) -> Vec<&'a str> {
        match self {
            Self::Archive { .. } => vec!["v1", "apps", app, "deployments"],
            Self::Link { .. } => vec!["v1", "apps", app, "scm_repo_link", "manual_deploy"],
        }
    }

    pub(crate) fn body(&self) -> Value {
        match self {
            Self::Link { branch } => json!({ "branch": branch }),
            Self::Archive { git_ref, url } => {
                let mut deployment = Map::new();
                if let Some(git_ref) = git_ref {
                    deployment.insert("git_ref".to_owned(), json!(git_ref));
                }
                deployment.insert("source_url".to_owned(), json!(url));
                json!({ "deployment": deployment })
            }
        }
    }

    /// The same with the secrets of the URL masked.
    pub(crate) fn masked(&self) -> Self {
        match self {
            Self::Link { branch } => Self::Link { branch: branch.clone() },
            Self::Archive { git_ref, url } => Self::Archive {
                git_ref: git_ref.clone(),
                url: without_url_secrets(url).into_owned(),
            },
        }
    }
}

/// The call for a write. Fails where Scalingo cannot do what is asked, or with what.
pub(crate) fn call(
    application: &ApplicationRef,
    write: &Write,
    template: Option<&SourceUrlTemplate>,
) -> Result<Call, ProviderError> {
    let asked = match write {
        Write::Trigger(request) => return trigger(application, request, template),
        Write::Cancel { .. } => {
            let message = "Scalingo cannot stop a deployment that has begun";
            return Err(ProviderError::new(
                ErrorKind::Unsupported,
                NAME,
                write.action(),
                message,
            ));
        }
        Write::Redeploy(revision) | Write::Rollback(revision) => revision,
    };
    let is_rollback = matches!(write, Write::Rollback(_));
    let git_ref = asked.git_sha.as_ref().or(asked.git_ref.as_ref());
    if let Some(git_ref) = git_ref {
        check_git_ref(git_ref).map_err(|fault| invalid(write.action(), fault))?;
    }
    let mut warnings = Vec::new();
    if asked.git_sha.is_none() && asked.git_ref.is_some() {
        warnings.push("only the name of the revision is known, which may mean another commit by now".to_owned());
    }
    if is_rollback {
        warnings.push("Scalingo deploys the earlier source again, which takes as long as any deployment".to_owned());
    }
    let source = again(application, asked, git_ref, template, is_rollback).ok_or_else(|| {
        let message = "it is not known what that deployment deployed: give the account a source_url_template with {git_ref}, \
                       or trigger a deployment with a source_url";
        source_unknown(write.action(), message)
    })?;
    Ok(Call { source, warnings })
}

/// The source of an earlier deployment, as far as it is known.
fn again(
    application: &ApplicationRef,
    asked: &Revision,
    git_ref: Option<&String>,
    template: Option<&SourceUrlTemplate>,
    is_rollback: bool,
) -> Option<Source> {
    // A template without a revision always gives the newest source, which is not what one goes back to.
    let template = template.filter(|template| !is_rollback || template.needs_git_ref());
    let from_template = || template?.url(&application.name, git_ref.map(String::as_str));
    if let Some(url) = asked.source_url.clone().or_else(from_template) {
        return Some(Source::Archive {
            git_ref: git_ref.cloned(),
            url,
        });
    }
    git_ref.map(|git_ref| Source::Link {
        branch: git_ref.clone(),
    })
}

fn trigger(
    application: &ApplicationRef,
    request: &TriggerRequest,
    template: Option<&SourceUrlTemplate>,
) -> Result<Call, ProviderError> {
    const ACTION: &str = "trigger";
    request.check().map_err(|fault| invalid(ACTION, fault))?;
    let unknown = |field| {
        let message = "cannot be given to Scalingo";
        Err(invalid(ACTION, InvalidField { field, message }))
    };
    if !request.services.is_empty() {
        return unknown("services");
    }
    if request.deployment_profile.is_some() {
        return unknown("deployment_profile");
    }
    let git_ref = request.git_ref.clone();
    let needs_git_ref = |message| {
        invalid(
            ACTION,
            InvalidField {
                field: "git_ref",
                message,
            },
        )
    };
    let source = match (&request.source_url, template, git_ref) {
        (Some(url), _, git_ref) => Source::Archive {
            git_ref,
            url: url.clone(),
        },
        (None, Some(template), git_ref) => {
            let url = template.url(&application.name, git_ref.as_deref());
            let url = url.ok_or_else(|| needs_git_ref("is needed: the account's source_url_template contains it"))?;
            Source::Archive { git_ref, url }
        }
        (None, None, Some(branch)) => Source::Link { branch },
        (None, None, None) => return Err(needs_git_ref("or `source_url` is needed to know what to deploy")),
    };
    let through_link = "it deploys from the repository that the app is linked to, and fails where there is none";
    let warnings = match source {
        Source::Link { .. } => vec![through_link.to_owned()],
        Source::Archive { .. } => Vec::new(),
    };
    Ok(Call { source, warnings })
}

fn invalid(action: &'static str, fault: InvalidField) -> ProviderError {
    ProviderError::new(ErrorKind::InvalidRequest, NAME, action, fault.to_string())
}

fn source_unknown(action: &'static str, message: &str) -> ProviderError {
    ProviderError::new(ErrorKind::Conflict, NAME, action, message).with_reason("source_unknown")
}

/// The error of an answer that says that the app is linked to no repository.
pub(crate) fn no_link(answer: &Answer) -> Option<ProviderError> {
    let body = answer.json_object().filter(|_| answer.status == 404)?;
    // Which word the provider has for the link is not documented; an app that is gone is another matter.
    let is_app = body
        .get("resource")
        .and_then(Value::as_str)
        .is_some_and(|resource| resource == "app");
    (body.contains_key("error") && !is_app).then(|| {
        let message =
            "the app is linked to no repository: give a source_url, or give the account a source_url_template";
        source_unknown(answer.operation, message)
    })
}

/// The newer kind of user id, `us-` and a UUID; the older kind cannot be compared with it.
fn uuid(id: &str) -> Option<&str> {
    let bare = id.strip_prefix("us-").unwrap_or(id);
    (bare.len() == 36).then_some(bare)
}

/// Ids have no order, so time, revision and user decide. A user that is not known contradicts nothing, a robot does.
pub(crate) fn may_result_from(
    deployment: &DeploymentObservation,
    call: &UnansweredCall<'_>,
    own_user: Option<&str>,
) -> bool {
    let details = &deployment.details;
    let is_ours = match (own_user.and_then(uuid), details.actor.id.as_deref().and_then(uuid)) {
        (Some(own), Some(pusher)) => own == pusher,
        _ => details.trigger.kind.as_deref() != Some("scm"),
    };
    let is_new = details
        .created_at
        .is_some_and(|at| at >= call.calling_at - CLOCK_DIFFERENCE);
    is_new && is_ours && call.fits_revision(&details.git)
}
