//! `/accounts`

pub(crate) mod get;
pub(crate) mod list;

use std::collections::HashMap;

use slipway_api::{AccountView, CircuitView, RateBudgetView, WriteFaultView};
use slipway_core::AccountName;
use slipway_core::budget::Ledger;
use slipway_core::provider::{ProviderRegistry, RateBudget};
use slipway_store::sync_targets::{self, FreshnessRow};
use slipway_store::{PgConnection, applications, rate_budgets};
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
    let ledgers: HashMap<_, _> = rate_budgets::list(conn).await?.into_iter().collect();
    let shown = ShownAccounts::of(state, principal);
    let shows = |row: &FreshnessRow| shown.shows(&row.provider, &row.account);
    let configured = state.setup().now();
    let registry = &configured.registry;
    let mut views: Vec<AccountView> = known
        .accounts
        .iter()
        .filter(|account| shows(&account.row))
        .map(|account| AccountView {
            name: account.row.account.clone(),
            provider: account.row.provider.clone(),
            application_count: counts.get(&account.row.account).copied().unwrap_or(0),
            freshness: account.view(now),
            rate_budget: rate_budget(registry, &ledgers, &account.row.account, now),
            circuit: circuit(&ledgers, &account.row.account, now),
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
                rate_budget: rate_budget(registry, &ledgers, name.as_str(), now),
                circuit: circuit(&ledgers, name.as_str(), now),
                write_fault: fault_of(name.as_str()),
            });
        }
    }
    views.sort_by(|one, other| one.name.cmp(&other.name));
    Ok(views)
}

/// What all processes share; where nobody has asked yet, what the adapter knows.
fn rate_budget(
    registry: &ProviderRegistry,
    ledgers: &HashMap<String, Ledger>,
    account: &str,
    now: OffsetDateTime,
) -> Option<RateBudgetView> {
    let provider = registry.get(&AccountName::from(account))?;
    let RateBudget {
        limit,
        remaining,
        resets_at,
        ..
    } = ledgers
        .get(account)
        .and_then(|ledger| ledger.budget(now))
        .or_else(|| provider.rate_budget())?;
    let whole = |count: u32| i32::try_from(count).unwrap_or(i32::MAX);
    Some(RateBudgetView {
        limit: whole(limit),
        remaining: whole(remaining),
        resets_at,
    })
}

fn circuit(ledgers: &HashMap<String, Ledger>, account: &str, now: OffsetDateTime) -> Option<CircuitView> {
    let open = ledgers.get(account)?.circuit().open()?;
    Some(CircuitView {
        state: if open.is_probing(now) { "half_open" } else { "open" }.to_owned(),
        reason: open.reason.clone(),
        since: open.since,
        next_probe_at: open.until,
    })
}
