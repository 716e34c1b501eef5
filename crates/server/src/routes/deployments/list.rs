//! `GET /deployments`

use axum::Extension;
use axum::extract::State;
use axum::response::Response;
use http::HeaderMap;
use slipway_api::DeploymentList;
use slipway_store::applications;
use slipway_store::deployments::{self, DeploymentFilter, DeploymentQuery, DeploymentSort};
use slipway_store::page::AfterDeployment;
use slipway_store::sync_targets::FreshnessRow;
use time::OffsetDateTime;

use super::parameters::{DeploymentParameters, bound_search};
use crate::auth::Principal;
use crate::extract::{Limit, PageCursor, Parameters};
use crate::listing::Listing;
use crate::position;
use crate::problem::Problem;
use crate::shown::ShownAccounts;
use crate::state::AppState;

/// List deployments
///
/// Over all applications and providers, newest first unless `sort` says otherwise.
#[utoipa::path(
    get,
    path = "/deployments",
    operation_id = "listDeployments",
    tag = "deployments",
    params(DeploymentParameters),
    responses((status = 200, description = "A page of deployments.", body = DeploymentList))
)]
pub(crate) async fn list_deployments(
    State(state): State<AppState>,
    Extension(principal): Extension<Principal>,
    headers: HeaderMap,
    Parameters(parameters): Parameters<DeploymentParameters>,
) -> Result<Response, Problem> {
    let (filter, sort) = parameters.filter()?;
    position::wait_for(&state, parameters.min_cursor.as_deref()).await?;
    respond(
        &state,
        &principal,
        &headers,
        &filter,
        sort,
        parameters.limit,
        parameters.cursor.as_deref(),
    )
    .await
}

/// The answer to any list of deployments.
pub(crate) async fn respond(
    state: &AppState,
    principal: &Principal,
    headers: &HeaderMap,
    filter: &DeploymentFilter,
    sort: DeploymentSort,
    Limit(limit): Limit,
    cursor: Option<&str>,
) -> Result<Response, Problem> {
    let walk = format!("deployments {filter:?} {sort:?}");
    let begin = cursor.map(|text| PageCursor::decode(text, &walk)).transpose()?;
    let mut query = DeploymentQuery {
        filter: filter.clone(),
        sort,
        after: begin.as_ref().map(after).transpose()?,
        limit,
    };
    bound_search(&mut query.filter, state.clock().now());
    let mut conn = state.connection().await?;
    let page = deployments::list(&mut conn, &query, &principal.visibility).await?;
    let accounts = match filter.applications.as_slice() {
        [] => None,
        some => Some(applications::list_accounts_of(&mut conn, some).await?),
    };
    drop(conn);

    let head = position::cursor(&page.head);
    let event_cursor = begin.map_or_else(|| head.clone(), |cursor| cursor.event_cursor);
    let next_cursor = page.next.map(|last| {
        let sort_key = (last.at.unix_timestamp_nanos() / 1_000).to_string();
        PageCursor {
            event_cursor: event_cursor.clone(),
            id: last.id,
            sort_key,
        }
        .encode(&walk)
    });
    let shown = ShownAccounts::of(state, principal);
    let shows = |row: &FreshnessRow| {
        shown.shows(&row.provider, &row.account)
            && (filter.accounts.is_empty() || filter.accounts.contains(&row.account))
            && (filter.providers.is_empty() || filter.providers.contains(&row.provider))
            && accounts.as_ref().is_none_or(|accounts| accounts.contains(&row.account))
    };
    Listing {
        items: page.bodies,
        versions: None,
        next_cursor,
        event_cursor: &event_cursor,
        position: &head,
        freshness: Some(state.freshness().of_list(shows).await?),
    }
    .respond(headers)
}

fn after(cursor: &PageCursor) -> Result<AfterDeployment, Problem> {
    let at = cursor
        .sort_key
        .parse::<i128>()
        .ok()
        .and_then(|micros| OffsetDateTime::from_unix_timestamp_nanos(micros.checked_mul(1_000)?).ok());
    let at = at.ok_or_else(|| Problem::new(crate::problem::Code::InvalidCursor))?;
    Ok(AfterDeployment { at, id: cursor.id })
}
