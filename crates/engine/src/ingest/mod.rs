//! The one write path: whatever is seen of a deployment, however and by whom, is brought in here.
//!
//! A page of observations becomes one transaction: lock the application, make sure that the lease still holds, see what is
//! stored, let the state machine decide, write what changed, append the events last, commit. A page that a plain read finds
//! unchanged takes no lock and writes nothing.

mod applications;
mod claim;
pub(crate) mod events;
mod marks;
mod plan;
mod reserve;

use std::collections::HashMap;

use slipway_core::observation::Asked;
use slipway_core::provider::Capabilities;
use slipway_core::{ApplicationId, DeploymentObservation, Outcome, transition};
use slipway_store::{
    Connection, PgConnection, StoreError, deployments, event_log, intents, logs, restamps, sync_targets, transitions,
    views,
};
use slipway_store::{applications as application_rows, unmapped_statuses};
use time::OffsetDateTime;
use uuid::Uuid;

pub use applications::{archive, ingest_applications};

pub(crate) use claim::CLAIM_WITHIN;
pub(crate) use plan::{Plan, Written};
pub(crate) use reserve::{Seat, outcome_unknown};

use crate::context::Context;
use crate::retention;
use claim::Place;

/// Proof that a sync target is leased to us; a write with a lost lease is refused.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Lease {
    /// The target.
    pub target_id: Uuid,
    /// The token that was given with it.
    pub token: Uuid,
}

/// Observations of one application that were asked for together.
#[derive(Debug, Clone)]
pub struct Batch {
    /// The application.
    pub application_id: ApplicationId,
    /// Under which lease they were read, if any.
    pub lease: Option<Lease>,
    /// When and how they were asked for.
    pub asked: Asked,
    /// What the provider can do: it decides part of the public JSON.
    pub capabilities: Capabilities,
    /// What was seen.
    pub observations: Vec<DeploymentObservation>,
}

/// What became of a batch.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Report {
    /// How many deployments were new.
    pub created: usize,
    /// How many changed.
    pub changed: usize,
    /// How many were known, whether they changed or not.
    pub known: usize,
    /// Provider ids of which the order of observations cannot decide: read each by id and bring that as a correction.
    pub contradictions: Vec<String>,
    /// How many were left out because a write of ours, which is in flight, may have made them: its answer tells.
    pub deferred: usize,
    /// How many were left out because they are older than what is kept.
    pub too_old: usize,
    /// The number of the last event written.
    pub last_event: Option<i64>,
}

