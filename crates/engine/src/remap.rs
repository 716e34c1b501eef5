//! Reads stored payloads again after the mapping of statuses changed: what comes out otherwise than it is stored is a
//! correction, through the one write path.

use std::collections::HashSet;

use slipway_core::observation::Asked;
use slipway_core::provider::{AddedMapping, ApplicationRef};
use slipway_core::{ApplicationId, State, Status, Via};
use slipway_store::page::AfterDeployment;
use slipway_store::{PgConnection, applications, deployments, unmapped_statuses};

use crate::context::Context;
use crate::ingest::{Batch, IngestError, ingest_on};

/// Whether the mappings in force would read a stored state otherwise, as far as its word alone tells.
fn reads_otherwise(mappings: &[AddedMapping], state: &State) -> bool {
    let word = state.provider_status.as_deref().unwrap_or_default();
    let mapping = mappings
        .iter()
        .find(|mapping| mapping.provider_status.eq_ignore_ascii_case(word));
    state.status != mapping.map_or(Status::Unknown, |mapping| mapping.status)
}

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
    let (mut corrections, mut without_payload) = (Vec::new(), 0_u64);
    for (deployment, _) in deployments::list_before(conn, id, mark, limit).await? {
        let state = &deployment.tracked.state;
        let concerns = |word: &String| words.contains(&word.to_ascii_lowercase());
        if !state.provider_status.as_ref().is_some_and(concerns) {
            continue;
        }
        let Some(raw) = deployments::find_payload(conn, deployment.id.0).await? else {
            without_payload += u64::from(reads_otherwise(provider.added_mappings(), state));
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
    if without_payload > 0 {
        context.figures.note_not_remapped(without_payload);
        tracing::warn!(
            application.id = %id,
            deployments = without_payload,
            "a changed mapping is not applied to deployments whose payload is gone: they are older than retention.payloads"
        );
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
