//! `GET /deployments`

use axum::extract::State;
use axum::response::Response;
use http::HeaderMap;
use serde::Deserialize;
use slipway_api::{DeploymentList, Status};
use slipway_store::applications;
use slipway_store::deployments::{self, DeploymentFilter};
use slipway_store::page::AfterDeployment;
use slipway_store::sync_targets::FreshnessRow;
use time::OffsetDateTime;
use utoipa::IntoParams;
use uuid::Uuid;

use crate::extract::{Limit, PageCursor, Parameters, values};
use crate::listing::Listing;
use crate::position;
use crate::problem::Problem;
use crate::state::AppState;

/// What a list of deployments can be asked for.
#[derive(Debug, Default, Deserialize, IntoParams)]
#[serde(deny_unknown_fields, default)]
#[into_params(parameter_in = Query)]
pub(crate) struct DeploymentParameters {
    /// Only these statuses, separated by commas.
    #[serde(deserialize_with = "values")]
    #[param(style = Form, explode = false)]
    status: Vec<Status>,
    /// Only these kinds of platform, separated by commas.
    #[serde(deserialize_with = "values")]
    #[param(style = Form, explode = false)]
    provider: Vec<String>,
    /// Only these accounts, separated by commas.
    #[serde(deserialize_with = "values")]
    #[param(style = Form, explode = false)]
    account: Vec<String>,
    /// Only these applications, separated by commas.
    #[serde(deserialize_with = "values")]
    #[param(style = Form, explode = false)]
    application: Vec<Uuid>,
    /// Only these environments, separated by commas.
    #[serde(deserialize_with = "values")]
    #[param(style = Form, explode = false)]
    environment: Vec<String>,
    /// How many items a page holds.
    #[param(value_type = i32, minimum = 1, maximum = 200, default = 50)]
    limit: Limit,
    /// Where the page begins: the `next_cursor` of the page before, asked for with the same filters.
    cursor: Option<String>,
    /// Wait, 5 seconds at most, until the answer shows this position in the event log.
    min_cursor: Option<String>,
}

/// List deployments
///
/// Over all applications and providers, newest first.
#[utoipa::path(
    get,
    path = "/deployments",
    operation_id = "listDeployments",
    tag = "deployments",
    params(DeploymentParameters),
    responses((status = 200, description = "A page of deployments, newest first.", body = DeploymentList))
)]
pub(crate) async fn list_deployments(
    State(state): State<AppState>,
    headers: HeaderMap,
    Parameters(parameters): Parameters<DeploymentParameters>,
) -> Result<Response, Problem> {
    let DeploymentParameters {
        status,
        provider,
        account,
        application,
        environment,
        limit,
        cursor,
        min_cursor,
    } = parameters;
    let filter = DeploymentFilter {
        statuses: status_words(&status),
        providers: provider,
        accounts: account,
        applications: application,
        environments: environment,
    };
    position::wait_for(&state, min_cursor.as_deref()).await?;
    respond(&state, &headers, &filter, limit, cursor.as_deref()).await
}

/// The answer to any list of deployments.
pub(crate) async fn respond(
    state: &AppState,
    headers: &HeaderMap,
    filter: &DeploymentFilter,
    Limit(limit): Limit,
    cursor: Option<&str>,
) -> Result<Response, Problem> {
    let walk = format!("deployments {filter:?}");
    let begin = cursor.map(|text| PageCursor::decode(text, &walk)).transpose()?;
    let after = begin.as_ref().map(after).transpose()?;
    let mut conn = state.connection().await?;
    let page = deployments::list(&mut conn, filter, after, limit).await?;
    let accounts = match filter.applications.as_slice() {
        [] => None,
        some => Some(applications::list_accounts_of(&mut conn, some).await?),
    };
    drop(conn);

    let head = position::cursor(&page.head);
    let event_cursor = begin.map_or_else(|| head.clone(), |cursor| cursor.event_cursor);
    let next_cursor = page.next.map(|last| {
        let sort_key = (last.created_at.unix_timestamp_nanos() / 1_000).to_string();
        PageCursor {
            event_cursor: event_cursor.clone(),
            id: last.id,
            sort_key,
        }
        .encode(&walk)
    });
    let shows = |row: &FreshnessRow| {
        (filter.accounts.is_empty() || filter.accounts.contains(&row.account))
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

/// The spelling that the database knows.
pub(crate) fn status_words(statuses: &[Status]) -> Vec<String> {
    let word = |status: &Status| match status {
        Status::Queued => slipway_core::Status::Queued,
        Status::InProgress => slipway_core::Status::InProgress,
        Status::Succeeded => slipway_core::Status::Succeeded,
        Status::Failed => slipway_core::Status::Failed,
        Status::Canceled => slipway_core::Status::Canceled,
        Status::Unknown => slipway_core::Status::Unknown,
    };
    statuses.iter().map(|status| word(status).as_str().to_owned()).collect()
}

fn after(cursor: &PageCursor) -> Result<AfterDeployment, Problem> {
    let created_at = cursor
        .sort_key
        .parse::<i128>()
        .ok()
        .and_then(|micros| OffsetDateTime::from_unix_timestamp_nanos(micros.checked_mul(1_000)?).ok());
    let created_at = created_at.ok_or_else(|| Problem::new(crate::problem::Code::InvalidCursor))?;
    Ok(AfterDeployment {
        created_at,
        id: cursor.id,
    })
}
