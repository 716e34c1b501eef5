//! From what Cloud 66 says to what the gateway knows. Pure: payload in, observation out.

use serde_json::Value;
use slipway_core::deployment::{Actor, DeploymentDetails, Git, Trigger};
use slipway_core::{ApplicationObservation, Authority, DeploymentObservation, State, Status};
use slipway_provider_http::{Url, lenient, sanitize};

use crate::payload::{Coded, DeploymentPayload, StackPayload};

/// Fields that are credentials: whoever knows them can deploy.
pub const SECRET_FIELDS: &[&str] = &["redeploy_hook"];

const STACK_STATUSES: [&str; 8] = [
    "pending analysis",
    "deployed successfully",
    "deployment failed",
    "analysing",
    "analysed",
    "queued for deployment",
    "deploying",
    "unable to analyse",
];
const HEALTHS: [&str; 5] = ["unknown", "building", "impaired", "healthy", "failed"];

/// A stack. Nothing when it has no usable id.
pub fn application(mut payload: Value, dashboard_url: &Url) -> Option<ApplicationObservation> {
    if !payload.is_object() {
        return None;
    }
    sanitize(&mut payload, SECRET_FIELDS);
    let stack: StackPayload = serde_json::from_value(payload).ok()?;
    let uid = stack.uid?;
    let status = stack.status.as_deref();
    let is_busy = stack.is_busy.unwrap_or(false) || matches!(status, Some("5" | "6"));
    let last_activity = stack.last_activity_iso.or(stack.last_activity);
    let activity = format!(
        "{}|{}|{}",
        status.unwrap_or_default(),
        stack.is_busy.unwrap_or(false),
        last_activity.unwrap_or_default()
    );
    Some(ApplicationObservation {
        name: stack.name.unwrap_or_else(|| uid.clone()),
        environment: stack.environment,
        region: None,
        url: stack.application_address.or(stack.fqdn).map(web_address),
        provider_url: page(dashboard_url, &["stacks", &uid]),
        git_repository: stack.git,
        git_branch: stack.git_branch,
        provider_status: stack.status.as_deref().map(|code| with_meaning(code, &STACK_STATUSES)),
        health: stack.health.as_deref().map(|code| with_meaning(code, &HEALTHS)),
        owner: stack.account_name,
        created_at: stack.created_at_iso.or(stack.created_at),
        activity: Some(activity),
        is_busy,
        provider_application_id: uid,
    })
}

/// A deployment of the stack `stack_uid`. Nothing when it has no usable id.
pub fn deployment(
    mut payload: Value,
    stack_uid: &str,
    dashboard_url: &Url,
    authority: Authority,
) -> Option<DeploymentObservation> {
    if !payload.is_object() {
        return None;
    }
    sanitize(&mut payload, SECRET_FIELDS);
    let deployment: DeploymentPayload = serde::Deserialize::deserialize(&payload).ok()?;
    let id = deployment.id.clone()?;
    let (state, unmapped_status) = state(&deployment, authority);
    let (name, email) = match deployment.triggered_by {
        Some(email) if email.contains('@') => (None, Some(email)),
        name => (name, None),
    };
    Some(DeploymentObservation {
        state,
        finished_at: deployment.finished_at.as_ref().and_then(lenient::instant_of),
        details: DeploymentDetails {
            provider_url: page(dashboard_url, &["stacks", stack_uid, "deployments", &id]),
            kind: deployment.deploy_type.word().map(|word| open_word(&word)),
            trigger: Trigger {
                kind: trigger_kind(&deployment.triggered_via),
                provider_value: deployment.triggered_via.verbatim(),
            },
            actor: Actor { id: None, name, email },
            git: Git {
                r#ref: deployment.git_ref,
                sha: deployment.git_hash,
                commit_url: deployment.commit_url,
                ..Git::default()
            },
            is_live: deployment.is_live,
            rolled_back_at: deployment.reverted_at,
            rolled_back_by: deployment.reverted_by,
            started_at: deployment.started_at.as_ref().and_then(lenient::instant_of),
            ..DeploymentDetails::default()
        },
        provider_deployment_id: id,
        raw: Some(payload),
        unmapped_status,
    })
}

/// The status, and the provider's word for it where no mapping covers it.
fn state(deployment: &DeploymentPayload, authority: Authority) -> (State, Option<String>) {
    let provider_status = deployment.outcome.verbatim();
    let (status, is_finished) = if deployment.finished_at.is_some() {
        (ended_as(&deployment.outcome), true)
    } else if deployment.is_deploying == Some(true) || deployment.started_at.is_some() {
        (Status::InProgress, false)
    } else {
        (Status::Queued, false)
    };
    let unmapped = if status == Status::Unknown {
        provider_status.clone()
    } else {
        None
    };
    (
        State {
            is_finished,
            provider_status,
            ..State::new(status, authority)
        },
        unmapped,
    )
}

fn ended_as(outcome: &Coded) -> Status {
    let word = outcome.word().unwrap_or_default();
    let contains_one_of = |parts: &[&str]| parts.iter().any(|part| word.contains(part));
    if contains_one_of(&["fail", "error", "unsuccess"]) {
        Status::Failed
    } else if contains_one_of(&["cancel", "abort", "stop"]) {
        Status::Canceled
    } else if word.starts_with("success") {
        Status::Succeeded
    } else {
        Status::Unknown
    }
}

/// `web`, `api` and `hook` are the documented ones; a newer model spells them "Web Interface" and the like.
fn trigger_kind(via: &Coded) -> Option<String> {
    let word = open_word(&via.word()?);
    let known = ["web", "api", "hook"]
        .into_iter()
        .find(|known| word.split('_').any(|part| part == *known));
    Some(known.map_or(word, str::to_owned))
}

/// A word for an open list: lower case, `_` between its parts.
fn open_word(text: &str) -> String {
    let parts = text
        .split(|c: char| !c.is_alphanumeric())
        .filter(|part| !part.is_empty());
    parts.map(str::to_lowercase).collect::<Vec<_>>().join("_")
}

fn with_meaning(code: &str, meanings: &[&str]) -> String {
    let meaning = code.parse().ok().and_then(|index: usize| meanings.get(index));
    meaning.map_or_else(|| code.to_owned(), |meaning| format!("{code}:{meaning}"))
}

fn web_address(host: String) -> String {
    // The provider names only the host; whether it redirects to https is the application's own affair.
    if host.contains("://") {
        host
    } else {
        format!("http://{host}")
    }
}

fn page(dashboard_url: &Url, segments: &[&str]) -> Option<String> {
    let mut url = dashboard_url.clone();
    url.path_segments_mut().ok()?.pop_if_empty().extend(segments);
    Some(url.into())
}
