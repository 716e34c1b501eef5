//! From what Scalingo says to what the gateway knows. Pure: payload in, observation out.

use serde_json::Value;
use slipway_core::deployment::{Actor, Artifact, DeploymentDetails, Git, Trigger};
use slipway_core::provider::StatusMapping;
use slipway_core::state::reason;
use slipway_core::{ApplicationObservation, Authority, DeploymentObservation, Phase, State, Status};
use slipway_provider_http::{Url, lenient, sanitize};

use crate::payload::{AppPayload, DeploymentPayload, UserPayload};

/// No payload that we read has a field which is a credential as a whole; those inside URLs are always taken out.
pub const SECRET_FIELDS: &[&str] = &["token", "access_token"];

/// What links are made of.
#[derive(Debug, Clone)]
pub struct Links {
    /// The dashboard.
    pub dashboard_url: Url,
    /// The region, where the API's host names one.
    pub region: Option<String>,
}

impl Links {
    fn page(&self, region: Option<&str>, app: &str, rest: &[&str]) -> Option<String> {
        let mut url = self.dashboard_url.clone();
        let region = region.or(self.region.as_deref());
        url.path_segments_mut()
            .ok()?
            .pop_if_empty()
            .push("apps")
            .extend(region)
            .push(app)
            .extend(rest);
        Some(url.into())
    }
}

/// How each documented status is read.
pub const STATUS_MAPPINGS: &[StatusMapping] = &[
    mapping("queued", Status::Queued, Some(Phase::QUEUED), None),
    mapping("building", Status::InProgress, Some(Phase::BUILD), None),
    mapping("pushing", Status::InProgress, Some(Phase::PUSH), None),
    mapping("starting", Status::InProgress, Some(Phase::START), None),
    mapping("success", Status::Succeeded, None, None),
    mapping("build-error", Status::Failed, Some(Phase::BUILD), Some("build_failed")),
    mapping(
        "crashed-error",
        Status::Failed,
        Some(Phase::START),
        Some("start_crashed"),
    ),
    mapping(
        "timeout-error",
        Status::Failed,
        Some(Phase::START),
        Some("start_timeout"),
    ),
    mapping("hook-error", Status::Failed, Some(Phase::HOOK), Some("hook_failed")),
    mapping("aborted", Status::Canceled, None, Some("aborted")),
];

const fn mapping(
    provider_status: &'static str,
    status: Status,
    phase: Option<Phase>,
    failure_reason: Option<&'static str>,
) -> StatusMapping {
    StatusMapping {
        provider_status,
        status,
        phase,
        failure_reason,
    }
}

/// An app. Nothing when it has no usable id.
pub fn application(mut payload: Value, links: &Links) -> Option<ApplicationObservation> {
    if !payload.is_object() {
        return None;
    }
    sanitize(&mut payload, SECRET_FIELDS);
    let app: AppPayload = serde_json::from_value(payload).ok()?;
    let id = app.id?;
    let name = app.name.unwrap_or_else(|| id.clone());
    let activity = format!(
        "{}|{}",
        app.last_deployed_at.unwrap_or_default(),
        app.last_deployment_id.unwrap_or_default()
    );
    Some(ApplicationObservation {
        environment: None,
        provider_url: links.page(app.region.as_deref(), &name, &[]),
        region: app.region.or_else(|| links.region.clone()),
        url: app.url,
        git_repository: app.git_source.or(app.git_url),
        git_branch: None,
        provider_status: app.status,
        health: None,
        owner: app.owner.and_then(|owner| owner.username.or(owner.email).or(owner.id)),
        created_at: app.created_at,
        activity: Some(activity),
        // The last attempt may be running or over: the app does not say.
        is_busy: false,
        name,
        provider_application_id: id,
    })
}

