//! Removes what is older than what is kept: history, raw payloads, events; and what nobody can ask for any more: the keys of
//! callers, writes that are settled, webhooks that came in. Texts of logs have their own ([`crate::logs::retention`]).

pub mod history;

use std::time::Duration;

use slipway_store::retention::{self, Kind};
use slipway_store::{Connection, PgConnection, StoreError, idempotency, inbox, intents};
use time::OffsetDateTime;
use tokio_util::sync::CancellationToken;

use crate::context::Context;
use crate::ingest::IngestError;
use crate::writes::KEY_LIFE;

const LOOK_EVERY: Duration = Duration::from_secs(60);
/// What is kept for days need not be looked through each minute.
const LOOKS_BETWEEN_AGES: u32 = 10;
const BATCH: i64 = 1_000;
/// For a day longer than the key that leads to it, which nobody needs but who looks into what happened.
const KEEP_SETTLED_FOR: time::Duration = time::Duration::hours(48);
/// A webhook that comes again within this time costs no second look.
const KEEP_WEBHOOKS_FOR: time::Duration = time::Duration::days(7);

/// How long things are kept; none for ever.
#[derive(Debug, Clone, Default)]
pub struct RetentionSettings {
    /// Deployments that have ended.
    pub history: Option<Duration>,
    /// The last whole answers of providers.
    pub payloads: Option<Duration>,
    /// Events.
    pub events: Option<Duration>,
}

impl RetentionSettings {
    /// The instant before which history is removed, and not brought in.
    pub(crate) fn history_before(&self, now: OffsetDateTime) -> Option<OffsetDateTime> {
        before(self.history, now)
    }
}

fn before(keep_for: Option<Duration>, now: OffsetDateTime) -> Option<OffsetDateTime> {
    now.checked_sub(time::Duration::try_from(keep_for?).ok()?)
}

/// Looks again and again until `shutdown`.
///
/// # Errors
/// Ends with the first failure; the supervisor starts it again.
pub(crate) async fn run(context: Context, shutdown: CancellationToken) -> Result<(), IngestError> {
    let mut look = 0_u32;
    loop {
        while sweep(&context).await? && !shutdown.is_cancelled() {}
        if look.is_multiple_of(LOOKS_BETWEEN_AGES) {
            while remove_old(&context).await? && !shutdown.is_cancelled() {}
        }
        look = look.wrapping_add(1);
        tokio::select! {
            () = shutdown.cancelled() => return Ok(()),
            () = tokio::time::sleep(LOOK_EVERY) => {}
        }
    }
}

/// Forgets a batch of each kind. Answers whether there may be more.
///
/// # Errors
/// When the database fails.
pub async fn sweep(context: &Context) -> Result<bool, StoreError> {
    let now = context.database_now();
    let mut conn = context.connection().await?;
    let keys = idempotency::delete_before(&mut conn, now - KEY_LIFE, BATCH).await?;
    let writes = intents::delete_settled(&mut conn, now - KEEP_SETTLED_FOR, BATCH).await?;
    let webhooks = inbox::delete_before(&mut conn, now - KEEP_WEBHOOKS_FOR, BATCH).await?;
    let most = keys.max(writes).max(webhooks);
    Ok(i64::try_from(most).is_ok_and(|most| most >= BATCH))
}

/// Removes a batch of each kind that is older than what is kept. Answers whether there may be more.
///
/// # Errors
/// See [`IngestError`].
pub async fn remove_old(context: &Context) -> Result<bool, IngestError> {
    let mut conn = context.connection().await?;
    let has_history = history::remove_some(context, &mut conn).await?;
    let has_payloads = remove_some(context, &mut conn, Kind::Payloads, context.retention.payloads).await?;
    let has_events = remove_some(context, &mut conn, Kind::Events, context.retention.events).await?;
    Ok(has_history | has_payloads | has_events)
}

/// Removes what is no public field of anything, so it needs no version and no event.
async fn remove_some(
    context: &Context,
    conn: &mut PgConnection,
    kind: Kind,
    keep_for: Option<Duration>,
) -> Result<bool, StoreError> {
    let Some(before) = before(keep_for, context.database_now()) else {
        return Ok(false);
    };
    let mut transaction = conn.begin().await?;
    if !retention::try_lock(&mut transaction).await? {
        return Ok(false);
    }
    let removed = match kind {
        Kind::Events => retention::delete_events(&mut transaction, before, BATCH).await?,
        _ => retention::delete_payloads(&mut transaction, before, BATCH).await?,
    };
    if removed > 0 {
        retention::note(&mut transaction, kind, before, removed).await?;
    }
    transaction.commit().await?;
    Ok(i64::try_from(removed).is_ok_and(|removed| removed >= BATCH))
}
