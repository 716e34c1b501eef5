//! What a write becomes at Cloud 66: one POST or DELETE below a stack. Pure.

use serde_json::{Map, Value, json};
use slipway_core::DeploymentObservation;
use slipway_core::provider::{
    Accepted, Arrival, ErrorKind, InvalidField, ProviderError, Revision, TriggerRequest, UnansweredCall, Write,
    check_git_ref,
};
use slipway_provider_http::{Answer, Method};
use time::Duration;

use crate::payload::{ActionPayload, OutcomePayload, SinglePayload};
use crate::provider::NAME;

/// The longest `user_reference` that is documented.
const MAX_REFERENCE_CHARS: usize = 255;
/// How far a provider's clock may be behind the database's.
const CLOCK_DIFFERENCE: Duration = Duration::minutes(2);

/// A call that changes something, ready to be sent.
#[derive(Debug)]
pub(crate) struct Call {
    pub(crate) method: Method,
    pub(crate) route: &'static str,
    pub(crate) segments: Vec<String>,
    pub(crate) body: Option<Value>,
    pub(crate) warnings: Vec<String>,
}

/// The call for a write on the stack `uid`. Fails where Cloud 66 cannot do what is asked.
pub(crate) fn call(uid: &str, write: &Write, reference: &str) -> Result<Call, ProviderError> {
    let refuse = |kind, message: String| ProviderError::new(kind, NAME, write.action(), message);
    let invalid = |fault: InvalidField| refuse(ErrorKind::InvalidRequest, fault.to_string());
    let source_unknown = |message: &str| refuse(ErrorKind::Conflict, message.to_owned()).with_reason("source_unknown");
    if reference.chars().count() > MAX_REFERENCE_CHARS {
        return Err(refuse(
            ErrorKind::InvalidRequest,
            format!("the reference is longer than {MAX_REFERENCE_CHARS} characters"),
        ));
    }
    match write {
        Write::Trigger(request) => {
            request.check().map_err(invalid)?;
            if request.source_url.is_some() {
                return Err(invalid(InvalidField {
                    field: "source_url",
                    message: "cannot be given to Cloud 66, which deploys from the stack's own repository",
                }));
            }
            Ok(deploy(uid, request, reference, None))
        }
        Write::Redeploy(revision) => {
            let git_ref = revision.git_sha.as_ref().or(revision.git_ref.as_ref()).ok_or_else(|| {
                source_unknown("Cloud 66 does not say what that deployment deployed: trigger a deployment instead")
            })?;
            check_git_ref(git_ref).map_err(invalid)?;
            let has_moved = "only the name of the revision is known, which may mean another commit by now";
            let warning = revision.git_sha.is_none().then(|| has_moved.to_owned());
            Ok(deploy(uid, &again(git_ref, revision), reference, warning))
        }
        Write::Rollback(revision) => {
            let sha = revision.git_sha.as_ref().ok_or_else(|| {
                source_unknown(
                    "Cloud 66 does not say which commit that deployment deployed: there is nothing to go back to",
                )
            })?;
            check_git_ref(sha).map_err(invalid)?;
            let warning = "Cloud 66 deploys the earlier commit again, which takes as long as any deployment".to_owned();
            Ok(deploy(uid, &again(sha, revision), reference, Some(warning)))
        }
        Write::Cancel { provider_deployment_id } => Ok(Call {
            method: Method::DELETE,
            route: "/stacks/{uid}/deployments/{id}",
            segments: ["stacks", uid, "deployments", provider_deployment_id]
                .map(str::to_owned)
                .into(),
            body: None,
            warnings: Vec::new(),
        }),
    }
}

fn again(git_ref: &str, revision: &Revision) -> TriggerRequest {
    TriggerRequest {
        git_ref: Some(git_ref.to_owned()),
        services: revision.services.clone(),
        ..TriggerRequest::default()
    }
}

/// <https://developers.cloud66.com/#redeploy-a-stack>; that it is a POST is what every client does.
fn deploy(uid: &str, request: &TriggerRequest, reference: &str, warning: Option<String>) -> Call {
    let mut body = Map::new();
    if let Some(git_ref) = &request.git_ref {
        body.insert("git_ref".to_owned(), json!(git_ref));
    }
    if !request.services.is_empty() {
        body.insert("services".to_owned(), json!(request.services));
    }
    if let Some(profile) = &request.deployment_profile {
        body.insert("deployment_profile".to_owned(), json!(profile));
    }
    body.insert("user_reference".to_owned(), json!(reference));
    let unnamed = "Cloud 66 does not say which deployment this makes: its id is filled in when it is found".to_owned();
    Call {
        method: Method::POST,
        route: "/stacks/{uid}/deployments",
        segments: ["stacks", uid, "deployments"].map(str::to_owned).into(),
        body: Some(Value::Object(body)),
        warnings: warning.into_iter().chain([unnamed]).collect(),
    }
}

/// What a 2xx answer says.
pub(crate) fn accepted(answer: &Answer) -> Result<Accepted, ProviderError> {
    let SinglePayload { response } = answer.json()?;
    let outcome: OutcomePayload = serde_json::from_value(Value::Object(response)).unwrap_or_default();
    if outcome.ok == Some(false) {
        return Err(answer.error(ErrorKind::Conflict, "Cloud 66 did not take it"));
    }
    Ok(Accepted {
        deployment: None,
        is_queued: outcome.queued == Some(true),
    })
}

/// The action that carries this very reference, if it is among these.
pub(crate) fn arrival(actions: Vec<Value>, reference: &str) -> Option<Arrival> {
    let actions = actions
        .into_iter()
        .filter_map(|action| serde_json::from_value::<ActionPayload>(action).ok());
    let found = actions.into_iter().find(|action| {
        let metadata = action.metadata.as_ref();
        metadata.and_then(|metadata| metadata.user_reference.as_deref()) == Some(reference)
    })?;
    let is_finished = found.finished_at.is_some();
    Some(Arrival {
        started_at: found.started_at,
        is_finished,
        succeeded: found.finished_success.filter(|_| is_finished),
    })
}

/// Ids rise; a deployment by somebody else's click or hook is not ours. Who uses the API is not told.
pub(crate) fn may_result_from(deployment: &DeploymentObservation, call: &UnansweredCall<'_>) -> bool {
    let details = &deployment.details;
    let Ok(id) = deployment.provider_deployment_id.parse::<u64>() else {
        return false;
    };
    let is_new = match call.highest_known_id {
        Some(highest) => highest.parse().is_ok_and(|highest: u64| id > highest),
        None => details
            .started_at
            .is_none_or(|at| at >= call.calling_at - CLOCK_DIFFERENCE),
    };
    let is_by_api = details.trigger.kind.as_deref().is_none_or(|kind| kind == "api");
    is_new && is_by_api && call.fits_revision(&details.git)
}
