//! Reads stored payloads again after the mapping of statuses changed: what comes out otherwise than it is stored is a
//! correction, through the one write path.

use std::collections::HashSet;

use slipway_core::observation::Asked;
use slipway_core::provider::ApplicationRef;
use slipway_core::{ApplicationId, Via};
use slipway_store::page::AfterDeployment;
use slipway_store::{PgConnection, applications, deployments, unmapped_statuses};

use crate::context::Context;
use crate::ingest::{Batch, IngestError, ingest_on};

/// Corrects what the mapping in force reads otherwise, of at most `limit` of an application's deployments before `mark`.
/// Repeatable: what is corrected already comes out as it is stored.
///
/// # Errors
/// See [`IngestError`]; then nothing was written.
pub(crate) async fn remap(
    context: &Context,
    conn: &mut PgConnection,
    id: ApplicationId,
    mark: AfterDeployment,
    limit: i64,
) -> Result<(), IngestError> {
    let Some(application) = applications::find(conn, id).await? else {
        return Ok(());
    };
    let Some(provider) = context.setup.provider(&application.account) else {
        return Ok(());
    };
    // Words that the adapter has, or had at some time, no mapping for. All others are read as ever.
    let words: HashSet<_> = unmapped_statuses::list_words(conn, application.provider.as_str())
        .await?
        .into_iter()
        .collect();
    if words.is_empty() {
        return Ok(());
    }
    let reference = ApplicationRef {
        provider_application_id: application.observed.provider_application_id,
        name: application.observed.name,
    };
    let mut corrections = Vec::new();
    for (deployment, _) in deployments::list_before(conn, id, mark, limit).await? {
        let state = &deployment.tracked.state;
        let concerns = |word: &String| words.contains(&word.to_ascii_lowercase());
        if !state.provider_status.as_ref().is_some_and(concerns) {
            continue;
        }
        let Some(raw) = deployments::find_payload(conn, deployment.id.0).await? else {
            continue;
        };
        let Some(mut observation) = provider.reread(&reference, &serde_json::from_str(&raw)?) else {
            continue;
        };
        // Who said it is no part of what the mapping decides.
        observation.state.authority = state.authority;
        // A payload that tells another status than the row is not what the row was read from.
        if observation.state.provider_status == state.provider_status && observation.state != *state {
            // It was counted when it was seen.
            observation.unmapped_status = None;
            corrections.push(observation);
        }
    }
    if corrections.is_empty() {
        return Ok(());
    }
    tracing::info!(application.id = %id, deployments = corrections.len(), "a changed mapping corrects what is stored");
    let batch = Batch {
        application_id: id,
        lease: None,
        asked: Asked {
            via: Via::Backfill,
            at: context.database_now(),
            is_correction: true,
        },
        capabilities: provider.capabilities(),
        observations: corrections,
    };
    ingest_on(context, conn, &batch).await?;
    Ok(())
}