/// A deployment of the app `app_name`. Nothing when it has no usable id.
pub fn deployment(
    mut payload: Value,
    app_name: &str,
    links: &Links,
    authority: Authority,
) -> Option<DeploymentObservation> {
    if !payload.is_object() {
        return None;
    }
    sanitize(&mut payload, SECRET_FIELDS);
    let deployment: DeploymentPayload = serde::Deserialize::deserialize(&payload).ok()?;
    let id = deployment.id?;
    // When it ended is for REST to say.
    let finished_at = deployment.finished_at.filter(|_| authority == Authority::Rest);
    let (state, unmapped_status) = state(deployment.status, finished_at.is_some(), authority);
    let pusher = deployment.pusher.unwrap_or_default();
    let (git_ref, sha) = match deployment.git_ref {
        Some(sha) if is_sha(&sha) => (None, Some(sha)),
        other => (other, None),
    };
    Some(DeploymentObservation {
        state,
        finished_at: finished_at.as_ref().and_then(lenient::instant_of),
        details: DeploymentDetails {
            provider_url: links.page(None, app_name, &["deploy", &id]),
            trigger: Trigger {
                kind: trigger_kind(deployment.kind.as_deref(), &pusher).map(str::to_owned),
                provider_value: deployment.kind.clone(),
            },
            kind: deployment.kind,
            actor: Actor {
                id: pusher.id,
                name: pusher.username,
                email: pusher.email,
            },
            git: Git {
                r#ref: git_ref,
                sha,
                previous_sha: deployment.previous_git_ref.filter(|previous| is_sha(previous)),
                ..Git::default()
            },
            artifact: Artifact {
                image: deployment.image,
                image_size_bytes: deployment.image_size.filter(|bytes| *bytes > 0),
                base_image: deployment.stack_base_image,
            },
            created_at: deployment.created_at,
            // Whole seconds; 0 while it runs, and on rows that never ran.
            duration_ms: deployment
                .duration
                .filter(|seconds| *seconds > 0)
                .and_then(|seconds| seconds.checked_mul(1000)),
            ..DeploymentDetails::default()
        },
        provider_deployment_id: id,
        raw: Some(payload),
        unmapped_status,
    })
}

/// A `status` frame: nothing but a status.
pub fn status_frame(provider_deployment_id: String, status: Option<String>) -> DeploymentObservation {
    let (state, unmapped_status) = state(status, false, Authority::Stream);
    DeploymentObservation {
        provider_deployment_id,
        state,
        finished_at: None,
        details: DeploymentDetails::default(),
        raw: None,
        unmapped_status,
    }
}

/// The state, and the provider's word for it where no mapping covers it.
fn state(provider_status: Option<String>, has_finish_time: bool, authority: Authority) -> (State, Option<String>) {
    let word = provider_status.as_deref().unwrap_or_default().to_ascii_lowercase();
    let known = STATUS_MAPPINGS.iter().find(|mapping| mapping.provider_status == word);
    let (status, phase, failure_reason) = match known {
        Some(known) => (known.status, known.phase.clone(), known.failure_reason),
        None if word.ends_with("-error") => (Status::Failed, None, Some(reason::UNCLASSIFIED)),
        None => (Status::Unknown, None, None),
    };
    let unmapped = if known.is_none() { provider_status.clone() } else { None };
    let state = State {
        phase,
        is_finished: status.is_end() || status == Status::Unknown && has_finish_time,
        provider_status,
        failure_reason: failure_reason.map(str::to_owned),
        ..State::new(status, authority)
    };
    (state, unmapped)
}

/// The type says how the source came in; a push by the provider's own robot comes from the linked repository.
fn trigger_kind(kind: Option<&str>, pusher: &UserPayload) -> Option<&'static str> {
    let is_robot = |text: &Option<String>| text.as_deref().is_some_and(|text| text.starts_with("deploy-scm"));
    if is_robot(&pusher.username) || is_robot(&pusher.email) || pusher.email.as_deref() == Some("deploy@scalingo.com") {
        return Some("scm");
    }
    match kind? {
        "git" => Some("push"),
        "archive" => Some("api"),
        "oneclick" => Some("web"),
        _ => None,
    }
}

/// A commit hash, whole or short.
fn is_sha(text: &str) -> bool {
    (7..=40).contains(&text.len()) && text.bytes().all(|byte| byte.is_ascii_hexdigit())
}
