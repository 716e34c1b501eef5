//! The control API: JSON over HTTP on a port of its own. The README lists it.

use std::time::Duration;

use axum::extract::{Path, Query, State};
use axum::http::StatusCode;
use axum::response::{IntoResponse, Response};
use axum::routing::{delete, get, post};
use axum::{Json, Router};
use serde::Deserialize;
use serde_json::{Value, json};
use time::format_description::well_known::Rfc3339;

use crate::faults::Fault;
use crate::webhooks::{WebhookTarget, Webhooks};
use crate::world::{Provider, StartRequest, World, WorldError};

/// What the control API works on.
#[derive(Clone)]
pub(crate) struct Control {
    pub(crate) world: World,
    pub(crate) webhooks: Webhooks,
    /// Addresses and tokens, told by `GET /`.
    pub(crate) about: Value,
}

pub(crate) fn router(control: Control) -> Router {
    Router::new()
        .route("/", get(about))
        .route("/faults", get(list_faults).post(add_fault).delete(clear_faults))
        .route("/faults/{id}", delete(remove_fault))
        .route("/applications", get(list_applications).post(add_application))
        .route("/applications/{provider}/{id}", delete(remove_application))
        .route("/applications/{provider}/{id}/deployments", get(list_deployments))
        .route(
            "/applications/{provider}/{id}/deployments/{deployment}",
            delete(cancel_deployment),
        )
        .route("/deployments", post(start_deployments))
        .route("/time", get(time))
        .route("/time/advance", post(advance))
        .route("/time/pause", post(pause))
        .route("/time/resume", post(resume))
        .route("/requests", get(list_requests).delete(clear_requests))
        .route("/requests/counters", get(counters))
        .route("/quirks", get(quirks).patch(change_quirks))
        .route("/sockets", get(sockets))
        .route("/webhooks", get(list_webhooks).post(add_webhook).delete(clear_webhooks))
        .with_state(control)
}

fn refused(error: &WorldError) -> Response {
    let status = match error {
        WorldError::NoApplication(_) | WorldError::NoDeployment(_) => StatusCode::NOT_FOUND,
        WorldError::NameTaken(_) | WorldError::Ended(_) => StatusCode::CONFLICT,
    };
    (status, Json(json!({ "error": error.to_string() }))).into_response()
}

async fn about(State(control): State<Control>) -> Json<Value> {
    Json(control.about)
}

async fn list_faults(State(control): State<Control>) -> Json<Value> {
    Json(json!({ "faults": control.world.faults().list() }))
}

async fn add_fault(State(control): State<Control>, Json(fault): Json<Fault>) -> Response {
    let id = control.world.set_fault(fault);
    (StatusCode::CREATED, Json(json!({ "id": id }))).into_response()
}

async fn clear_faults(State(control): State<Control>) -> StatusCode {
    control.world.faults().clear();
    StatusCode::NO_CONTENT
}

async fn remove_fault(State(control): State<Control>, Path(id): Path<u64>) -> StatusCode {
    if control.world.faults().remove(id) {
        StatusCode::NO_CONTENT
    } else {
        StatusCode::NOT_FOUND
    }
}

#[derive(Deserialize)]
struct OfProvider {
    provider: Option<Provider>,
}

