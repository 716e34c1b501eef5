//! `GET /applications`

use std::collections::HashMap;

use axum::extract::State;
use axum::response::Response;
use http::HeaderMap;
use serde::Deserialize;
use slipway_api::{ApplicationList, ApplicationView};
use slipway_core::Application;
use slipway_store::applications::{self, ApplicationFilter};
use slipway_store::page::AfterApplication;
use slipway_store::sync_targets::{self, FreshnessRow};
use slipway_store::{event_log, pool};
use utoipa::IntoParams;
use uuid::Uuid;

use crate::extract::{Limit, PageCursor, Parameters, values};
use crate::freshness;
use crate::listing::{Listing, to_json_text};
use crate::position;
use crate::problem::Problem;
use crate::state::AppState;

/// What a list of applications can be asked for.
#[derive(Debug, Default, Deserialize, IntoParams)]
#[serde(deny_unknown_fields, default)]
#[into_params(parameter_in = Query)]
pub(crate) struct ApplicationParameters {
    /// Only these kinds of platform, separated by commas.
    #[serde(deserialize_with = "values")]
    #[param(style = Form, explode = false)]
    provider: Vec<String>,
    /// Only these accounts, separated by commas.
    #[serde(deserialize_with = "values")]
    #[param(style = Form, explode = false)]
    account: Vec<String>,
    /// Only these environments, separated by commas.
    #[serde(deserialize_with = "values")]
    #[param(style = Form, explode = false)]
    environment: Vec<String>,
    /// Only these names, separated by commas.
    #[serde(deserialize_with = "values")]
    #[param(style = Form, explode = false)]
    name: Vec<String>,
    /// How many items a page holds.
    #[param(value_type = i32, minimum = 1, maximum = 200, default = 50)]
    limit: Limit,
    /// Where the page begins: the `next_cursor` of the page before, asked for with the same filters.
    cursor: Option<String>,
    /// Wait, 5 seconds at most, until the answer shows this position in the event log.
    min_cursor: Option<String>,
}

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
    headers: HeaderMap,
    Parameters(parameters): Parameters<ApplicationParameters>,
) -> Result<Response, Problem> {
    let ApplicationParameters {
        provider,
        account,
        environment,
        name,
        limit: Limit(limit),
        cursor,
        min_cursor,
    } = parameters;
    let filter = ApplicationFilter {
        providers: provider,
        accounts: account,
        environments: environment,
        names: name,
    };
    let walk = format!("applications {filter:?}");
    let begin = cursor.map(|text| PageCursor::decode(&text, &walk)).transpose()?;
    position::wait_for(&state, min_cursor.as_deref()).await?;

    let after = begin.as_ref().map(|cursor| AfterApplication {
        name: cursor.sort_key.clone(),
        id: cursor.id,
    });
    let mut snapshot = pool::begin_snapshot(state.pool()).await?;
    let head = position::cursor(&event_log::find_head(&mut snapshot).await?);
    // One more than asked for tells whether there is a next page.
    let fetched = i64::try_from(limit).unwrap_or(i64::MAX).saturating_add(1);
    let mut rows = applications::list(&mut snapshot, &filter, after.as_ref(), fetched).await?;
    let has_more = rows.len() > limit;
    rows.truncate(limit);
    let ids: Vec<Uuid> = rows.iter().map(|row| row.id.0).collect();
    let targets = sync_targets::list_applications(&mut snapshot, &ids).await?;
    drop(snapshot);

    let event_cursor = begin.map_or_else(|| head.clone(), |cursor| cursor.event_cursor);
    let next_cursor = rows.last().filter(|_| has_more).map(|last| {
        let next = PageCursor {
            event_cursor: event_cursor.clone(),
            id: last.id.0,
            sort_key: last.observed.name.clone(),
        };
        next.encode(&walk)
    });
    let targets: HashMap<_, _> = targets
        .iter()
        .filter_map(|row| Some((row.application_id?, row)))
        .collect();
    let views: Vec<ApplicationView> = rows
        .iter()
        .map(|row| view(&state, row, targets.get(&row.id.0).copied()))
        .collect();
    let shows = |row: &FreshnessRow| {
        (filter.accounts.is_empty() || filter.accounts.contains(&row.account))
            && (filter.providers.is_empty() || filter.providers.contains(&row.provider))
    };
    Listing {
        items: views.iter().map(to_json_text).collect::<Result<_, _>>()?,
        versions: Some(views.iter().map(version).collect()),
        next_cursor,
        event_cursor: &event_cursor,
        position: &head,
        freshness: Some(state.freshness().of_list(shows).await?),
    }
    .respond(&headers)
}

/// The public form of a row.
pub(super) fn view(state: &AppState, row: &Application, target: Option<&FreshnessRow>) -> ApplicationView {
    let provider = state.services().registry.get(&row.account);
    // An account that is not configured any more can do nothing; its history stays.
    let capabilities = provider.map(|provider| provider.capabilities()).unwrap_or_default();
    ApplicationView::new(
        row,
        capabilities,
        freshness::of_application(target, state.clock().now()),
    )
}

/// What a client would show differently: everything but the times of freshness.
pub(super) fn version(view: &ApplicationView) -> String {
    format!(
        "{} {} {:?} {:?}",
        view.id, view.version, view.freshness.state, view.capabilities
    )
}
