//! Brings applications and deployments to what the rules in force say, and deployments to the public JSON that the release in
//! force writes, after rules, an application, a provider's capabilities or the release changed.
//!
//! Without input and repeatable: every look compares the hashes with what each application was last written by, and goes through the deployments of applications that are noted for it, from the newest back. Each batch is a transaction
//! under the application's lock, with versions and events; any number of replicas may work at once. In force is what the
//! process that started last says: others stand back, else two configurations would overwrite each other in turn.

use std::collections::BTreeSet;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use slipway_api::DeploymentView;
use slipway_core::{ApplicationId, EventType};
use slipway_store::deployments::StoredDeployment;
use slipway_store::event_log::{self, NewEvent};
use slipway_store::page::AfterDeployment;
use slipway_store::views::AccountView;
use slipway_store::{
    Connection, PgConnection, StoreError, applications, deployments, labels, restamps, unmapped_statuses, views,
};
use tokio_util::sync::CancellationToken;

use crate::context::Context;
use crate::ingest::{IngestError, events};
use crate::remap::remap;
use crate::rules::Stamp;
use crate::setup::Configured;

const LOOK_EVERY: Duration = Duration::from_secs(1);
/// Looks at the marks of other replicas' work in between.
const LOOKS_BETWEEN_RULES: u32 = 15;
const APPLICATIONS_PER_BATCH: i64 = 100;
const DEPLOYMENTS_PER_BATCH: i64 = 200;

/// What stays between restarts of the task.
#[derive(Debug, Default)]
pub(crate) struct Relabel {
    /// What this process has put in force: once each, because a restart must not take it back from a newer process.
    announced: Mutex<Option<Arc<Configured>>>,
}

impl Relabel {
    fn has_announced(&self, configured: &Arc<Configured>) -> bool {
        let announced = self.announced.lock().unwrap_or_else(PoisonError::into_inner);
        announced.as_ref().is_some_and(|known| Arc::ptr_eq(known, configured))
    }

    fn note(&self, configured: Arc<Configured>) {
        *self.announced.lock().unwrap_or_else(PoisonError::into_inner) = Some(configured);
    }
}

/// Looks again and again until `shutdown`.
///
/// # Errors
/// Ends with the first failure; the supervisor starts it again.
pub(crate) async fn run(
    relabel: Arc<Relabel>,
    context: Context,
    shutdown: CancellationToken,
) -> Result<(), IngestError> {
    let mut look = 0_u32;
    loop {
        let worked = {
            let mut conn = context.connection().await?;
            let configured = context.setup.now();
            if !relabel.has_announced(&configured) {
                announce(&context, &mut conn).await?;
                relabel.note(configured);
                look = 0;
            }
            let looks_at_rules = look.is_multiple_of(LOOKS_BETWEEN_RULES);
            (looks_at_rules && relabel_some(&context, &mut conn).await?)
                | (looks_at_rules && mark_some(&context, &mut conn).await?)
                | restamp_some(&context, &mut conn).await?
        };
        if worked {
            if shutdown.is_cancelled() {
                return Ok(());
            }
            continue;
        }
        look = look.wrapping_add(1);
        tokio::select! {
            () = shutdown.cancelled() => return Ok(()),
            () = tokio::time::sleep(LOOK_EVERY) => {}
        }
    }
}

/// Puts the rules and the views of this process in force.
///
/// # Errors
/// When the database fails.
pub async fn announce(context: &Context, conn: &mut PgConnection) -> Result<(), StoreError> {
    let now = context.clock.now();
    let configured = context.setup.now();
    labels::announce_rules(conn, configured.rules.hash(), now).await?;
    for (_, provider) in configured.registry.iter() {
        // So that they are found again should the configuration map them no more.
        for mapping in provider.added_mappings() {
            let word = &mapping.provider_status;
            unmapped_statuses::count(conn, provider.info().name, word, 0, now).await?;
        }
    }
    let views = account_views(context, conn).await?;
    views::announce(conn, &views, now).await
}

/// Notes the applications of some account whose deployments were last written by another release, or while the provider could
/// do something else. Answers whether there were any.
///
/// # Errors
/// When the database fails; then nothing was written.
pub async fn mark_some(context: &Context, conn: &mut PgConnection) -> Result<bool, StoreError> {
    for view in views_in_force(context, conn).await? {
        if !views::has_outdated(conn, &view).await? {
            continue;
        }
        let mut transaction = conn.begin().await?;
        let outdated = views::take_outdated(&mut transaction, &view, APPLICATIONS_PER_BATCH).await?;
        if !outdated.is_empty() {
            restamps::insert(&mut transaction, &outdated).await?;
            transaction.commit().await?;
            return Ok(true);
        }
    }
    Ok(false)
}

/// Of every account, also of those that are configured no more, what this process writes.
async fn account_views(context: &Context, conn: &mut PgConnection) -> Result<Vec<AccountView>, StoreError> {
    let names = context.setup.account_names().into_iter();
    let accounts: BTreeSet<_> = names.chain(views::list_accounts(conn).await?).collect();
    let configured = context.setup.now();
    let view = |account: String| AccountView {
        hash: configured.views.of(&account).to_owned(),
        account,
    };
    Ok(accounts.into_iter().map(view).collect())
}

