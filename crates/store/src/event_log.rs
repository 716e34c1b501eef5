//! The event log: append in commit order, read by position.

use slipway_core::{ApplicationId, DeploymentId, EventType, Status, TraceContext, Via};
use sqlx::PgConnection;
use time::OffsetDateTime;
use uuid::Uuid;

use crate::Result;

/// The channel that hints at new events. It carries nothing: a notification is no proof and may be lost.
pub const CHANNEL: &str = "slipway_events";

/// A position in the log.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Head {
    /// Names the log.
    pub epoch: String,
    /// The number of the last event.
    pub seq: i64,
}

/// An event to be written. Its number comes from the log.
#[derive(Debug, Clone)]
pub struct NewEvent {
    /// What happened.
    pub r#type: EventType,
    /// The provider's time of the change.
    pub occurred_at: Option<OffsetDateTime>,
    /// The application it is about.
    pub application_id: Option<ApplicationId>,
    /// The deployment it is about.
    pub deployment_id: Option<DeploymentId>,
    /// The kind of platform.
    pub provider: Option<String>,
    /// The account.
    pub account: Option<String>,
    /// The environment, for filters.
    pub environment: Option<String>,
    /// The status after the change.
    pub status: Option<Status>,
    /// The status before, where it changed.
    pub previous_status: Option<Status>,
    /// How it was seen.
    pub observed_via: Option<Via>,
    /// Why, where there is more to say.
    pub reason: Option<String>,
    /// The public JSON of the deployment after the change.
    pub deployment: Option<String>,
}

/// An event as it is stored.
#[derive(Debug, Clone)]
pub struct EventRow {
    /// Its number.
    pub seq: i64,
    /// What happened.
    pub r#type: String,
    /// The provider's time of the change.
    pub occurred_at: Option<OffsetDateTime>,
    /// When it was written.
    pub recorded_at: OffsetDateTime,
    /// The application it is about.
    pub application_id: Option<Uuid>,
    /// The deployment it is about.
    pub deployment_id: Option<Uuid>,
    /// The kind of platform.
    pub provider: Option<String>,
    /// The account.
    pub account: Option<String>,
    /// The environment.
    pub environment: Option<String>,
    /// The status after the change.
    pub status: Option<String>,
    /// The status before.
    pub previous_status: Option<String>,
    /// How it was seen.
    pub observed_via: Option<String>,
    /// Why.
    pub reason: Option<String>,
    /// The trace in which it was written.
    pub trace_id: Option<String>,
    /// The public JSON of the deployment after the change.
    pub deployment: Option<String>,
}

/// Where the log ends now.
pub async fn find_head(conn: &mut PgConnection) -> Result<Head> {
    Ok(sqlx::query_as!(Head, "SELECT epoch, seq FROM event_head")
        .fetch_one(conn)
        .await?)
}

/// Gives the log another name, so that every position handed out before is refused instead of being taken for another event.
/// For a database that was restored from a backup: what came after the backup is gone, and its numbers are used again.
pub async fn begin_epoch(conn: &mut PgConnection) -> Result<Head> {
    let head = sqlx::query_as!(
        Head,
        "UPDATE event_head SET epoch = substr(replace(gen_random_uuid()::text, '-', ''), 1, 10) RETURNING epoch, seq"
    )
    .fetch_one(&mut *conn)
    .await?;
    sqlx::query!("SELECT pg_notify($1, '')", CHANNEL).execute(conn).await?;
    Ok(head)
}

/// The number of the oldest event kept, if there is any.
pub async fn find_oldest(conn: &mut PgConnection) -> Result<Option<i64>> {
    Ok(sqlx::query_scalar!("SELECT min(seq) FROM events")
        .fetch_one(conn)
        .await?)
}

