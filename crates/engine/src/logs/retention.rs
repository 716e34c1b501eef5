//! Removes texts that are older than what is kept.

use std::time::Duration;

use slipway_api::DeploymentView;
use slipway_core::{DeploymentId, EventType, LogState};
use slipway_store::deployments::StoredDeployment;
use slipway_store::retention::{self, Kind};
use slipway_store::{Connection, PgConnection, StoreError, applications, deployments, event_log, logs};
use tokio_util::sync::CancellationToken;

use crate::context::Context;
use crate::ingest::{IngestError, events};

const LOOK_EVERY: Duration = Duration::from_secs(60);
const DEPLOYMENTS_PER_BATCH: i64 = 100;

/// Looks again and again until `shutdown`.
///
/// # Errors
/// Ends with the first failure; the supervisor starts it again.
pub(crate) async fn run(context: Context, shutdown: CancellationToken) -> Result<(), IngestError> {
    loop {
        loop {
            let mut conn = context.connection().await?;
            if !remove_some(&context, &mut conn).await? || shutdown.is_cancelled() {
                break;
            }
        }
        tokio::select! {
            () = shutdown.cancelled() => return Ok(()),
            () = tokio::time::sleep(LOOK_EVERY) => {}
        }
    }
}

/// Removes a batch of one application's texts. Answers whether there was anything to do.
///
/// # Errors
/// See [`IngestError`]; on each of them nothing was written.
pub async fn remove_some(context: &Context, conn: &mut PgConnection) -> Result<bool, IngestError> {
    let now = context.clock.now();
    let keep_for = time::Duration::try_from(context.logs.keep_for).unwrap_or(time::Duration::MAX);
    let Some(before) = now.checked_sub(keep_for) else {
        return Ok(false);
    };
    let Some((application_id, _)) = logs::find_expired(conn, before, 1).await? else {
        return Ok(false);
    };
    let mut transaction = conn.begin().await.map_err(StoreError::from)?;
    let conn = &mut *transaction;
    let Some(application) = applications::lock(conn, application_id).await? else {
        return Ok(true);
    };
    // Under the lock: another replica may have been faster.
    let expired = logs::find_expired(conn, before, DEPLOYMENTS_PER_BATCH).await?;
    let Some((_, expired)) = expired.filter(|(id, _)| *id == application_id) else {
        return Ok(true);
    };
    logs::drop_texts(conn, &expired).await?;
    let removed = u64::try_from(expired.len()).unwrap_or(u64::MAX);
    retention::note(conn, Kind::Logs, before, removed).await?;
    let capabilities = context.setup.capabilities(&application.account);
    let mut changed = Vec::new();
    for id in expired {
        let Some(mut deployment) = deployments::find(conn, DeploymentId(id)).await? else {
            continue;
        };
        if deployment.log != LogState::Complete {
            continue;
        }
        deployment.log = LogState::Open;
        deployment.version += 1;
        deployment.updated_at = now;
        let body = serde_json::to_string(&DeploymentView::new(&deployment, capabilities))?;
        changed.push(StoredDeployment {
            deployment,
            body,
            raw: None,
        });
    }
    deployments::update(conn, &changed, now).await?;
    if !changed.is_empty() {
        let event = events::about_application(&application, EventType::ApplicationHistoryChanged);
        event_log::append(conn, &[event], now).await?;
    }
    transaction.commit().await.map_err(StoreError::from)?;
    Ok(true)
}
