//! `/livez`, `/readyz`, `/healthz`: for whoever keeps the process running.
//!
//! None of them looks at a provider: a dead one must never take the gateway out of service.

use std::time::Duration;

use axum::extract::State;
use axum::response::{IntoResponse, Response};
use http::request::Parts;
use http::{HeaderValue, header};
use serde::Serialize;
use slipway_api::FreshnessView;
use slipway_core::AccountName;
use slipway_core::provider::SharedProvider;
use slipway_engine::supervisor::{TaskState, TaskStatus};
use slipway_store::{StoreError, schema};
use time::OffsetDateTime;

use crate::auth::Scope;
use crate::freshness;
use crate::listing::{json_response, to_json};
use crate::middleware::principal_of;
use crate::monitored::Monitored;
use crate::problem::{Code, Problem};
use crate::state::AppState;

const DATABASE_PATIENCE: Duration = Duration::from_secs(3);

/// `GET /livez`: the process answers.
pub(crate) async fn livez() -> &'static str {
    "ok"
}

/// `GET /readyz`: the database answers and has the schema that this release needs.
pub(crate) async fn readyz(State(state): State<AppState>) -> Result<&'static str, Problem> {
    readyz_of(State(state.monitored())).await
}

/// The same on the listener of operations.
pub(crate) async fn readyz_of(State(monitored): State<Monitored>) -> Result<&'static str, Problem> {
    if monitored.shutdown.is_cancelled() {
        return Err(Problem::new(Code::NotReady).with_detail("the gateway is stopping"));
    }
    match pending_migrations(&monitored).await? {
        0 => Ok("ready"),
        count => Err(Problem::new(Code::NotReady).with_detail(format!("{count} migrations are not applied"))),
    }
}

async fn pending_migrations(monitored: &Monitored) -> Result<usize, StoreError> {
    let asked = tokio::time::timeout(DATABASE_PATIENCE, schema::find_state(&monitored.pool));
    let state = asked.await.unwrap_or_else(|_| Err(StoreError::timed_out()))?;
    Ok(state.pending)
}

/// `GET /healthz`: `ok`, `degraded` or `unavailable` for everybody, everything for an admin. Always 200: who routes traffic
/// asks `/readyz`.
pub(crate) async fn healthz(State(state): State<AppState>, parts: Parts) -> Result<Response, Problem> {
    let principal = principal_of(&state, &parts.extensions, &parts.headers).await?;
    let monitored = state.monitored();
    if principal.is_some_and(|principal| principal.require(Scope::Admin).is_ok()) {
        return healthz_of(State(monitored)).await;
    }
    let tasks = (monitored.tasks)();
    Ok(uncached(status(&monitored, &tasks).into_response()))
}

/// The same on the listener of operations: everything.
pub(crate) async fn healthz_of(State(monitored): State<Monitored>) -> Result<Response, Problem> {
    Ok(uncached(json_response(to_json(&Health::of(&monitored).await)?)))
}

fn uncached(mut response: Response) -> Response {
    let headers = response.headers_mut();
    headers.insert(header::CACHE_CONTROL, HeaderValue::from_static("no-store"));
    response
}

/// In one word. What a provider does has no part in it.
fn status(monitored: &Monitored, tasks: &[TaskStatus]) -> &'static str {
    let is_readable = monitored.api.as_ref().is_none_or(|api| api.feed().is_healthy());
    if !is_readable {
        "unavailable"
    } else if tasks.iter().any(|task| task.state == TaskState::Restarting) {
        "degraded"
    } else {
        "ok"
    }
}

#[derive(Debug, Serialize)]
struct Health {
    status: &'static str,
    version: &'static str,
    /// None in a process without an API.
    event_log: Option<EventLogHealth>,
    open_streams: usize,
    tasks: Vec<TaskHealth>,
    /// None while the database does not answer.
    accounts: Option<Vec<AccountHealth>>,
    /// What was removed because it was older than what is kept; none while the database does not answer.
    retention: Option<Vec<RetentionHealth>>,
}

/// Before which instant things may be gone, and how many are.
#[derive(Debug, Serialize)]
struct RetentionHealth {
    kind: String,
    #[serde(with = "time::serde::rfc3339")]
    removed_before: OffsetDateTime,
    removed_count: i64,
}

/// A configured account: how far it can be trusted, and what may still be asked of its provider.
#[derive(Debug, Serialize)]
struct AccountHealth {
    name: String,
    provider: &'static str,
    /// None before the first attempt to read it.
    freshness: Option<FreshnessView>,
    rate_budget: Option<BudgetHealth>,
}

#[derive(Debug, Serialize)]
struct BudgetHealth {
    limit: u32,
    remaining: u32,
    #[serde(with = "time::serde::rfc3339::option")]
    resets_at: Option<OffsetDateTime>,
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
    async fn of(monitored: &Monitored) -> Self {
        let tasks = (monitored.tasks)();
        let status = status(monitored, &tasks);
        let task = |task: TaskStatus| TaskHealth {
            name: task.name,
            state: task.state.as_str(),
            restart_count: task.restart_count,
            last_error: task.last_error,
            since: task.since,
        };
        let event_log = |api: &AppState| EventLogHealth {
            is_readable: api.feed().is_healthy(),
            last_read_at: api.feed().last_read_at(),
            head: api.feed().head().map(|head| head.to_string()),
            subscriber_count: api.feed().subscriber_count(),
        };
        let api = monitored.api.as_ref();
        Self {
            status,
            version: env!("CARGO_PKG_VERSION"),
            event_log: api.map(event_log),
            open_streams: api.map_or(0, |api| api.streams().count()),
            tasks: tasks.into_iter().map(task).collect(),
            accounts: accounts(monitored).await,
            retention: retention(monitored).await,
        }
    }
}

async fn retention(monitored: &Monitored) -> Option<Vec<RetentionHealth>> {
    let read = async {
        let mut conn = monitored.pool.acquire().await.map_err(StoreError::from)?;
        slipway_store::retention::list_horizons(&mut conn).await
    };
    let Ok(Ok(rows)) = tokio::time::timeout(DATABASE_PATIENCE, read).await else {
        return None;
    };
    let shown = rows.into_iter().map(|row| RetentionHealth {
        kind: row.kind,
        removed_before: row.removed_before,
        removed_count: row.removed_count,
    });
    Some(shown.collect())
}

async fn accounts(monitored: &Monitored) -> Option<Vec<AccountHealth>> {
    let read = async { freshness::load(&mut *monitored.pool.acquire().await.map_err(StoreError::from)?).await };
    let known = match tokio::time::timeout(DATABASE_PATIENCE, read).await {
        Ok(Ok(known)) => known.accounts,
        Ok(Err(_)) | Err(_) => return None,
    };
    let now = monitored.clock.now();
    let account = |(name, provider): (&AccountName, &SharedProvider)| AccountHealth {
        name: name.to_string(),
        provider: provider.info().name,
        freshness: known
            .iter()
            .find(|account| account.row.account == name.as_str())
            .map(|account| account.view(now)),
        rate_budget: provider.rate_budget().map(|budget| BudgetHealth {
            limit: budget.limit,
            remaining: budget.remaining,
            resets_at: budget.resets_at,
        }),
    };
    Some(monitored.setup.now().registry.iter().map(account).collect())
}
