//! Webhooks of providers: each makes a sync target due, once. What it says is never taken for a fact: the read that follows
//! tells, and a forged one costs that read at most.

use ring::digest::{SHA256, digest};
use slipway_core::AccountName;
use slipway_core::provider::{Provider, ProviderError, WebhookRequest};
use slipway_store::inbox::{self, NewWebhook};
use slipway_store::{Acquire, PgConnection, StoreError, sync_targets};

/// The longest text of a webhook that is kept.
const MAX_CHARS: usize = 255;

/// What became of a webhook.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Received {
    /// A target is due because of it.
    Hint,
    /// It came before.
    Again,
    /// It does not concern deployments.
    Irrelevant,
}

/// Why a webhook was not taken.
#[derive(Debug, thiserror::Error)]
pub enum InboxError {
    /// The adapter does not understand it.
    #[error(transparent)]
    Unreadable(#[from] ProviderError),
    /// The database is away or refused it.
    #[error(transparent)]
    Store(#[from] StoreError),
}

/// Takes a webhook of an account in. Makes no request to the provider.
///
/// # Errors
/// See [`InboxError`]; then nothing is kept.
pub async fn receive(
    conn: &mut PgConnection,
    account: &AccountName,
    provider: &dyn Provider,
    webhook: &WebhookRequest<'_>,
) -> Result<Received, InboxError> {
    let hint = provider.read_webhook(webhook)?;
    if !hint.is_relevant {
        return Ok(Received::Irrelevant);
    }
    let same = hint.delivery_id.as_ref().map_or(webhook.body, |id| id.as_bytes());
    let (application, event_type) = (hint.provider_application_id.map(kept), hint.event_type.map(kept));
    let delivery_hash = digest(&SHA256, same);
    let row = NewWebhook {
        account: account.as_str(),
        delivery_hash: delivery_hash.as_ref(),
        event_type: event_type.as_deref(),
        provider_application_id: application.as_deref(),
    };
    let mut tx = conn.begin().await.map_err(StoreError::from)?;
    if !inbox::insert(&mut tx, &row).await? {
        return Ok(Received::Again);
    }
    let is_known = match &application {
        Some(id) => sync_targets::hint_application(&mut tx, account.as_str(), id).await?,
        None => false,
    };
    if !is_known {
        // Perhaps a new one: the account's list tells.
        sync_targets::hint_account(&mut tx, account.as_str()).await?;
    }
    tx.commit().await.map_err(StoreError::from)?;
    tracing::debug!(account.name = %account, "a webhook made a sync target due");
    Ok(Received::Hint)
}

/// What PostgreSQL can keep, of bounded length.
fn kept(text: String) -> String {
    text.chars().filter(|c| !c.is_control()).take(MAX_CHARS).collect()
}
