//! `GET /providers`

use axum::Extension;
use axum::extract::State;
use axum::response::Response;
use http::HeaderMap;
use slipway_api::{ProviderList, ProviderView, UnmappedStatusView};
use slipway_store::{event_log, pool, unmapped_statuses};

use crate::auth::Principal;
use crate::extract::Parameters;
use crate::listing::{Items, Listing, to_json_text};
use crate::position;
use crate::problem::Problem;
use crate::routes::PositionParameters;
use crate::shown::ShownAccounts;
use crate::state::AppState;

/// List the kinds of platform in use
///
/// What each can do, how its statuses are read, and which statuses were seen that no mapping covers.
#[utoipa::path(
    get,
    path = "/providers",
    operation_id = "listProviders",
    tag = "providers",
    params(PositionParameters),
    responses((status = 200, description = "All kinds of platform in use, by name.", body = ProviderList))
)]
pub(crate) async fn list_providers(
    State(state): State<AppState>,
    Extension(principal): Extension<Principal>,
    headers: HeaderMap,
    Parameters(parameters): Parameters<PositionParameters>,
) -> Result<Response, Problem> {
    position::wait_for(&state, parameters.min_cursor.as_deref()).await?;
    let mut snapshot = pool::begin_snapshot(state.pool()).await?;
    let head = position::cursor(&event_log::find_head(&mut snapshot).await?);
    let unmapped = unmapped_statuses::list(&mut snapshot).await?;
    drop(snapshot);
    let shown = ShownAccounts::of(&state, &principal);
    let configured = state.setup().now();
    let registry = &configured.registry;
    let is_shown = |kind: &str| {
        let mut accounts = registry.iter().filter(|(_, provider)| provider.info().name == kind);
        accounts.any(|(account, _)| shown.shows(kind, account.as_str()))
    };
    // They are counted over all accounts: who sees only a part of them learns nothing of the others.
    let shows_counts = principal.visibility.shows_whole_accounts() && principal.visibility.accounts.is_empty();
    let providers = registry.providers().into_values();
    let items = providers
        .filter(|provider| is_shown(provider.info().name))
        .map(|provider| {
            let info = provider.info();
            let added = provider.added_mappings();
            let is_mapped = |word: &str| {
                added
                    .iter()
                    .any(|mapping| mapping.provider_status.eq_ignore_ascii_case(word))
            };
            let unmapped = unmapped
                .iter()
                .filter(|row| shows_counts && row.provider == info.name && !is_mapped(&row.provider_status))
                .map(|row| UnmappedStatusView {
                    provider_status: row.provider_status.clone(),
                    count: row.seen_count,
                    last_seen_at: row.last_seen_at,
                });
            to_json_text(&ProviderView::new(
                info,
                provider.capabilities(),
                added,
                unmapped.collect(),
            ))
        });
    Listing {
        items: Items::new(&items.collect::<Result<Vec<_>, _>>()?),
        next_cursor: None,
        event_cursor: &head,
        position: &head,
        freshness: Some(
            state
                .freshness()
                .of_list(|row| shown.shows(&row.provider, &row.account))
                .await?,
        ),
    }
    .respond(&headers)
}
