//! Brings a page of an account's applications in.

use std::collections::HashMap;

use slipway_core::{
    AccountName, Application, ApplicationId, ApplicationObservation, EventType, Labels, ProviderName, id,
};
use slipway_store::event_log::{self, NewEvent};
use slipway_store::{Connection, PgConnection, StoreError, applications, restamps, sync_targets, views};

use super::{IngestError, Lease, TRIES, events};
use crate::context::Context;
use crate::rules::Stamp;

/// Stores what is new or different of `observed`, gives new applications a sync target, and makes due what moved. Answers
/// the ids, in the order of `observed`.
///
/// # Errors
/// See [`IngestError`]; on each of them nothing was written.
pub async fn ingest_applications(
    context: &Context,
    account: &AccountName,
    provider: &ProviderName,
    lease: Lease,
    observed: &[ApplicationObservation],
) -> Result<Vec<ApplicationId>, IngestError> {
    let mut conn = context.connection().await?;
    let keys: Vec<String> = observed
        .iter()
        .map(|seen| seen.provider_application_id.clone())
        .collect();
    let mut stored = applications::list_by_provider_ids(&mut conn, account.as_str(), &keys).await?;
    if needs_writing(&stored, observed) {
        let mut tries = 1;
        loop {
            match write(context, &mut conn, account, provider, lease, observed, &keys).await {
                Err(IngestError::Store(StoreError::Conflict(_))) if tries < TRIES => tries += 1,
                other => break other?,
            }
        }
        stored = applications::list_by_provider_ids(&mut conn, account.as_str(), &keys).await?;
    }
    let by_key: HashMap<&str, ApplicationId> = stored
        .iter()
        .map(|application| (application.observed.provider_application_id.as_str(), application.id))
        .collect();
    let known: Vec<_> = observed
        .iter()
        .filter_map(|seen| Some((*by_key.get(seen.provider_application_id.as_str())?, seen)))
        .collect();
    let ids: Vec<_> = known.iter().map(|(id, _)| id.0).collect();
    let activities: Vec<_> = known.iter().map(|(_, seen)| seen.activity.clone()).collect();
    let busy: Vec<_> = known.iter().map(|(_, seen)| seen.is_busy).collect();
    sync_targets::note_activity(&mut conn, &ids, &activities, &busy).await?;
    Ok(known.into_iter().map(|(id, _)| id).collect())
}

/// Archives an application that the provider no longer has.
///
/// # Errors
/// See [`IngestError`].
pub async fn archive(context: &Context, application_id: ApplicationId, lease: Lease) -> Result<(), IngestError> {
    let mut conn = context.connection().await?;
    let mut transaction = conn.begin().await.map_err(StoreError::from)?;
    let Some(mut application) = applications::lock(&mut transaction, application_id).await? else {
        return Ok(());
    };
    if !sync_targets::hold_lease(&mut transaction, lease.target_id, lease.token).await? {
        return Err(IngestError::LeaseLost);
    }
    if application.archived_at.is_some() {
        return Ok(());
    }
    let now = context.clock.now();
    application.archived_at = Some(now);
    application.updated_at = now;
    application.version += 1;
    applications::update(&mut transaction, &application).await?;
    let archived = events::about_application(&application, EventType::ApplicationArchived);
    event_log::append(&mut transaction, &[archived], now).await?;
    transaction.commit().await.map_err(StoreError::from)?;
    Ok(())
}

fn needs_writing(stored: &[Application], observed: &[ApplicationObservation]) -> bool {
    let by_key: HashMap<_, _> = stored
        .iter()
        .map(|application| (application.observed.provider_application_id.as_str(), application))
        .collect();
    observed.iter().any(|seen| {
        by_key
            .get(seen.provider_application_id.as_str())
            .is_none_or(|application| application.archived_at.is_some() || application.observed != public_part(seen))
    })
}

/// The marks of activity are kept with the sync target, not with the application.
fn public_part(observed: &ApplicationObservation) -> ApplicationObservation {
    ApplicationObservation {
        activity: None,
        is_busy: false,
        created_at: observed.created_at.map(slipway_core::clock::to_stored_precision),
        ..observed.clone()
    }
}

async fn write(
    context: &Context,
    conn: &mut PgConnection,
    account: &AccountName,
    provider: &ProviderName,
    lease: Lease,
    observed: &[ApplicationObservation],
    keys: &[String],
) -> Result<(), IngestError> {
    let mut transaction = conn.begin().await.map_err(StoreError::from)?;
    let stored = applications::lock_by_provider_ids(&mut transaction, account.as_str(), keys).await?;
    if !sync_targets::hold_lease(&mut transaction, lease.target_id, lease.token).await? {
        return Err(IngestError::LeaseLost);
    }
    let now = context.clock.now();
    let mut by_key: HashMap<String, Application> = stored
        .into_iter()
        .map(|application| (application.observed.provider_application_id.clone(), application))
        .collect();
    let mut new_events: Vec<NewEvent> = Vec::new();
    let (mut written, mut restamped, mut inserted) = (Vec::new(), Vec::new(), Vec::new());
    let configured = context.setup.now();
    let rules = &configured.rules;
    for seen in observed {
        let public = public_part(seen);
        match by_key.remove(&seen.provider_application_id) {
            None => {
                let mut application = Application {
                    id: ApplicationId::new(now),
                    provider: provider.clone(),
                    account: account.clone(),
                    observed: public,
                    environment: None,
                    owner: None,
                    labels: Labels::new(),
                    last_deployment_id: None,
                    live_deployment_id: None,
                    first_seen_at: now,
                    updated_at: now,
                    archived_at: None,
                    version: 1,
                };
                rules.apply(&mut application);
                if applications::insert(&mut transaction, &application, rules.hash()).await? {
                    inserted.push(application.id.0);
                    let activity = seen.activity.as_deref();
                    let target = id::new_id(now);
                    let (account, provider) = (account.as_str(), provider.as_str());
                    sync_targets::insert_application(
                        &mut transaction,
                        target,
                        account,
                        provider,
                        application.id,
                        activity,
                    )
                    .await?;
                    new_events.push(events::about_application(
                        &application,
                        EventType::ApplicationDiscovered,
                    ));
                }
            }
            Some(application) if application.observed == public && application.archived_at.is_none() => {}
            Some(mut application) => {
                let before = Stamp::of(&application);
                application.observed = public;
                rules.apply(&mut application);
                if Stamp::of(&application) != before {
                    restamped.push(application.id.0);
                }
                written.push(application.id.0);
                application.archived_at = None;
                application.updated_at = now;
                application.version += 1;
                applications::update(&mut transaction, &application).await?;
                new_events.push(events::about_application(&application, EventType::ApplicationUpdated));
            }
        }
    }
    applications::note_rules(&mut transaction, &written, rules.hash()).await?;
    restamps::insert(&mut transaction, &restamped).await?;
    // They have no deployments yet.
    views::note(&mut transaction, &inserted, configured.views.of(account.as_str())).await?;
    event_log::append(&mut transaction, &new_events, now).await?;
    transaction.commit().await.map_err(StoreError::from)?;
    Ok(())
}
