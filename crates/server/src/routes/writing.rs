//! What all writes share: who sees what they are asked of, and how the engine's answer becomes one of HTTP.

use axum::response::{IntoResponse, Response};
use http::{HeaderName, HeaderValue, StatusCode, header};
use slipway_api::NewDeploymentView;
use slipway_core::provider::TriggerRequest;
use slipway_core::{ApplicationId, DeploymentId};
use slipway_engine::ingest::IngestError;
use slipway_engine::writes::{Order, Refusal, Reply, WriteError};
use slipway_store::{StoreError, applications, deployments, event_log};
use uuid::Uuid;

use crate::auth::Principal;
use crate::extract::{IfMatch, WriteRequest};
use crate::listing::json_response;
use crate::middleware::Audited;
use crate::position;
use crate::problem::{Code, Problem};
use crate::state::AppState;

/// Of the time that a request may take: the rest is for saying that the write goes on.
const SHARE_OF_PATIENCE: f64 = 0.8;

const IDEMPOTENCY_REPLAYED: HeaderName = HeaderName::from_static("idempotency-replayed");

/// Makes a write of which the caller may know, and answers it.
pub(crate) async fn write<T>(state: &AppState, order: Order, write: WriteRequest<T>) -> Result<Response, Problem> {
    require_visible(state, &order, &write.caller.principal).await?;
    let mut request = write.request;
    request.if_version = match (write.if_match, &order) {
        (IfMatch::Any, _) => None,
        (IfMatch::Version { epoch, version }, Order::Redeploy(_) | Order::Rollback(_) | Order::Cancel(_)) => {
            let head = event_log::find_head(&mut *state.connection().await?).await?;
            // A version of another epoch is none of this one's.
            Some(if head.epoch == epoch { version } else { -1 })
        }
        _ => Some(-1),
    };
    let is_keyed = request.key.is_some();
    let made = state.services().writes.make(order, request);
    // It goes on when nobody waits for it any more.
    let made = tokio::time::timeout(state.settings().request_timeout.mul_f64(SHARE_OF_PATIENCE), made).await;
    match made.unwrap_or(Err(WriteError::InFlight)) {
        Ok(Reply::Deployment { id, body, is_replay }) => accepted(state, id, body, is_replay).await,
        Ok(Reply::Refused { refusal, is_replay }) => {
            let mut response = of_refusal(&refusal).into_response();
            // It is in the audit log, with the answer that is stored.
            response.extensions_mut().insert(Audited);
            tell_replay(&mut response, is_replay);
            Ok(response)
        }
        // Without a key, the same request again would be another one.
        Err(WriteError::InFlight) if !is_keyed => Err(Problem::new(Code::WriteInProgress).with_detail(
            "there is no answer yet, and the write goes on: look for it among the application's deployments; sending it again \
             would be another write, unless it had the same `Idempotency-Key` both times",
        )),
        Err(error) => Err(of_error(error)),
    }
}

/// Refuses what the caller may not know of.
pub(crate) async fn require_visible(state: &AppState, order: &Order, principal: &Principal) -> Result<(), Problem> {
    let mut conn = state.connection().await?;
    let (is_visible, what) = match order {
        Order::Trigger(id, _) => {
            let found = applications::find_visible(&mut conn, *id, &principal.visibility).await?;
            (found.is_some(), "application")
        }
        Order::Redeploy(id) | Order::Rollback(id) | Order::Cancel(id) => {
            let is_visible = deployments::is_visible(&mut conn, id.0, &principal.visibility).await?;
            (is_visible, "deployment")
        }
    };
    if is_visible {
        return Ok(());
    }
    Err(Problem::new(Code::NotFound).with_detail(format!("there is no {what} with this id")))
}

/// The order of a trigger.
pub(crate) fn trigger(id: Uuid, body: NewDeploymentView) -> Result<Order, Problem> {
    let request = TriggerRequest {
        git_ref: body.git_ref,
        source_url: body.source_url,
        services: body.services.unwrap_or_default(),
        deployment_profile: body.deployment_profile,
    };
    request
        .check()
        .map_err(|fault| Problem::invalid_body(fault.field, fault.message))?;
    Ok(Order::Trigger(ApplicationId(id), request))
}

/// What a write comes to that has no answer of its own.
pub(crate) fn of_error(error: WriteError) -> Problem {
    match error {
        WriteError::NotFound => Problem::new(Code::NotFound).with_detail("there is no resource with this id"),
        WriteError::InFlight => Problem::new(Code::IdempotencyInProgress)
            .with_detail("a request with this key is being worked on: send it again to get its answer"),
        WriteError::KeyReused => Problem::new(Code::IdempotencyKeyReused)
            .with_detail("this key was used with another body within 24 hours: use a new one"),
        WriteError::OtherVersion => Problem::new(Code::PreconditionFailed)
            .with_detail("the deployment is not as `If-Match` names it: read it again"),
        WriteError::Refused(refusal) => of_refusal(&refusal),
        WriteError::Ingest(IngestError::Store(error)) => error.into(),
        WriteError::Ingest(error) => {
            tracing::error!(error = &error as &dyn std::error::Error, "a write could not be stored");
            Problem::new(Code::Internal)
        }
    }
}

fn of_refusal(refusal: &Refusal) -> Problem {
    let code = Code::ALL.iter().find(|code| code.as_str() == refusal.code);
    let Some(code) = code.copied() else {
        tracing::error!(code = refusal.code, "a refusal has a code that nobody knows");
        return Problem::new(Code::Internal);
    };
    let problem = Problem::new(code).with_detail(refusal.detail.clone());
    match refusal.retry_after_s {
        Some(seconds) => problem.with_retry_after(u16::try_from(seconds).unwrap_or(u16::MAX)),
        None => problem,
    }
}

async fn find_head(state: &AppState) -> Result<event_log::Head, StoreError> {
    event_log::find_head(&mut *state.connection().await?).await
}

async fn accepted(state: &AppState, id: DeploymentId, body: String, is_replay: bool) -> Result<Response, Problem> {
    let mut position = None;
    // It was written in any case: a database that is away just now is no reason to say anything else.
    if let Ok(head) = find_head(state).await {
        let cursor = position::cursor(&head);
        // Whoever asks this replica next sees what was written.
        let seen = state.feed().wait_for(&cursor);
        drop(tokio::time::timeout(state.settings().min_cursor_wait, seen).await);
        position = Some(cursor);
    }
    let mut response = (StatusCode::ACCEPTED, json_response(body)).into_response();
    let headers = response.headers_mut();
    headers.insert(header::CACHE_CONTROL, HeaderValue::from_static("no-store"));
    if let Ok(location) = HeaderValue::try_from(format!("/api/v1/deployments/{id}")) {
        headers.insert(header::LOCATION, location);
    }
    if let Some(cursor) = position {
        position::set(&mut response, &cursor);
    }
    tell_replay(&mut response, is_replay);
    Ok(response)
}

fn tell_replay(response: &mut Response, is_replay: bool) {
    if is_replay {
        response
            .headers_mut()
            .insert(IDEMPOTENCY_REPLAYED, HeaderValue::from_static("true"));
    }
}
