//! The rate limits of the accounts, shared by all processes through PostgreSQL.

use std::sync::Arc;

use async_trait::async_trait;
use slipway_core::budget::{LedgerAway, RateLimit, Reply, Report, SharedLedger, Wanted};
use slipway_core::id;
use slipway_core::provider::ProviderRegistry;
use slipway_store::{Connection, PgPool, StoreError, rate_budgets};

use crate::context::Context;

/// From now on these accounts keep to their limits together with all other processes on the database. Those that do already go
/// on as they were.
pub fn share(context: &Context, registry: &ProviderRegistry) {
    let holder = format!("process-{}", id::new_id(context.clock.now()));
    for (account, provider) in registry.iter() {
        provider.share_budget(Arc::new(StoredLedger {
            pool: context.pool.clone(),
            account: account.to_string(),
            holder: holder.clone(),
        }));
    }
}

/// The ledger of one account, in the database.
#[derive(Debug)]
struct StoredLedger {
    pool: PgPool,
    account: String,
    holder: String,
}

#[async_trait]
impl SharedLedger for StoredLedger {
    fn holder(&self) -> &str {
        &self.holder
    }

    async fn exchange(
        &self,
        limit: Option<RateLimit>,
        report: &Report,
        wanted: Option<Wanted>,
    ) -> Result<Reply, LedgerAway> {
        self.exchange_stored(limit, report, wanted)
            .await
            .map_err(|error| LedgerAway(error.to_string()))
    }
}

impl StoredLedger {
    async fn exchange_stored(
        &self,
        limit: Option<RateLimit>,
        report: &Report,
        wanted: Option<Wanted>,
    ) -> Result<Reply, StoreError> {
        let mut conn = self.pool.acquire().await?;
        let mut transaction = conn.begin().await?;
        let (mut ledger, now) = rate_budgets::lock(&mut transaction, &self.account).await?;
        let was_open = ledger.circuit().open().is_some();
        let reply = ledger.exchange(now, &self.holder, limit, report, wanted);
        rate_budgets::update(&mut transaction, &self.account, &ledger, now).await?;
        transaction.commit().await?;
        match (was_open, ledger.circuit().open()) {
            (false, Some(open)) => tracing::warn!(
                account.name = self.account,
                circuit.reason = open.reason,
                "the provider is not asked any more until one request finds that it is back"
            ),
            (true, None) => tracing::info!(account.name = self.account, "the provider is back and is asked again"),
            _ => {}
        }
        Ok(reply)
    }
}