/// Appends events in the order given and hints at them. Answers the number of the last.
///
/// The counter row stays locked until the caller's transaction ends, which is what makes numbers commit in order. So this
/// comes last: every statement after it holds up every other writer.
///
/// An event names the trace of the present span, so that what a reader sees leads to what was done for it.
pub async fn append(conn: &mut PgConnection, events: &[NewEvent], recorded_at: OffsetDateTime) -> Result<Option<i64>> {
    if events.is_empty() {
        return Ok(None);
    }
    let count = i64::try_from(events.len()).unwrap_or(i64::MAX);
    let mut types = Vec::with_capacity(events.len());
    let mut occurred = Vec::with_capacity(events.len());
    let mut applications = Vec::with_capacity(events.len());
    let mut deployments = Vec::with_capacity(events.len());
    let mut providers = Vec::with_capacity(events.len());
    let mut accounts = Vec::with_capacity(events.len());
    let mut environments = Vec::with_capacity(events.len());
    let mut statuses = Vec::with_capacity(events.len());
    let mut previous = Vec::with_capacity(events.len());
    let mut via = Vec::with_capacity(events.len());
    let mut reasons = Vec::with_capacity(events.len());
    let mut bodies = Vec::with_capacity(events.len());
    for event in events {
        types.push(event.r#type.as_str().to_owned());
        occurred.push(event.occurred_at);
        applications.push(event.application_id.map(|id| id.0));
        deployments.push(event.deployment_id.map(|id| id.0));
        providers.push(event.provider.clone());
        accounts.push(event.account.clone());
        environments.push(event.environment.clone());
        statuses.push(event.status.map(|status| status.as_str().to_owned()));
        previous.push(event.previous_status.map(|status| status.as_str().to_owned()));
        via.push(event.observed_via.map(|via| via.as_str().to_owned()));
        reasons.push(event.reason.clone());
        bodies.push(event.deployment.clone());
    }
    let trace_id = TraceContext::current().map(TraceContext::trace_id);
    let last = sqlx::query_scalar!(
        r#"
        WITH head AS (UPDATE event_head SET seq = seq + $1 RETURNING seq),
        written AS (
            INSERT INTO events (seq, type, occurred_at, recorded_at, application_id, deployment_id, provider, account,
                                environment, status, previous_status, observed_via, reason, trace_id, deployment)
            SELECT head.seq - $1 + new.position, new.type, new.occurred_at, $2, new.application_id, new.deployment_id,
                   new.provider, new.account, new.environment, new.status, new.previous_status, new.observed_via,
                   new.reason, $15, new.deployment
            FROM head, UNNEST($3::text[], $4::timestamptz[], $5::uuid[], $6::uuid[], $7::text[], $8::text[], $9::text[],
                              $10::text[], $11::text[], $12::text[], $13::text[], $14::text[])
                 WITH ORDINALITY AS new (type, occurred_at, application_id, deployment_id, provider, account, environment,
                                         status, previous_status, observed_via, reason, deployment, position)
        )
        SELECT seq FROM head
        "#,
        count,
        recorded_at,
        &types,
        &occurred as &[Option<OffsetDateTime>],
        &applications as &[Option<Uuid>],
        &deployments as &[Option<Uuid>],
        &providers as &[Option<String>],
        &accounts as &[Option<String>],
        &environments as &[Option<String>],
        &statuses as &[Option<String>],
        &previous as &[Option<String>],
        &via as &[Option<String>],
        &reasons as &[Option<String>],
        &bodies as &[Option<String>],
        trace_id,
    )
    .fetch_one(&mut *conn)
    .await?;
    sqlx::query!("SELECT pg_notify($1, '')", CHANNEL).execute(conn).await?;
    Ok(Some(last))
}

/// At most `limit` events after number `seq`, in the order of the log.
pub async fn list_after(conn: &mut PgConnection, seq: i64, limit: i64) -> Result<Vec<EventRow>> {
    Ok(sqlx::query_as!(
        EventRow,
        r#"
        SELECT seq, type AS "type!", occurred_at, recorded_at, application_id, deployment_id, provider, account, environment,
               status, previous_status, observed_via, reason, trace_id, deployment
        FROM events WHERE seq > $1 ORDER BY seq LIMIT $2
        "#,
        seq,
        limit
    )
    .fetch_all(conn)
    .await?)
}
