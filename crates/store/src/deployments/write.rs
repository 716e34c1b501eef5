//! Writes of whole batches, one statement each.

use slipway_core::Deployment;
use sqlx::PgConnection;
use time::OffsetDateTime;
use uuid::Uuid;

use crate::{Result, StoreError, labels};

/// A deployment with its public JSON and, where a whole payload was seen, that.
#[derive(Debug, Clone)]
pub struct StoredDeployment {
    /// The deployment.
    pub deployment: Deployment,
    /// Its public JSON.
    pub body: String,
    /// The payload without its secret fields; none keeps the one stored.
    pub raw: Option<serde_json::Value>,
}

/// Stores new deployments. The caller holds the application's lock and owes each a `deployment.created`, or the batch one
/// `application.history_changed`.
pub async fn insert(conn: &mut PgConnection, new: &[StoredDeployment], recorded_at: OffsetDateTime) -> Result<()> {
    if new.is_empty() {
        return Ok(());
    }
    let columns = Columns::new(new)?;
    sqlx::query!(
        r#"
        INSERT INTO deployments (id, application_id, provider, account, environment, provider_deployment_id, status,
                                 is_finished, is_live, is_latest, superseded_by_id, rollback_of_id, created_at, finished_at,
                                 first_seen_at, observed_at, observed_via, updated_at, version, tracked, body, labels,
                                 application_name, log_state)
        SELECT * FROM UNNEST($1::uuid[], $2::uuid[], $3::text[], $4::text[], $5::text[], $6::text[], $7::text[],
                             $8::boolean[], $9::boolean[], $10::boolean[], $11::uuid[], $12::uuid[], $13::timestamptz[],
                             $14::timestamptz[], $15::timestamptz[], $16::timestamptz[], $17::text[], $18::timestamptz[],
                             $19::bigint[], $20::jsonb[], $21::text[], $22::jsonb[], $23::text[], $24::text[])
        "#,
        &columns.ids,
        &columns.applications,
        &columns.providers,
        &columns.accounts,
        &columns.environments as &[Option<String>],
        &columns.provider_ids as &[Option<String>],
        &columns.statuses,
        &columns.finished,
        &columns.live as &[Option<bool>],
        &columns.latest,
        &columns.superseded as &[Option<Uuid>],
        &columns.rollbacks as &[Option<Uuid>],
        &columns.created_at,
        &columns.finished_at as &[Option<OffsetDateTime>],
        &columns.first_seen_at,
        &columns.observed_at,
        &columns.observed_via,
        &columns.updated_at,
        &columns.versions,
        &columns.tracked,
        &columns.bodies,
        &columns.labels,
        &columns.application_names,
        &columns.log_states,
    )
    .execute(&mut *conn)
    .await?;
    upsert_payloads(conn, new, recorded_at).await
}

/// Writes changed deployments whose versions were raised by one. The caller holds the application's lock and owes an event
/// for each axis that changed.
///
/// # Errors
/// [`StoreError::Inconsistent`] when a stored version is not the one before.
pub async fn update(conn: &mut PgConnection, changed: &[StoredDeployment], recorded_at: OffsetDateTime) -> Result<()> {
    if changed.is_empty() {
        return Ok(());
    }
    let columns = Columns::new(changed)?;
    let done = sqlx::query!(
        r#"
        UPDATE deployments AS old
        SET environment = new.environment, provider_deployment_id = new.provider_deployment_id, status = new.status,
            is_finished = new.is_finished, is_live = new.is_live, is_latest = new.is_latest,
            superseded_by_id = new.superseded_by_id, rollback_of_id = new.rollback_of_id, finished_at = new.finished_at,
            observed_at = new.observed_at, observed_via = new.observed_via, updated_at = new.updated_at,
            version = new.version, tracked = new.tracked, body = new.body, labels = new.labels,
            application_name = new.application_name, log_state = new.log_state, account = new.account
        FROM UNNEST($1::uuid[], $2::text[], $3::text[], $4::text[], $5::boolean[], $6::boolean[], $7::boolean[], $8::uuid[],
                    $9::uuid[], $10::timestamptz[], $11::timestamptz[], $12::text[], $13::timestamptz[], $14::bigint[],
                    $15::jsonb[], $16::text[], $17::jsonb[], $18::text[], $19::text[], $20::text[])
             AS new (id, environment, provider_deployment_id, status, is_finished, is_live, is_latest, superseded_by_id,
                     rollback_of_id, finished_at, observed_at, observed_via, updated_at, version, tracked, body, labels,
                     application_name, log_state, account)
        WHERE old.id = new.id AND old.version = new.version - 1
        "#,
        &columns.ids,
        &columns.environments as &[Option<String>],
        &columns.provider_ids as &[Option<String>],
        &columns.statuses,
        &columns.finished,
        &columns.live as &[Option<bool>],
        &columns.latest,
        &columns.superseded as &[Option<Uuid>],
        &columns.rollbacks as &[Option<Uuid>],
        &columns.finished_at as &[Option<OffsetDateTime>],
        &columns.observed_at,
        &columns.observed_via,
        &columns.updated_at,
        &columns.versions,
        &columns.tracked,
        &columns.bodies,
        &columns.labels,
        &columns.application_names,
        &columns.log_states,
        &columns.accounts,
    )
    .execute(&mut *conn)
    .await?;
    if done.rows_affected() != changed.len() as u64 {
        let what = format!(
            "{} rows to change, {} of the version before",
            changed.len(),
            done.rows_affected()
        );
        return Err(StoreError::inconsistent("deployments", what));
    }
    upsert_payloads(conn, changed, recorded_at).await
}