/// Why a batch was not brought in. Nothing of it was written.
#[derive(Debug, thiserror::Error)]
pub enum IngestError {
    /// Another process works on the target now.
    #[error("the lease was lost to another process")]
    LeaseLost,
    /// There is no such application.
    #[error("application {0} is not known")]
    UnknownApplication(ApplicationId),
    /// The public JSON cannot be made.
    #[error("a deployment cannot be written as JSON")]
    Json(#[from] serde_json::Error),
    /// The database failed.
    #[error(transparent)]
    Store(#[from] StoreError),
}

pub(crate) const TRIES: usize = 4;
/// Between the end of a deployment and the first look for its final log: the last lines may still be on their way.
const LOG_AFTER: time::Duration = time::Duration::seconds(2);

/// Brings a batch in.
///
/// # Errors
/// See [`IngestError`]; on each of them nothing was written. A conflict with another transaction was tried again before.
pub async fn ingest(context: &Context, batch: &Batch) -> Result<Report, IngestError> {
    let mut conn = context.connection().await?;
    ingest_on(context, &mut conn, batch).await
}

/// [`ingest`] on a connection that the caller has already.
pub(crate) async fn ingest_on(
    context: &Context,
    conn: &mut PgConnection,
    batch: &Batch,
) -> Result<Report, IngestError> {
    let (mut batch, again) = split_repeated(batch);
    for observation in &mut batch.observations {
        context.logs.masks.mask_observation(observation);
    }
    let too_old = retention::history::leave_out(context, conn, &mut batch).await?;
    let mut report = ingest_distinct(context, conn, &batch).await?;
    report.too_old = too_old;
    // They were known once, or lie beyond what is.
    report.known += too_old;
    context.figures.note_deployments(report.created, report.changed);
    if let Some(again) = again {
        let more = Box::pin(ingest_on(context, conn, &again)).await?;
        report.created += more.created;
        report.changed += more.changed;
        report.deferred += more.deferred;
        report.too_old += more.too_old;
        report.contradictions.extend(more.contradictions);
        report.last_event = more.last_event.or(report.last_event);
    }
    Ok(report)
}

async fn ingest_distinct(context: &Context, conn: &mut PgConnection, batch: &Batch) -> Result<Report, IngestError> {
    if batch.observations.is_empty() {
        return Ok(Report::default());
    }
    if let Some(report) = find_unchanged(conn, batch).await? {
        count_unmapped(context, conn, batch).await?;
        return Ok(report);
    }
    let mut tries = 1;
    let report = loop {
        match write(context, conn, batch).await {
            Err(IngestError::Store(error @ StoreError::Conflict(_))) if tries < TRIES => {
                tracing::debug!(ingest.tries = tries, error = %error, "a batch met another transaction and is tried again");
                tries += 1;
            }
            other => break other?,
        }
    };
    count_unmapped(context, conn, batch).await?;
    Ok(report)
}

/// Pages shift while one walks, so one page may name a deployment twice. The second time is a batch of its own.
fn split_repeated(batch: &Batch) -> (Batch, Option<Batch>) {
    let mut seen = std::collections::HashSet::new();
    let (first, repeated): (Vec<_>, Vec<_>) = batch
        .observations
        .iter()
        .cloned()
        .partition(|observation| seen.insert(observation.provider_deployment_id.clone()));
    let again = (!repeated.is_empty()).then(|| Batch {
        observations: repeated,
        ..batch.clone()
    });
    (
        Batch {
            observations: first,
            ..batch.clone()
        },
        again,
    )
}

async fn find_unchanged(conn: &mut PgConnection, batch: &Batch) -> Result<Option<Report>, IngestError> {
    let stored = deployments::find_by_provider_ids(conn, batch.application_id, &provider_ids(batch)).await?;
    let unchanged = batch.observations.iter().all(|observation| {
        stored
            .get(&observation.provider_deployment_id)
            .is_some_and(|deployment| {
                matches!(
                    transition(Some(&deployment.tracked), observation, batch.asked),
                    Outcome::Unchanged | Outcome::Stale
                )
            })
    });
    Ok(unchanged.then(|| Report {
        known: stored.len(),
        ..Report::default()
    }))
}

async fn write(context: &Context, conn: &mut PgConnection, batch: &Batch) -> Result<Report, IngestError> {
    let mut transaction = conn.begin().await.map_err(StoreError::from)?;
    let conn = &mut *transaction;
    let application = application_rows::lock(conn, batch.application_id)
        .await?
        .ok_or(IngestError::UnknownApplication(batch.application_id))?;
    if let Some(lease) = batch.lease
        && !sync_targets::hold_lease(conn, lease.target_id, lease.token).await?
    {
        return Err(IngestError::LeaseLost);
    }
    let stored = deployments::find_by_provider_ids(conn, batch.application_id, &provider_ids(batch)).await?;
    let now = context.clock.now();
    let places = claim::places(context, conn, &application, batch, &stored).await?;
    let mut plan = Plan::new(application, stored, now);
    for observation in &batch.observations {
        match places.get(&observation.provider_deployment_id) {
            None => plan.observe(observation, batch.asked),
            Some(Place::Wait) => plan.defer(),
            Some(Place::Of(intent_id, deployment)) => {
                plan.claim((**deployment).clone(), observation, batch.asked);
                intents::close(conn, *intent_id).await?;
            }
        }
    }
    let written = store(context, conn, plan, batch.capabilities, now).await?;
    let last_event = event_log::append(conn, &written.events, now).await?;
    transaction.commit().await.map_err(StoreError::from)?;
    Ok(Report {
        last_event,
        ..written.report
    })
}

/// Looks at what else a plan concerns, decides, and writes everything but the events: those the caller appends last. The
/// caller holds the application's lock.
pub(crate) async fn store(
    context: &Context,
    conn: &mut PgConnection,
    mut plan: Plan,
    capabilities: Capabilities,
    now: OffsetDateTime,
) -> Result<Written, IngestError> {
    // Where another release wrote last, the rest of the application has to be gone through again.
    let configured = context.setup.now();
    let view = configured.views.of(plan.account());
    let outdated = views::note(conn, &[plan.application_id().0], view).await?;
    restamps::insert(conn, &outdated).await?;
    for id in plan.wanted() {
        if let Some(deployment) = deployments::find(conn, id).await? {
            plan.supply(deployment);
        }
    }
    if plan.must_look_for_live(capabilities.live_rule)
        && let Some(deployment) = deployments::find_last_succeeded(conn, plan.application_id(), &plan.ids()).await?
    {
        plan.supply(deployment);
    }
    let mut written = plan.conclude(capabilities)?;
    let payloads = written.inserts.iter_mut().chain(&mut written.updates);
    payloads
        .filter_map(|stored| stored.raw.as_mut())
        .for_each(|raw| context.logs.masks.mask_payload(raw));
    deployments::insert(conn, &written.inserts, now).await?;
    deployments::update(conn, &written.updates, now).await?;
    for deployment in &written.remembered {
        deployments::remember(conn, deployment).await?;
    }
    transitions::append(conn, &written.transitions(), now).await?;
    if let Some(application) = &written.application {
        application_rows::update(conn, application).await?;
    }
    let finished = written.newly_finished();
    if !finished.is_empty() && (capabilities.read_logs || capabilities.follow_logs) {
        logs::request_fetches(conn, &finished, LOG_AFTER, now).await?;
    }
    Ok(written)
}

async fn count_unmapped(context: &Context, conn: &mut PgConnection, batch: &Batch) -> Result<(), IngestError> {
    let mut counts: HashMap<&str, i64> = HashMap::new();
    for unmapped in batch
        .observations
        .iter()
        .filter_map(|observation| observation.unmapped_status.as_deref())
    {
        *counts.entry(unmapped).or_default() += 1;
    }
    if counts.is_empty() {
        return Ok(());
    }
    let Some(application) = application_rows::find(conn, batch.application_id).await? else {
        return Ok(());
    };
    for (status, times) in counts {
        let provider = application.provider.as_str();
        unmapped_statuses::count(conn, provider, status, times, context.clock.now()).await?;
    }
    Ok(())
}

fn provider_ids(batch: &Batch) -> Vec<String> {
    batch
        .observations
        .iter()
        .map(|observation| observation.provider_deployment_id.clone())
        .collect()
}
