//! `/livez`, `/readyz`, `/healthz`: for whoever keeps the process running.
//!
//! None of them looks at a provider: a dead one must never take the gateway out of service.

use std::time::Duration;

use axum::extract::State;
use axum::response::{IntoResponse, Response};
use http::request::Parts;
use http::{HeaderValue, header};
use serde::Serialize;
use slipway_engine::supervisor::TaskState;
use slipway_store::{StoreError, pool};
use time::OffsetDateTime;

use crate::auth::Scope;
use crate::listing::{json_response, to_json};
use crate::middleware::principal_of;
use crate::problem::{Code, Problem};
use crate::state::AppState;

const DATABASE_PATIENCE: Duration = Duration::from_secs(3);

/// `GET /livez`: the process answers.
pub(crate) async fn livez() -> &'static str {
    "ok"
}

/// `GET /readyz`: the database answers and has the schema that this release needs.
pub(crate) async fn readyz(State(state): State<AppState>) -> Result<&'static str, Problem> {
    if state.services().shutdown.is_cancelled() {
        return Err(Problem::new(Code::NotReady).with_detail("the gateway is stopping"));
    }
    match pending_migrations(&state).await? {
        0 => Ok("ready"),
        count => Err(Problem::new(Code::NotReady).with_detail(format!("{count} migrations are not applied"))),
    }
}

async fn pending_migrations(state: &AppState) -> Result<usize, StoreError> {
    let asked = tokio::time::timeout(DATABASE_PATIENCE, pool::pending_migrations(state.pool()));
    asked.await.unwrap_or_else(|_| Err(StoreError::timed_out()))
}

/// `GET /healthz`: `ok`, `degraded` or `unavailable` for everybody, everything for an admin. Always 200: who routes traffic
/// asks `/readyz`.
pub(crate) async fn healthz(State(state): State<AppState>, parts: Parts) -> Result<Response, Problem> {
    let principal = principal_of(&state, &parts.extensions, &parts.headers).await?;
    let health = Health::of(&state);
    let mut response = if principal.is_some_and(|principal| principal.require(Scope::Admin).is_ok()) {
        json_response(to_json(&health)?)
    } else {
        health.status.into_response()
    };
    response
        .headers_mut()
        .insert(header::CACHE_CONTROL, HeaderValue::from_static("no-store"));
    Ok(response)
}

#[derive(Debug, Serialize)]
struct Health {
    status: &'static str,
    version: &'static str,
    event_log: EventLogHealth,
    open_streams: usize,
    tasks: Vec<TaskHealth>,
}

#[derive(Debug, Serialize)]
struct EventLogHealth {
    is_readable: bool,
    #[serde(with = "time::serde::rfc3339::option")]
    last_read_at: Option<OffsetDateTime>,
    head: Option<String>,
    subscriber_count: usize,
}

#[derive(Debug, Serialize)]
struct TaskHealth {
    name: String,
    state: &'static str,
    restart_count: u32,
    last_error: Option<String>,
    #[serde(with = "time::serde::rfc3339")]
    since: OffsetDateTime,
}

impl Health {
    fn of(state: &AppState) -> Self {
        let feed = state.feed();
        let tasks = (state.services().tasks)();
        let status = if !feed.is_healthy() {
            "unavailable"
        } else if tasks.iter().any(|task| task.state == TaskState::Restarting) {
            "degraded"
        } else {
            "ok"
        };
        let task = |task: slipway_engine::supervisor::TaskStatus| TaskHealth {
            name: task.name,
            state: task.state.as_str(),
            restart_count: task.restart_count,
            last_error: task.last_error,
            since: task.since,
        };
        Self {
            status,
            version: env!("CARGO_PKG_VERSION"),
            event_log: EventLogHealth {
                is_readable: feed.is_healthy(),
                last_read_at: feed.last_read_at(),
                head: feed.head().map(|head| head.to_string()),
                subscriber_count: feed.subscriber_count(),
            },
            open_streams: state.streams().count(),
            tasks: tasks.into_iter().map(task).collect(),
        }
    }
}
