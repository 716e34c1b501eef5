//! Accounts that got another name in the configuration: their history goes with them, in one transaction, before anybody reads
//! under the new name.

use slipway_core::{AccountName, EventType};
use slipway_store::account_names::{self, HistoryRow};
use slipway_store::{Connection, StoreError, event_log};

use crate::context::Context;
use crate::ingest::{TRIES, events};

/// An account that says what it was called before.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Rename {
    /// What it was called.
    pub former: AccountName,
    /// What it is called.
    pub name: AccountName,
    /// Its kind of platform.
    pub provider: &'static str,
}

/// Why no account was renamed.
#[derive(Debug, thiserror::Error)]
pub enum RenameError {
    /// Two histories cannot become one.
    #[error(
        "account {name}: previous_name = \"{former}\" cannot be followed, because {applications} applications stand under \
         `{name}` already: take previous_name out, or give the account a name of its own"
    )]
    BothHaveHistory {
        /// What it was called.
        former: AccountName,
        /// What it is called.
        name: AccountName,
        /// How many of its applications are known.
        applications: i64,
    },
    /// The history is that of another kind of platform.
    #[error("account {name}: the history of `{former}` is of {provider}: previous_name names another account")]
    OtherProvider {
        /// What it was called.
        former: AccountName,
        /// What it is called.
        name: AccountName,
        /// The platform of the history.
        provider: String,
    },
    /// The database failed.
    #[error(transparent)]
    Store(#[from] StoreError),
}

/// Carries over the histories of accounts that were renamed; once done, there is nothing left to do. `configured` are the
/// names of all accounts.
///
/// # Errors
/// See [`RenameError`]; then nothing was changed.
pub async fn apply(context: &Context, configured: &[String], renames: &[Rename]) -> Result<(), RenameError> {
    let mut conn = context.pool.acquire().await.map_err(StoreError::from)?;
    let mut tries = 1;
    loop {
        match rename(context, &mut conn, configured, renames).await {
            Err(RenameError::Store(StoreError::Conflict(_))) if tries < TRIES => tries += 1,
            other => return other,
        }
    }
}

async fn rename(
    context: &Context,
    conn: &mut slipway_store::PgConnection,
    configured: &[String],
    renames: &[Rename],
) -> Result<(), RenameError> {
    let mut transaction = conn.begin().await.map_err(StoreError::from)?;
    let conn = &mut *transaction;
    account_names::lock(conn).await?;
    account_names::reclaim(conn, configured).await?;
    let now = context.clock.now();
    let mut new_events = Vec::new();
    for rename in renames {
        if !find_history(conn, rename).await? {
            continue;
        }
        let (former, name) = (rename.former.as_str(), rename.name.as_str());
        let applications = account_names::rename(conn, former, name, now).await?;
        tracing::info!(
            account.name = name,
            account.former = former,
            applications = applications.len(),
            "a renamed account takes its history with it"
        );
        let updated = applications
            .iter()
            .map(|application| events::about_application(application, EventType::ApplicationUpdated));
        new_events.extend(updated);
    }
    event_log::append(conn, &new_events, now).await?;
    transaction.commit().await.map_err(StoreError::from)?;
    Ok(())
}

/// Whether a history stands under the former name that the account may take over.
async fn find_history(conn: &mut slipway_store::PgConnection, rename: &Rename) -> Result<bool, RenameError> {
    let names = [rename.former.to_string(), rename.name.to_string()];
    let found = account_names::list_histories(conn, &names).await?;
    let of = |name: &AccountName| found.iter().find(|row| row.account == name.as_str());
    let Some(HistoryRow { provider, .. }) = of(&rename.former) else {
        return Ok(false);
    };
    let (former, name) = (rename.former.clone(), rename.name.clone());
    if let Some(own) = of(&rename.name) {
        return Err(RenameError::BothHaveHistory {
            former,
            name,
            applications: own.applications,
        });
    }
    if provider != rename.provider {
        return Err(RenameError::OtherProvider {
            former,
            name,
            provider: provider.clone(),
        });
    }
    Ok(true)
}
