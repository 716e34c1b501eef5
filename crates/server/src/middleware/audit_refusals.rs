//! Writes down who was not let change something.

use std::net::IpAddr;
use std::time::Instant;

use axum::extract::{MatchedPath, Request};
use axum::response::Response;
use http::{Method, StatusCode};
use serde_json::json;
use uuid::Uuid;

use super::RequestId;
use crate::auth::{self, Actor, Note, Refusal, record_refusal};
use crate::openapi::BASE_PATH;
use crate::problem::{Code, Problem};
use crate::state::AppState;

/// On an answer: who asked, as far as that was proved.
#[derive(Debug, Clone)]
pub(crate) struct Asked {
    pub(crate) principal_id: std::sync::Arc<str>,
    pub(crate) principal: std::sync::Arc<str>,
}

/// On an answer: what was refused is in the audit log.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Audited;

/// What the operations that change something are called in the audit log; none for what changes nothing.
const ACTIONS: [(&str, &str, Option<&str>); 12] = [
    ("POST", "/tokens", Some("token.create")),
    ("DELETE", "/tokens/{token_id}", Some("token.revoke")),
    ("POST", "/session", Some("session.create")),
    ("DELETE", "/session", Some("session.end")),
    ("POST", "/session-codes", Some("session_code.create")),
    ("POST", "/stream-tickets", Some("stream_ticket.create")),
    (
        "POST",
        "/applications/{application_id}/deployments",
        Some("deployment.trigger"),
    ),
    ("POST", "/deployments/{deployment_id}/cancel", Some("deployment.cancel")),
    (
        "POST",
        "/deployments/{deployment_id}/redeploy",
        Some("deployment.redeploy"),
    ),
    (
        "POST",
        "/deployments/{deployment_id}/rollback",
        Some("deployment.rollback"),
    ),
    ("POST", "/applications/{application_id}/refresh", None),
    ("POST", "/previews", None),
];

/// What an operation is called in the audit log: none for what changes nothing, no answer for what is not known here.
fn audited_action(method: &str, path: &str) -> Option<Option<&'static str>> {
    let path = path.strip_prefix(BASE_PATH)?;
    let known = ACTIONS
        .iter()
        .find(|(verb, route, _)| *verb == method && *route == path);
    known.map(|(_, _, action)| *action)
}

/// A request that may be refused and then stands in the audit log.
pub(crate) struct Audit {
    action: &'static str,
    target: Option<Uuid>,
    address: Option<IpAddr>,
    request_id: Option<String>,
}

impl Audit {
    /// None for what changes nothing.
    pub(crate) fn begin(state: &AppState, request: &Request) -> Option<Self> {
        if matches!(*request.method(), Method::GET | Method::HEAD | Method::OPTIONS) {
            return None;
        }
        let route = request.extensions().get::<MatchedPath>()?;
        let action = audited_action(request.method().as_str(), route.as_str()).flatten()?;
        // Only what is an id of ours: the rest of a path is whatever somebody wrote there.
        let target = request
            .uri()
            .path()
            .split('/')
            .find_map(|part| Uuid::try_parse(part).ok());
        let address = auth::address(
            request.extensions(),
            request.headers(),
            &state.settings().trusted_proxies,
        );
        Some(Self {
            action,
            target,
            address,
            request_id: request.extensions().get::<RequestId>().map(|id| id.0.to_string()),
        })
    }

    /// What is to be written down now that there is an answer.
    pub(crate) fn end(self, response: &Response) -> Option<Refused> {
        let code = response.extensions().get::<Problem>().map(Problem::code)?;
        if !is_refusal(code) || response.extensions().get::<Audited>().is_some() {
            return None;
        }
        let mut actor = Actor::anonymous();
        if let Some(asked) = response.extensions().get::<Asked>() {
            actor.principal_id = asked.principal_id.to_string();
            actor.principal = asked.principal.to_string();
        }
        let refusal = Refusal {
            principal_id: actor.principal_id.clone(),
            action: self.action,
            code: code.as_str(),
            address: self
                .address
                .filter(|_| actor.principal_id == Actor::anonymous().principal_id),
        };
        actor.request_id = self.request_id;
        actor.client_address = self.address;
        Some(Refused {
            actor,
            refusal,
            target: self.target,
        })
    }
}

/// A refusal that belongs into the audit log.
pub(crate) struct Refused {
    actor: Actor,
    refusal: Refusal,
    target: Option<Uuid>,
}

impl Refused {
    /// Writes it down, after the fact and never so often that it fills the table.
    pub(crate) async fn note(self, state: &AppState) {
        note(state, self.actor, self.refusal, self.target).await;
    }
}

/// What somebody was not let do, in contrast to what was not understood, came too soon, or is being done.
fn is_refusal(code: Code) -> bool {
    let is_refused = matches!(
        code.status(),
        StatusCode::UNAUTHORIZED
            | StatusCode::FORBIDDEN
            | StatusCode::NOT_FOUND
            | StatusCode::CONFLICT
            | StatusCode::PRECONDITION_FAILED
    );
    is_refused && code != Code::IdempotencyInProgress
}

async fn note(state: &AppState, actor: Actor, refusal: Refusal, target: Option<Uuid>) {
    let (action, code) = (refusal.action, refusal.code);
    match state.refusals().note(refusal, Instant::now()) {
        Note::Write => write(state, &actor, action, code, target, None).await,
        Note::Count {
            kind,
            summarize_at: Some(at),
        } => {
            let state = state.clone();
            let actor = Actor {
                request_id: None,
                ..actor
            };
            tokio::spawn(async move {
                let stopping = state.services().shutdown.cancelled();
                // What was counted until the process ends is written, too.
                drop(tokio::time::timeout_at(at.into(), stopping).await);
                let repeated = state.refusals().summary(&kind);
                let actor = if actor.principal_id == kind.principal_id {
                    actor
                } else {
                    Actor {
                        principal_id: kind.principal_id.clone(),
                        principal: kind.principal_id.clone(),
                        ..Actor::anonymous()
                    }
                };
                write(&state, &actor, kind.action, kind.code, None, Some(repeated)).await;
            });
        }
        Note::Count { summarize_at: None, .. } => {}
    }
}

async fn write(state: &AppState, actor: &Actor, action: &str, code: &str, target: Option<Uuid>, repeated: Option<u64>) {
    let mut detail = json!({ "code": code });
    if let Some(repeated) = repeated {
        detail["repeated"] = repeated.into();
    }
    let written = async {
        let target = target.map(|target| target.to_string());
        let at = state.clock().now();
        record_refusal(&mut *state.connection().await?, actor, action, target, detail, at).await
    };
    // The refusal stands, with or without its entry.
    if let Err(error) = written.await {
        tracing::warn!(
            error = &error as &dyn std::error::Error,
            principal = actor.principal,
            action,
            "a refusal was not written to the audit log"
        );
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_operation_that_changes_something_has_a_name_in_the_audit_log() {
        for (path, item) in &crate::openapi().paths.paths {
            for (method, operation) in [("POST", &item.post), ("PUT", &item.put), ("DELETE", &item.delete)] {
                if operation.is_some() {
                    assert!(
                        audited_action(method, path).is_some(),
                        "{method} {path} is missing in ACTIONS"
                    );
                }
            }
            assert!(item.patch.is_none(), "{path}");
        }
    }
}