async fn list_applications(State(control): State<Control>, Query(wanted): Query<OfProvider>) -> Json<Value> {
    let providers = match wanted.provider {
        Some(provider) => vec![provider],
        None => vec![Provider::Cloud66, Provider::Scalingo],
    };
    let applications: Vec<_> = providers
        .into_iter()
        .flat_map(|p| control.world.applications(p))
        .collect();
    Json(json!({ "applications": applications }))
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct NewApplication {
    provider: Provider,
    name: String,
    #[serde(default = "production")]
    environment: String,
}

fn production() -> String {
    "production".to_owned()
}

async fn add_application(State(control): State<Control>, Json(wanted): Json<NewApplication>) -> Response {
    match control
        .world
        .add_application(wanted.provider, &wanted.name, &wanted.environment)
    {
        Ok(application) => (StatusCode::CREATED, Json(json!({ "application": application }))).into_response(),
        Err(error) => refused(&error),
    }
}

async fn remove_application(
    State(control): State<Control>,
    Path((provider, id)): Path<(Provider, String)>,
) -> Response {
    match control.world.remove_application(provider, &id) {
        Ok(()) => StatusCode::NO_CONTENT.into_response(),
        Err(error) => refused(&error),
    }
}

async fn list_deployments(State(control): State<Control>, Path((provider, id)): Path<(Provider, String)>) -> Response {
    match control.world.deployments(provider, &id) {
        Ok(deployments) => Json(json!({ "deployments": deployments })).into_response(),
        Err(error) => refused(&error),
    }
}

async fn cancel_deployment(
    State(control): State<Control>,
    Path((provider, id, deployment)): Path<(Provider, String, String)>,
) -> Response {
    match control.world.cancel(provider, &id, &deployment) {
        Ok(()) => StatusCode::NO_CONTENT.into_response(),
        Err(error) => refused(&error),
    }
}

async fn start_deployments(State(control): State<Control>, Json(request): Json<StartRequest>) -> Response {
    match control.world.start(&request) {
        Ok(deployments) => (StatusCode::CREATED, Json(json!({ "deployments": deployments }))).into_response(),
        Err(error) => refused(&error),
    }
}

async fn time(State(control): State<Control>) -> Json<Value> {
    let now = control.world.now().format(&Rfc3339).unwrap_or_default();
    Json(json!({ "now": now, "paused": control.world.is_paused() }))
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Advance {
    ms: u64,
}

async fn advance(State(control): State<Control>, Json(advance): Json<Advance>) -> Json<Value> {
    control.world.advance(Duration::from_millis(advance.ms));
    time(State(control)).await
}

async fn pause(State(control): State<Control>) -> Json<Value> {
    control.world.pause();
    time(State(control)).await
}

async fn resume(State(control): State<Control>) -> Json<Value> {
    control.world.resume();
    time(State(control)).await
}

async fn list_requests(State(control): State<Control>) -> Json<Value> {
    Json(json!({ "requests": control.world.requests().entries() }))
}

async fn clear_requests(State(control): State<Control>) -> StatusCode {
    control.world.requests().clear();
    StatusCode::NO_CONTENT
}

async fn counters(State(control): State<Control>) -> Json<Value> {
    Json(json!({ "counters": control.world.requests().counters() }))
}

async fn quirks(State(control): State<Control>) -> Json<Value> {
    Json(json!(control.world.quirks()))
}

async fn change_quirks(
    State(control): State<Control>,
    Json(changes): Json<serde_json::Map<String, Value>>,
) -> Response {
    let mut changed = json!(control.world.quirks());
    if let Some(fields) = changed.as_object_mut() {
        fields.extend(changes);
    }
    match serde_json::from_value(changed) {
        Ok(changed) => {
            control.world.set_quirks(|quirks| *quirks = changed);
            quirks(State(control)).await.into_response()
        }
        Err(error) => (StatusCode::BAD_REQUEST, Json(json!({ "error": error.to_string() }))).into_response(),
    }
}

async fn sockets(State(control): State<Control>) -> Json<Value> {
    Json(json!({ "open": control.world.open_sockets() }))
}

async fn list_webhooks(State(control): State<Control>) -> Json<Value> {
    let targets = control.webhooks.list().into_iter();
    let targets: Vec<Value> = targets
        .map(|(id, target)| json!({ "id": id, "target": target }))
        .collect();
    Json(json!({ "webhooks": targets }))
}

async fn add_webhook(State(control): State<Control>, Json(target): Json<WebhookTarget>) -> Response {
    if url::Url::parse(&target.url).is_err() {
        return (StatusCode::BAD_REQUEST, Json(json!({ "error": "url is not a URL" }))).into_response();
    }
    (StatusCode::CREATED, Json(json!({ "id": control.webhooks.add(target) }))).into_response()
}

async fn clear_webhooks(State(control): State<Control>) -> StatusCode {
    control.webhooks.clear();
    StatusCode::NO_CONTENT
}
