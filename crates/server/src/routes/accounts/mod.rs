//! `/accounts`

pub(crate) mod get;
pub(crate) mod list;

use slipway_api::{AccountView, RateBudgetView, WriteFaultView};
use slipway_core::AccountName;
use slipway_core::provider::{ProviderRegistry, RateBudget};
use slipway_store::sync_targets::{self, FreshnessRow};
use slipway_store::{PgConnection, applications};
use time::OffsetDateTime;

use crate::auth::Principal;
use crate::freshness::{self, Snapshot};
use crate::problem::Problem;
use crate::shown::ShownAccounts;
use crate::state::AppState;

/// The accounts that a caller sees, by name: those that are read, and those that nobody has begun to read.
async fn views(
    state: &AppState,
    conn: &mut PgConnection,
    principal: &Principal,
    known: &Snapshot,
    now: OffsetDateTime,
) -> Result<Vec<AccountView>, Problem> {
    let counts = applications::count_by_account(conn, &principal.visibility).await?;
    let faults = sync_targets::list_write_faults(conn).await?;
    let fault_of = |name: &str| {
        let fault = faults.iter().find(|fault| fault.account == name)?.clone();
        Some(WriteFaultView {
            code: fault.code,
            message: fault.message,
            at: fault.at,
        })
    };
    let shown = ShownAccounts::of(state, principal);
    let shows = |row: &FreshnessRow| shown.shows(&row.provider, &row.account);
    let registry = &state.services().registry;
    let mut views: Vec<AccountView> = known
        .accounts
        .iter()
        .filter(|account| shows(&account.row))
        .map(|account| AccountView {
            name: account.row.account.clone(),
            provider: account.row.provider.clone(),
            application_count: counts.get(&account.row.account).copied().unwrap_or(0),
            freshness: account.view(now),
            rate_budget: rate_budget(registry, &account.row.account),
            write_fault: fault_of(&account.row.account),
        })
        .collect();
    for (name, provider) in registry.iter() {
        let is_listed = known
            .accounts
            .iter()
            .any(|account| account.row.account == name.as_str());
        if !is_listed && shown.shows(provider.info().name, name.as_str()) {
            views.push(AccountView {
                name: name.to_string(),
                provider: provider.info().name.to_owned(),
                application_count: 0,
                freshness: freshness::of_application(None, now),
                rate_budget: rate_budget(registry, name.as_str()),
                write_fault: fault_of(name.as_str()),
            });
        }
    }
    views.sort_by(|one, other| one.name.cmp(&other.name));
    Ok(views)
}

fn rate_budget(registry: &ProviderRegistry, account: &str) -> Option<RateBudgetView> {
    let RateBudget {
        limit,
        remaining,
        resets_at,
    } = registry.get(&AccountName::from(account))?.rate_budget()?;
    let whole = |count: u32| i32::try_from(count).unwrap_or(i32::MAX);
    Some(RateBudgetView {
        limit: whole(limit),
        remaining: whole(remaining),
        resets_at,
    })
}
