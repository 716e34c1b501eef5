//! `GET /accounts`

use axum::Extension;
use axum::extract::State;
use axum::response::Response;
use http::HeaderMap;
use slipway_api::{AccountList, AccountView, RateBudgetView};
use slipway_core::AccountName;
use slipway_core::provider::{ProviderRegistry, RateBudget};
use slipway_store::sync_targets::FreshnessRow;
use slipway_store::{applications, event_log, pool};

use crate::auth::Principal;
use crate::extract::Parameters;
use crate::freshness;
use crate::listing::{Listing, to_json_text};
use crate::position;
use crate::problem::Problem;
use crate::routes::PositionParameters;
use crate::shown::ShownAccounts;
use crate::state::AppState;

/// List the configured connections to providers
///
/// How far what each shows can be trusted, and what is left of the provider's rate limit.
#[utoipa::path(
    get,
    path = "/accounts",
    operation_id = "listAccounts",
    tag = "accounts",
    params(PositionParameters),
    responses((status = 200, description = "All accounts, by name.", body = AccountList))
)]
pub(crate) async fn list_accounts(
    State(state): State<AppState>,
    Extension(principal): Extension<Principal>,
    headers: HeaderMap,
    Parameters(parameters): Parameters<PositionParameters>,
) -> Result<Response, Problem> {
    position::wait_for(&state, parameters.min_cursor.as_deref()).await?;
    let mut snapshot = pool::begin_snapshot(state.pool()).await?;
    let head = position::cursor(&event_log::find_head(&mut snapshot).await?);
    let counts = applications::count_by_account(&mut snapshot, &principal.visibility).await?;
    drop(snapshot);
    let now = state.clock().now();
    let known = state.freshness().snapshot().await?;
    let shown = ShownAccounts::of(&state, &principal);
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
        })
        .collect();
    // Configured, and nobody has begun to read it.
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
            });
        }
    }
    views.sort_by(|one, other| one.name.cmp(&other.name));
    Listing {
        items: views.iter().map(to_json_text).collect::<Result<_, _>>()?,
        versions: None,
        next_cursor: None,
        event_cursor: &head,
        position: &head,
        freshness: Some(known.list(now, shows)),
    }
    .respond(&headers)
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
