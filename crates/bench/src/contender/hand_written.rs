//! What one writes who needs a list of deployments and nothing more: axum, sqlx, a table with a column for each field, a
//! structure for a row. No authentication, no cursor, no freshness.

use axum::extract::{Query, State};
use axum::http::StatusCode;
use axum::routing::get;
use axum::{Json, Router};
use serde::{Deserialize, Serialize};
use sqlx::postgres::{PgPool, PgPoolOptions};
use time::OffsetDateTime;
use tokio::process::Child;
use uuid::Uuid;

use super::fixed::{serve_router, start_part};
use crate::Result;

/// The columns, from the JSON that the history has, which `OFFSET 0` has read once for all of them.
const TABLE: &str = "
    DROP TABLE IF EXISTS plain_deployments;
    CREATE TABLE plain_deployments AS
    SELECT id, application_id, created_at, body ->> 'provider' AS provider, body ->> 'account' AS account,
           body ->> 'provider_deployment_id' AS provider_deployment_id, body ->> 'provider_url' AS provider_url,
           body ->> 'environment' AS environment, body ->> 'status' AS status, body ->> 'phase' AS phase,
           (body ->> 'is_finished')::boolean AS is_finished, body ->> 'failure_reason' AS failure_reason,
           body ->> 'failure_message' AS failure_message, body ->> 'provider_status' AS provider_status,
           body ->> 'kind' AS kind, body #>> '{trigger,kind}' AS trigger_kind,
           body #>> '{trigger,provider_value}' AS trigger_value, body #>> '{actor,id}' AS actor_id,
           body #>> '{actor,name}' AS actor_name, body #>> '{actor,email}' AS actor_email,
           body #>> '{git,ref}' AS git_ref, body #>> '{git,sha}' AS git_sha, body #>> '{git,branch}' AS git_branch,
           body #>> '{git,previous_sha}' AS git_previous_sha, body #>> '{git,commit_url}' AS git_commit_url,
           body #>> '{git,compare_url}' AS git_compare_url, body #>> '{git,message}' AS git_message,
           (body #>> '{git,committed_at}')::timestamptz AS git_committed_at, body #>> '{artifact,image}' AS image,
           (body #>> '{artifact,image_size_bytes}')::bigint AS image_size_bytes,
           body #>> '{artifact,base_image}' AS base_image, ARRAY[]::text[] AS services,
           (body ->> 'is_live')::boolean AS is_live, (body ->> 'is_latest')::boolean AS is_latest,
           (body ->> 'superseded_by_id')::uuid AS superseded_by_id, (body ->> 'rollback_of_id')::uuid AS rollback_of_id,
           (body ->> 'rolled_back_at')::timestamptz AS rolled_back_at, body ->> 'rolled_back_by' AS rolled_back_by,
           (body ->> 'cancel_requested_at')::timestamptz AS cancel_requested_at,
           (body ->> 'queued_at')::timestamptz AS queued_at, (body ->> 'started_at')::timestamptz AS started_at,
           (body ->> 'finished_at')::timestamptz AS finished_at, (body ->> 'queued_ms')::bigint AS queued_ms,
           (body ->> 'duration_ms')::bigint AS duration_ms, (body #>> '{logs,available}')::boolean AS logs_available,
           (body #>> '{logs,live}')::boolean AS logs_live, (body #>> '{logs,complete}')::boolean AS logs_complete,
           ARRAY(SELECT jsonb_array_elements_text(body -> 'allowed_actions')) AS allowed_actions,
           body -> 'blocked_actions' AS blocked_actions, body -> 'labels' AS labels, (body ->> 'version')::bigint AS version,
           (body ->> 'first_seen_at')::timestamptz AS first_seen_at, (body ->> 'observed_at')::timestamptz AS observed_at,
           body ->> 'observed_via' AS observed_via, (body ->> 'updated_at')::timestamptz AS updated_at
    FROM (SELECT id, application_id, created_at, body::jsonb AS body FROM deployments OFFSET 0) AS stored;
    CREATE INDEX plain_deployments_by_creation ON plain_deployments (created_at DESC, id DESC);
    ANALYZE plain_deployments";

#[derive(Debug, Serialize, sqlx::FromRow)]
struct Deployment {
    id: Uuid,
    application_id: Uuid,
    provider: String,
    account: String,
    provider_deployment_id: Option<String>,
    provider_url: Option<String>,
    environment: Option<String>,
    status: String,
    phase: Option<String>,
    is_finished: bool,
    failure_reason: Option<String>,
    failure_message: Option<String>,
    provider_status: Option<String>,
    kind: Option<String>,
    #[sqlx(flatten)]
    trigger: Trigger,
    #[sqlx(flatten)]
    actor: Actor,
    #[sqlx(flatten)]
    git: Git,
    #[sqlx(flatten)]
    artifact: Artifact,
    services: Vec<String>,
    is_live: Option<bool>,
    is_latest: bool,
    superseded_by_id: Option<Uuid>,
    rollback_of_id: Option<Uuid>,
    #[serde(with = "time::serde::rfc3339::option")]
    rolled_back_at: Option<OffsetDateTime>,
    rolled_back_by: Option<String>,
    #[serde(with = "time::serde::rfc3339::option")]
    cancel_requested_at: Option<OffsetDateTime>,
    #[serde(with = "time::serde::rfc3339")]
    created_at: OffsetDateTime,
    #[serde(with = "time::serde::rfc3339::option")]
    queued_at: Option<OffsetDateTime>,
    #[serde(with = "time::serde::rfc3339::option")]
    started_at: Option<OffsetDateTime>,
    #[serde(with = "time::serde::rfc3339::option")]
    finished_at: Option<OffsetDateTime>,
    queued_ms: Option<i64>,
    duration_ms: Option<i64>,
    #[sqlx(flatten)]
    logs: Logs,
    allowed_actions: Vec<String>,
    blocked_actions: serde_json::Value,
    labels: serde_json::Value,
    version: i64,
    #[serde(with = "time::serde::rfc3339")]
    first_seen_at: OffsetDateTime,
    #[serde(with = "time::serde::rfc3339")]
    observed_at: OffsetDateTime,
    observed_via: String,
    #[serde(with = "time::serde::rfc3339")]
    updated_at: OffsetDateTime,
}

#[derive(Debug, Serialize, sqlx::FromRow)]
struct Trigger {
    #[sqlx(rename = "trigger_kind")]
    kind: Option<String>,
    #[sqlx(rename = "trigger_value")]
    provider_value: Option<String>,
}

#[derive(Debug, Serialize, sqlx::FromRow)]
struct Actor {
    #[sqlx(rename = "actor_id")]
    id: Option<String>,
    #[sqlx(rename = "actor_name")]
    name: Option<String>,
    #[sqlx(rename = "actor_email")]
    email: Option<String>,
}

#[derive(Debug, Serialize, sqlx::FromRow)]
struct Git {
    #[sqlx(rename = "git_ref")]
    r#ref: Option<String>,
    #[sqlx(rename = "git_sha")]
    sha: Option<String>,
    #[sqlx(rename = "git_branch")]
    branch: Option<String>,
    #[sqlx(rename = "git_previous_sha")]
    previous_sha: Option<String>,
    #[sqlx(rename = "git_commit_url")]
    commit_url: Option<String>,
    #[sqlx(rename = "git_compare_url")]
    compare_url: Option<String>,
    #[sqlx(rename = "git_message")]
    message: Option<String>,
    #[sqlx(rename = "git_committed_at")]
    #[serde(with = "time::serde::rfc3339::option")]
    committed_at: Option<OffsetDateTime>,
}

#[derive(Debug, Serialize, sqlx::FromRow)]
struct Artifact {
    image: Option<String>,
    image_size_bytes: Option<i64>,
    base_image: Option<String>,
}

#[derive(Debug, Serialize, sqlx::FromRow)]
struct Logs {
    #[sqlx(rename = "logs_available")]
    available: bool,
    #[sqlx(rename = "logs_live")]
    live: bool,
    #[sqlx(rename = "logs_complete")]
    complete: bool,
}

#[derive(Debug, Serialize)]
struct Page {
    items: Vec<Deployment>,
}

/// The running service.
#[derive(Debug)]
pub(crate) struct HandWritten {
    _child: Child,
    pub(crate) address: String,
}

impl HandWritten {
    /// Brings the history into its table and starts it.
    pub(crate) async fn start(pool: &PgPool, database_url: &str) -> Result<Self> {
        sqlx::raw_sql(TABLE).execute(pool).await?;
        let (child, address) = start_part(&["hand-written", database_url]).await?;
        Ok(Self { _child: child, address })
    }
}

/// What [`HandWritten`] runs.
pub(crate) async fn serve(database_url: &str) -> Result<()> {
    let pool = PgPoolOptions::new().max_connections(20).connect(database_url).await?;
    serve_router(Router::new().route("/deployments", get(list)).with_state(pool)).await
}

/// The last row of the page before.
#[derive(Debug, Deserialize)]
struct After {
    #[serde(with = "time::serde::rfc3339")]
    before: OffsetDateTime,
    id: Uuid,
}

async fn list(State(pool): State<PgPool>, Query(after): Query<After>) -> Result<Json<Page>, (StatusCode, String)> {
    let statement =
        "SELECT * FROM plain_deployments WHERE (created_at, id) < ($1, $2) ORDER BY created_at DESC, id DESC LIMIT 50";
    let items = sqlx::query_as(statement)
        .bind(after.before)
        .bind(after.id)
        .fetch_all(&pool)
        .await;
    match items {
        Ok(items) => Ok(Json(Page { items })),
        Err(error) => Err((StatusCode::INTERNAL_SERVER_ERROR, error.to_string())),
    }
}
