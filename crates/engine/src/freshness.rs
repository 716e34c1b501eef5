//! Announces when the freshness of an account changes its state. Only the change is an event: the rest moves with every poll.

use std::time::Duration;

use slipway_core::EventType;
use slipway_store::event_log::{self, NewEvent};
use slipway_store::sync_targets::{self, FreshnessRow};
use slipway_store::{Connection, PgConnection, StoreError};
use tokio_util::sync::CancellationToken;

use crate::context::Context;

const LOOK_EVERY: Duration = Duration::from_secs(1);

/// Looks again and again until `shutdown`.
///
/// # Errors
/// Ends with the first failure of the database; the supervisor starts it again.
pub(crate) async fn announce(context: Context, shutdown: CancellationToken) -> Result<(), StoreError> {
    loop {
        tokio::select! {
            () = shutdown.cancelled() => return Ok(()),
            () = tokio::time::sleep(LOOK_EVERY) => {}
        }
        announce_changes(&context).await?;
    }
}

async fn announce_changes(context: &Context) -> Result<(), StoreError> {
    let mut conn = context.connection().await?;
    let unread = sync_targets::list_unread_accounts(&mut conn).await?;
    let now = context.database_now();
    for row in sync_targets::list_accounts(&mut conn).await? {
        let state = row.state(now, !unread.contains(&row.account)).as_str();
        if row.announced_state.as_deref() != Some(state) {
            announce_one(context, &mut conn, &row, state).await?;
        }
    }
    Ok(())
}

async fn announce_one(
    context: &Context,
    conn: &mut PgConnection,
    row: &FreshnessRow,
    state: &str,
) -> Result<(), StoreError> {
    let mut transaction = conn.begin().await?;
    if !sync_targets::announce(&mut transaction, &row.account, state).await? {
        return Ok(());
    }
    let event = NewEvent {
        r#type: EventType::AccountFreshnessChanged,
        occurred_at: None,
        application_id: None,
        deployment_id: None,
        provider: Some(row.provider.clone()),
        account: Some(row.account.clone()),
        environment: None,
        status: None,
        previous_status: None,
        observed_via: None,
        reason: Some(
            row.error_code
                .as_ref()
                .map_or_else(|| state.to_owned(), |code| format!("{state}:{code}")),
        ),
        deployment: None,
    };
    event_log::append(&mut transaction, &[event], context.clock.now()).await?;
    transaction.commit().await?;
    tracing::info!(
        account.name = row.account,
        account.freshness = state,
        "the freshness of an account changed"
    );
    Ok(())
}
