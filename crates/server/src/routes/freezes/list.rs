//! `GET /freezes`

use axum::Extension;
use axum::extract::State;
use axum::response::Response;
use http::HeaderMap;
use slipway_api::{FreezeList, FreezeView};
use slipway_engine::freezes::{Freeze, Occurrence, Window};
use slipway_store::event_log;

use crate::auth::Principal;
use crate::extract::Parameters;
use crate::listing::{Items, Listing, to_json_text};
use crate::position;
use crate::problem::Problem;
use crate::routes::NoParameters;
use crate::shown::ShownAccounts;
use crate::state::AppState;

/// List the windows in which nothing is deployed
///
/// Those in force and those to come, of each weekly one the next. Those that are only for accounts that the caller does not
/// see are left out.
#[utoipa::path(
    get,
    path = "/freezes",
    operation_id = "listFreezes",
    tag = "deployments",
    responses((status = 200, description = "The windows, by their begin.", body = FreezeList))
)]
pub(crate) async fn list_freezes(
    State(state): State<AppState>,
    Extension(principal): Extension<Principal>,
    headers: HeaderMap,
    _none: Parameters<NoParameters>,
) -> Result<Response, Problem> {
    let head = position::cursor(&event_log::find_head(&mut *state.connection().await?).await?);
    let now = state.clock().now();
    let shown = ShownAccounts::of(&state, &principal);
    let registry = &state.services().registry;
    let is_shown = |freeze: &Freeze| {
        if freeze.accounts.is_empty() && freeze.providers.is_empty() {
            return true;
        }
        let matches = |wanted: &[String], value: &str| wanted.is_empty() || wanted.iter().any(|wanted| wanted == value);
        registry.iter().any(|(account, provider)| {
            matches(&freeze.accounts, account.as_str())
                && matches(&freeze.providers, provider.info().name)
                && shown.shows(provider.info().name, account.as_str())
        })
    };
    let freezes = state.services().writes.freezes().list(now);
    let views = freezes
        .iter()
        .filter(|found| is_shown(found.freeze))
        .map(|found| view(found, found.is_in_force(now)));
    Listing {
        items: Items::new(
            &views.map(|view| to_json_text(&view)).collect::<Result<Vec<_>, _>>()?,
            None,
        ),
        next_cursor: None,
        event_cursor: &head,
        position: &head,
        freshness: None,
    }
    .respond(&headers)
}

fn view(found: &Occurrence<'_>, in_force: bool) -> FreezeView {
    let freeze = found.freeze;
    FreezeView {
        name: freeze.name.clone(),
        reason: freeze.reason.clone(),
        in_force,
        is_weekly: matches!(freeze.window, Window::Weekly { .. }),
        starts_at: found.from,
        ends_at: found.until,
        providers: freeze.providers.clone(),
        accounts: freeze.accounts.clone(),
        names: freeze.names.clone(),
        environments: freeze.environments.clone(),
        labels: freeze.labels.clone(),
    }
}