async fn views_in_force(context: &Context, conn: &mut PgConnection) -> Result<Vec<AccountView>, StoreError> {
    let own = account_views(context, conn).await?;
    views::list_in_force(conn, &own).await
}

/// Applies the rules to a batch of applications, if they are those in force. Answers whether there was anything to do.
///
/// # Errors
/// See [`IngestError`]; on each of them nothing was written.
pub async fn relabel_some(context: &Context, conn: &mut PgConnection) -> Result<bool, IngestError> {
    let rules = Arc::clone(&context.setup.now().rules);
    let hash = rules.hash();
    if labels::find_rules(conn).await?.as_deref() != Some(hash) || !applications::has_other_rules(conn, hash).await? {
        return Ok(false);
    }
    let mut transaction = conn.begin().await.map_err(StoreError::from)?;
    let found = applications::lock_with_other_rules(&mut transaction, hash, APPLICATIONS_PER_BATCH).await?;
    let is_any = !found.is_empty();
    let ids: Vec<_> = found.iter().map(|application| application.id.0).collect();
    let now = context.clock.now();
    let (mut restamped, mut new_events): (Vec<_>, Vec<NewEvent>) = (Vec::new(), Vec::new());
    for before in found {
        let mut application = before.clone();
        rules.apply(&mut application);
        if application == before {
            continue;
        }
        if Stamp::of(&application) != Stamp::of(&before) {
            restamped.push(application.id.0);
        }
        application.version += 1;
        application.updated_at = now;
        applications::update(&mut transaction, &application).await?;
        new_events.push(events::about_application(&application, EventType::ApplicationUpdated));
    }
    applications::note_rules(&mut transaction, &ids, hash).await?;
    restamps::insert(&mut transaction, &restamped).await?;
    if !new_events.is_empty() {
        tracing::info!(
            applications = new_events.len(),
            "rules changed environment, owner or labels"
        );
    }
    event_log::append(&mut transaction, &new_events, now).await?;
    transaction.commit().await.map_err(StoreError::from)?;
    Ok(is_any)
}

/// Writes a batch of deployments again that carry what their application had before. Answers whether there was anything to
/// do.
///
/// # Errors
/// See [`IngestError`]; on each of them nothing was written.
pub async fn restamp_some(context: &Context, conn: &mut PgConnection) -> Result<bool, IngestError> {
    if !restamps::is_any(conn).await? {
        return Ok(false);
    }
    let in_force = views_in_force(context, conn).await?;
    let accounts: Vec<_> = in_force.into_iter().map(|view| view.account).collect();
    let Some(id) = restamps::find_any(conn, &accounts).await? else {
        return Ok(false);
    };
    // What is corrected here is a batch of its own, before this one and no larger.
    if let Some(mark) = restamps::find(conn, id).await? {
        remap(context, conn, id, mark, DEPLOYMENTS_PER_BATCH).await?;
    }
    let mut transaction = conn.begin().await.map_err(StoreError::from)?;
    restamp(context, &mut transaction, id).await?;
    transaction.commit().await.map_err(StoreError::from)?;
    Ok(true)
}

async fn restamp(context: &Context, conn: &mut PgConnection, id: ApplicationId) -> Result<(), IngestError> {
    let Some(application) = applications::lock(conn, id).await? else {
        return Ok(());
    };
    // Under the lock: another replica may have gone on, or come to the end.
    let Some(mark) = restamps::find(conn, id).await? else {
        return Ok(());
    };
    let found = deployments::list_before(conn, id, mark, DEPLOYMENTS_PER_BATCH).await?;
    let last = found.last().map(|(deployment, _)| AfterDeployment {
        at: deployment.created_at,
        id: deployment.id.0,
    });
    let capabilities = context.setup.capabilities(&application.account);
    let now = context.clock.now();
    let (mut changed, mut new_events) = (Vec::new(), Vec::new());
    let (mut has_history, mut former) = (false, None);
    for (mut deployment, body) in found {
        let has_name = deployment.application_name == application.observed.name;
        if deployment.account != application.account {
            former = Some(std::mem::replace(&mut deployment.account, application.account.clone()));
        }
        deployment.environment.clone_from(&application.environment);
        deployment.labels.clone_from(&application.labels);
        deployment.application_name.clone_from(&application.observed.name);
        if has_name && serde_json::to_string(&DeploymentView::new(&deployment, capabilities))? == body {
            continue;
        }
        deployment.version += 1;
        deployment.updated_at = now;
        let body = serde_json::to_string(&DeploymentView::new(&deployment, capabilities))?;
        if deployment.tracked.state.is_finished {
            has_history = true;
        } else {
            new_events.push(events::of_restamped(&deployment, &body));
        }
        changed.push(StoredDeployment {
            deployment,
            body,
            raw: None,
        });
    }
    if let Some(former) = former {
        // Whoever follows the account's former name has to look again, too.
        let event = events::about_application(&application, EventType::ApplicationHistoryChanged);
        new_events.push(NewEvent {
            account: Some(former.to_string()),
            ..event
        });
        has_history = true;
    }
    if has_history {
        new_events.push(events::about_application(
            &application,
            EventType::ApplicationHistoryChanged,
        ));
    }
    deployments::update(conn, &changed, now).await?;
    match last {
        Some(last) => restamps::advance(conn, id, last).await?,
        None => restamps::delete(conn, id).await?,
    }
    event_log::append(conn, &new_events, now).await?;
    Ok(())
}
