//! `GET /freezes`

use axum::Extension;
use axum::extract::State;
use axum::response::Response;
use http::HeaderMap;
use slipway_api::{FreezeList, FreezeView};
use slipway_engine::freezes::{Occurrence, Window};
use slipway_store::applications::{self, ApplicationQuery};
use slipway_store::{Visibility, event_log};

use crate::auth::Principal;
use crate::extract::Parameters;
use crate::listing::{Items, Listing, to_json_text};
use crate::position;
use crate::problem::Problem;
use crate::routes::NoParameters;
use crate::state::AppState;

const APPLICATIONS_AT_ONCE: usize = 200;

/// List the windows in which nothing is deployed
///
/// Those in force and those to come, of each weekly one the next. A restricted token sees those that hold back an application
/// that it sees.
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
    let in_force = state.services().writes.freezes();
    let mut freezes = in_force.list(now);
    if !principal.visibility.is_everything() {
        freezes = concerning(&state, &principal.visibility, freezes).await?;
    }
    let views = freezes.iter().map(|found| view(found, found.is_in_force(now)));
    Listing {
        items: Items::new(&views.map(|view| to_json_text(&view)).collect::<Result<Vec<_>, _>>()?),
        next_cursor: None,
        event_cursor: &head,
        position: &head,
        freshness: None,
    }
    .respond(&headers)
}

/// Those that hold back an application that is seen.
async fn concerning<'a>(
    state: &AppState,
    visibility: &Visibility,
    freezes: Vec<Occurrence<'a>>,
) -> Result<Vec<Occurrence<'a>>, Problem> {
    let (mut shown, mut open) = (Vec::new(), freezes);
    let mut query = ApplicationQuery {
        limit: APPLICATIONS_AT_ONCE,
        ..ApplicationQuery::default()
    };
    while !open.is_empty() {
        let page = applications::list(&mut *state.connection().await?, &query, visibility).await?;
        let concerns = |found: &Occurrence<'_>| page.rows.iter().any(|row| found.freeze.matches(&row.application));
        let (found, rest): (Vec<_>, Vec<_>) = open.into_iter().partition(concerns);
        shown.extend(found);
        open = rest;
        let Some(next) = page.next else { break };
        query.after = Some(next);
    }
    shown.sort_by_key(|found| found.from);
    Ok(shown)
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
