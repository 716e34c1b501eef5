//! `GET /applications`

use axum::Extension;
use axum::extract::State;
use axum::response::Response;
use http::HeaderMap;
use slipway_api::ApplicationList;

use super::page::{self, Wanted};
use super::parameters::{ApplicationParameters, Included};
use super::view::{json, version};
use crate::auth::Principal;
use crate::extract::Parameters;
use crate::listing::{Items, Listing};
use crate::position;
use crate::problem::Problem;
use crate::state::AppState;

/// List applications
///
/// Over all providers, by name.
#[utoipa::path(
    get,
    path = "/applications",
    operation_id = "listApplications",
    tag = "applications",
    params(ApplicationParameters),
    responses((status = 200, description = "A page of applications, by name.", body = ApplicationList))
)]
pub(crate) async fn list_applications(
    State(state): State<AppState>,
    Extension(principal): Extension<Principal>,
    headers: HeaderMap,
    Parameters(parameters): Parameters<ApplicationParameters>,
) -> Result<Response, Problem> {
    let included = Included::of(&parameters.include);
    let wanted = Wanted {
        list: "applications",
        filter: &parameters.filter(),
        is_descending: parameters.is_descending()?,
        included,
        limit: parameters.limit,
        cursor: parameters.cursor.as_deref(),
    };
    position::wait_for(&state, parameters.min_cursor.as_deref()).await?;
    let page = page::read(&state, &principal, wanted).await?;
    let (mut items, mut versions) = (Vec::new(), Vec::new());
    for entry in &page.entries {
        let (last, live) = (entry.last.as_ref(), entry.live.as_ref());
        items.push(json(&entry.view, included, last, live)?);
        versions.push(format!("{included:?} {}", version(&entry.view, last, live)));
    }
    Listing {
        items: Items::new(&items, Some(&versions)),
        next_cursor: page.next_cursor,
        event_cursor: &page.event_cursor,
        position: &page.head,
        freshness: Some(page.freshness),
    }
    .respond(&headers)
}
