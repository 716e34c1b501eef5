//! `refresh`: ask the provider now. Any number of callers make one read.

use slipway_core::ApplicationId;
use slipway_store::sync_targets;

use super::{WriteError, Writes};

impl Writes {
    /// Makes an application's next read due now. When it is made is decided by the sync, within the account's rate budget.
    ///
    /// # Errors
    /// See [`WriteError`].
    pub async fn refresh(&self, application_id: ApplicationId) -> Result<(), WriteError> {
        let mut conn = self.context.connection_of_a_write().await?;
        if sync_targets::make_due(&mut conn, application_id).await? {
            Ok(())
        } else {
            Err(WriteError::NotFound)
        }
    }
}
