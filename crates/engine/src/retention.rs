//! Forgets what nobody can ask for any more: the keys of callers, writes that are settled, webhooks that came in.

use std::time::Duration;

use slipway_store::{StoreError, idempotency, inbox, intents};
use tokio_util::sync::CancellationToken;

use crate::context::Context;
use crate::writes::KEY_LIFE;

const LOOK_EVERY: Duration = Duration::from_secs(60);
const BATCH: i64 = 1_000;
/// For a day longer than the key that leads to it, which nobody needs but who looks into what happened.
const KEEP_SETTLED_FOR: time::Duration = time::Duration::hours(48);
/// A webhook that comes again within this time costs no second look.
const KEEP_WEBHOOKS_FOR: time::Duration = time::Duration::days(7);

/// Looks again and again until `shutdown`.
///
/// # Errors
/// Ends with the first failure of the database; the supervisor starts it again.
pub(crate) async fn run(context: Context, shutdown: CancellationToken) -> Result<(), StoreError> {
    loop {
        while sweep(&context).await? && !shutdown.is_cancelled() {}
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
