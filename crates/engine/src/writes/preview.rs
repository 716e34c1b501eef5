//! The dry run: what a write would send. No call, no intent.

use slipway_core::provider::PlannedCall;
use slipway_store::{Connection, StoreError};

use super::begin::{application_ref, lock};
use super::{Order, Refusal, WriteError, Writes};

/// What a write would send.
#[derive(Debug, Clone, PartialEq)]
pub struct Preview {
    /// The kind of platform.
    pub provider: &'static str,
    /// The call, without credentials.
    pub call: PlannedCall,
}

impl Writes {
    /// What `order` would send. Refused as the write itself would be, but for a freeze, which is a warning here.
    ///
    /// # Errors
    /// See [`WriteError`].
    pub async fn preview(&self, order: &Order) -> Result<Preview, WriteError> {
        let mut conn = self.context.connection_of_a_write().await?;
        let mut transaction = conn.begin().await.map_err(StoreError::from)?;
        let (application, target) = lock(&mut transaction, order).await?;
        let write = self.allow(&mut transaction, order, &application, target, true).await?;
        drop(transaction);
        let Some(provider) = self.context.setup.provider(&application.account) else {
            return Err(WriteError::NotFound);
        };
        let planned = provider.plan_write(&application_ref(&application), &write);
        let capabilities = provider.capabilities();
        let account = application.account.as_str();
        let mut call =
            planned.map_err(|error| WriteError::Refused(Refusal::of(&error, account, capabilities, order.action())))?;
        let freezes = self.freezes();
        if order.deploys()
            && let Some(frozen) = freezes.find(&application, self.context.clock.now())
        {
            call.warnings.push(frozen.sentence());
        }
        Ok(Preview {
            provider: provider.info().name,
            call,
        })
    }
}