/// Keeps what the state machine has to remember of a deployment of which nothing public changed.
pub async fn remember(conn: &mut PgConnection, deployment: &Deployment) -> Result<()> {
    let tracked = serde_json::to_value(&deployment.tracked)
        .map_err(|error| StoreError::inconsistent("deployments", error.to_string()))?;
    sqlx::query!(
        "UPDATE deployments SET tracked = $3 WHERE id = $1 AND version = $2",
        deployment.id.0,
        deployment.version,
        tracked
    )
    .execute(conn)
    .await?;
    Ok(())
}

async fn upsert_payloads(
    conn: &mut PgConnection,
    stored: &[StoredDeployment],
    recorded_at: OffsetDateTime,
) -> Result<()> {
    let (ids, payloads): (Vec<Uuid>, Vec<serde_json::Value>) = stored
        .iter()
        .filter_map(|row| Some((row.deployment.id.0, row.raw.clone()?)))
        .unzip();
    if ids.is_empty() {
        return Ok(());
    }
    sqlx::query!(
        r#"
        INSERT INTO deployment_payloads AS old (deployment_id, payload, recorded_at)
        SELECT id, payload, $3 FROM UNNEST($1::uuid[], $2::jsonb[]) AS new (id, payload)
        ON CONFLICT (deployment_id) DO UPDATE SET payload = excluded.payload, recorded_at = excluded.recorded_at
        WHERE old.payload IS DISTINCT FROM excluded.payload
        "#,
        &ids,
        &payloads,
        recorded_at
    )
    .execute(conn)
    .await?;
    Ok(())
}

#[derive(Default)]
struct Columns {
    ids: Vec<Uuid>,
    applications: Vec<Uuid>,
    providers: Vec<String>,
    accounts: Vec<String>,
    environments: Vec<Option<String>>,
    provider_ids: Vec<Option<String>>,
    statuses: Vec<String>,
    finished: Vec<bool>,
    live: Vec<Option<bool>>,
    latest: Vec<bool>,
    superseded: Vec<Option<Uuid>>,
    rollbacks: Vec<Option<Uuid>>,
    created_at: Vec<OffsetDateTime>,
    finished_at: Vec<Option<OffsetDateTime>>,
    first_seen_at: Vec<OffsetDateTime>,
    observed_at: Vec<OffsetDateTime>,
    observed_via: Vec<String>,
    updated_at: Vec<OffsetDateTime>,
    versions: Vec<i64>,
    tracked: Vec<serde_json::Value>,
    bodies: Vec<String>,
    labels: Vec<serde_json::Value>,
    application_names: Vec<String>,
    log_states: Vec<String>,
}

impl Columns {
    fn new(rows: &[StoredDeployment]) -> Result<Self> {
        let mut columns = Self::default();
        for StoredDeployment { deployment, body, .. } in rows {
            let tracked = serde_json::to_value(&deployment.tracked)
                .map_err(|error| StoreError::inconsistent("deployments", error.to_string()))?;
            columns.ids.push(deployment.id.0);
            columns.applications.push(deployment.application_id.0);
            columns.providers.push(deployment.provider.to_string());
            columns.accounts.push(deployment.account.to_string());
            columns.environments.push(deployment.environment.clone());
            columns.provider_ids.push(deployment.provider_deployment_id.clone());
            columns.statuses.push(deployment.tracked.status().as_str().to_owned());
            columns.finished.push(deployment.tracked.state.is_finished);
            columns.live.push(deployment.is_live);
            columns.latest.push(deployment.is_latest);
            columns.superseded.push(deployment.superseded_by_id.map(|id| id.0));
            columns.rollbacks.push(deployment.rollback_of_id.map(|id| id.0));
            columns.created_at.push(deployment.created_at);
            columns.finished_at.push(deployment.tracked.finished_at);
            columns.first_seen_at.push(deployment.first_seen_at);
            columns.observed_at.push(deployment.observed_at);
            columns.observed_via.push(deployment.observed_via.as_str().to_owned());
            columns.updated_at.push(deployment.updated_at);
            columns.versions.push(deployment.version);
            columns.tracked.push(tracked);
            columns.bodies.push(body.clone());
            columns.labels.push(labels::write(&deployment.labels));
            columns.application_names.push(deployment.application_name.clone());
            columns.log_states.push(deployment.log.as_str().to_owned());
        }
        Ok(columns)
    }
}
