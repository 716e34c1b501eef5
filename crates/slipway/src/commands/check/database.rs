//! The database of a configuration: whether it answers, whether a pooler stands before it, and what its history says of the
//! accounts' names.

use serde::Serialize;
use slipway_config::{AccountSettings, DatabaseSettings};
use slipway_store::account_names::{self, HistoryRow};
use slipway_store::pooler::{self, Pooler};
use slipway_store::{PgPool, StoreError, applications, pool, schema, views};

use super::account::Asked;
use super::counted;
use crate::database::FORGETFUL_POOLER;
use crate::failure::chain;

#[derive(Debug, Serialize)]
pub(super) struct Database {
    /// Migrations of this release that are not applied yet.
    pending_migrations: usize,
    /// Whether a pooler that hands out backends for a transaction stands before `database.url`.
    behind_pooler: bool,
}

impl Database {
    pub(super) fn sentence(&self) -> String {
        let migrations = match self.pending_migrations {
            0 => "answers, its schema is up to date".to_owned(),
            count => format!("answers, {count} migrations are not applied yet (slipway migrate)"),
        };
        let pooler = if self.behind_pooler { ", behind a pooler" } else { "" };
        format!("{migrations}{pooler}")
    }
}

/// None where it was not looked at.
pub(super) async fn look(
    settings: &DatabaseSettings,
    accounts: &[AccountSettings],
    asked: &[Asked],
    faults: &mut Vec<String>,
    warnings: &mut Vec<String>,
    not_checked: &mut Vec<String>,
) -> Option<Database> {
    const NAMES: &str = "whether an account was renamed, which only the history tells";
    let Some(url) = &settings.url else {
        not_checked.push(format!(
            "the built-in database, which runs with the gateway only, and {NAMES}"
        ));
        return None;
    };
    let direct = settings.direct_url.as_ref().unwrap_or(url);
    let options = crate::database::options(url.expose(), "database.url");
    let direct = crate::database::options(direct.expose(), "database.direct_url");
    let (options, direct) = match (options, direct) {
        (Ok(options), Ok(direct)) => (options, direct),
        (Err(failure), _) | (_, Err(failure)) => {
            faults.push(failure.to_string());
            return None;
        }
    };
    let history = pool::connect_lazily(direct, 1);
    let looked = async {
        pool::ping(&history).await?;
        let pooler = pooler::find(&options).await?;
        faults.extend((pooler == Pooler::Forgetful).then(|| FORGETFUL_POOLER.to_owned()));
        let state = schema::find_state(&history).await?;
        if state.unknown > 0 {
            faults.push(crate::database::too_new(state).to_string());
        }
        let pending_migrations = state.pending;
        if pending_migrations == 0 {
            follow_renames(&history, accounts, faults, warnings).await?;
            faults.extend(renamed(&history, accounts, asked).await?);
        } else {
            not_checked.push(format!("{NAMES}: the schema is not up to date"));
        }
        Ok::<_, StoreError>(Database {
            pending_migrations,
            behind_pooler: pooler != Pooler::None,
        })
    };
    let looked = looked.await;
    history.close().await;
    match looked {
        Ok(database) => {
            if database.behind_pooler && settings.direct_url.is_none() {
                warnings.push(
                    "database.url goes through a transaction pooler: set database.direct_url to the database itself, for \
                     LISTEN and for migrations"
                        .to_owned(),
                );
            }
            Some(database)
        }
        Err(error) => {
            faults.push(format!("the database cannot be used: {}", chain(&error)));
            not_checked.push(NAMES.to_owned());
            None
        }
    }
}

/// What becomes of the histories of accounts that say what they were called before.
async fn follow_renames(
    history: &PgPool,
    accounts: &[AccountSettings],
    faults: &mut Vec<String>,
    warnings: &mut Vec<String>,
) -> Result<(), StoreError> {
    let mut conn = history.acquire().await?;
    for account in accounts {
        let Some(former) = &account.previous_name else { continue };
        let names = [former.clone(), account.name.clone()];
        let found = account_names::list_histories(&mut conn, &names).await?;
        let of = |name: &str| found.iter().find(|row| row.account == name);
        let shown = |row: &HistoryRow| counted(usize::try_from(row.applications).unwrap_or(usize::MAX));
        match (of(former), of(&account.name)) {
            (None, _) => {}
            (Some(before), None) if before.provider != account.provider => faults.push(format!(
                "account {}: the history of `{former}` is of {}: previous_name names another account",
                account.name, before.provider
            )),
            (Some(before), None) => warnings.push(format!(
                "account {}: {} that stand in the history under `{former}` go over to it at the next start or SIGHUP",
                account.name,
                shown(before)
            )),
            (Some(_), Some(own)) => faults.push(format!(
                "account {}: previous_name = \"{former}\" cannot be followed, because {} stand under `{}` already: take \
                 previous_name out, or give the account a name of its own",
                account.name,
                shown(own),
                account.name
            )),
        }
    }
    Ok(())
}

/// Accounts without a history whose applications stand there under another name, which is configured no more.
async fn renamed(history: &PgPool, accounts: &[AccountSettings], asked: &[Asked]) -> Result<Vec<String>, StoreError> {
    let mut conn = history.acquire().await?;
    let known = views::list_accounts(&mut conn).await?;
    let is_configured = |name: &String| {
        let is_named =
            |account: &AccountSettings| account.name == *name || account.previous_name.as_ref() == Some(name);
        accounts.iter().any(is_named)
    };
    let mut faults = Vec::new();
    for one in asked.iter().filter(|one| !known.contains(&one.account.name)) {
        let ids: Vec<String> = one.application_ids.iter().cloned().collect();
        for former in known.iter().filter(|name| !is_configured(name)) {
            let found = applications::list_by_provider_ids(&mut conn, former, &ids).await?;
            let same = found
                .iter()
                .filter(|found| found.provider.as_str() == one.account.provider);
            let count = same.count();
            if count > 0 {
                faults.push(format!(
                    "account {}: {} of it stand in the history under the account `{former}`, which is not configured any more: \
                     a name is an account's identity, so call it `{former}` again, or say previous_name = \"{former}\"",
                    one.account.name,
                    counted(count)
                ));
            }
        }
    }
    Ok(faults)
}
