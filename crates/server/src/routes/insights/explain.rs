//! `GET /insights/explain`

use axum::Extension;
use axum::extract::State;
use axum::response::Response;
use http::HeaderMap;
use slipway_api::{ExplainedDeploymentView, InsightExplanationView, LeftOutView, Status};
use slipway_store::insights::{self, ExplainQuery, ExplainedRow, Group, Metric, Unit};
use slipway_store::page::AfterDeployment;
use slipway_store::{event_log, pool};
use time::OffsetDateTime;

use super::parameters::ExplainParameters;
use super::period::Period;
use super::{numbers, words};
use crate::auth::Principal;
use crate::extract::{PageCursor, Parameters};
use crate::listing::{respond_weakly, to_json_text};
use crate::position;
use crate::problem::{Code, Problem};
use crate::shown::ShownAccounts;
use crate::state::AppState;

/// Get why a number is what it is
///
/// Every deployment that a number of `GET /insights/deployments` with the same parameters looked at, newest first: whether it
/// counts, and why not. Every deployment of the window counts or is left out for one reason.
#[utoipa::path(
    get,
    path = "/insights/explain",
    operation_id = "explainInsight",
    tag = "insights",
    params(ExplainParameters),
    responses((status = 200, description = "What was counted, and what was left out and why.", body = InsightExplanationView))
)]
pub(crate) async fn explain_insight(
    State(state): State<AppState>,
    Extension(principal): Extension<Principal>,
    headers: HeaderMap,
    Parameters(parameters): Parameters<ExplainParameters>,
) -> Result<Response, Problem> {
    let metric = Metric::from(parameters.metric);
    let asked = parameters.asked(&state).await?;
    let visibility = &principal.visibility;
    let mut snapshot = pool::begin_snapshot(state.pool()).await?;
    let head = position::cursor(&event_log::find_head(&mut snapshot).await?);
    let period = Period::resolve(&mut snapshot, &asked, Unit::Month, state.clock().now()).await?;
    let scope = asked.scope(period.window);
    let walk = format!("insight {metric:?} {scope:?} {:?}", parameters.counted);
    let begin = parameters
        .cursor
        .as_deref()
        .map(|text| PageCursor::decode(text, &walk))
        .transpose()?;
    let limit = parameters.limit.0;
    let query = ExplainQuery {
        metric,
        scope,
        is_counted: parameters.counted,
        after: begin.as_ref().map(after).transpose()?,
        // One more than asked for tells whether there is a next page.
        limit: i64::try_from(limit).unwrap_or(i64::MAX).saturating_add(1),
    };
    let starts = [period.window.starts_at];
    let mut counted = insights::count(&mut snapshot, &query.scope, visibility, &starts).await?;
    let reasons = insights::list_left_out(&mut snapshot, metric, &query.scope, visibility).await?;
    let mut rows = insights::list_explained(&mut snapshot, &query, visibility).await?;
    drop(snapshot);

    let has_more = rows.len() > limit;
    rows.truncate(limit);
    let event_cursor = begin.map_or_else(|| head.clone(), |cursor| cursor.event_cursor);
    let next_cursor = rows.last().filter(|_| has_more).map(|last| {
        let next = PageCursor {
            event_cursor: event_cursor.clone(),
            id: last.id,
            sort_key: (last.created_at.unix_timestamp_nanos() / 1_000).to_string(),
        };
        next.encode(&walk)
    });
    let total = numbers::view(&counted.remove(&Group::Total).unwrap_or_default(), period.days());
    let shown = ShownAccounts::of(&state, &principal);
    let freshness = state
        .freshness()
        .of_list(|row| shown.shows(&row.provider, &row.account));
    let mut view = InsightExplanationView {
        metric: metric.as_str().to_owned(),
        definition: words::definition(metric).to_owned(),
        period: period.view(),
        looked_at: total.deployments,
        total,
        counted: reasons
            .iter()
            .find(|row| row.reason.is_none())
            .map_or(0, |row| row.deployments),
        left_out: reasons
            .into_iter()
            .filter_map(|row| {
                let reason = row.reason?;
                let explanation = words::explanation(&reason).to_owned();
                Some(LeftOutView {
                    reason,
                    explanation,
                    deployments: row.deployments,
                })
            })
            .collect(),
        items: rows.into_iter().map(item).collect(),
        next_cursor: None,
        event_cursor: String::new(),
        freshness: freshness.await?,
    };
    // Positions and times of freshness move while the numbers stay. Where the next page begins follows from the items.
    let accounts = std::mem::take(&mut view.freshness.accounts);
    let shown = format!("{}{}", to_json_text(&view)?, next_cursor.is_some());
    view.freshness.accounts = accounts;
    view.next_cursor = next_cursor;
    view.event_cursor = event_cursor.to_string();
    Ok(respond_weakly(&headers, &head, &shown, to_json_text(&view)?))
}

fn item(row: ExplainedRow) -> ExplainedDeploymentView {
    let is_counted = row.reason.is_none();
    ExplainedDeploymentView {
        deployment_id: row.id,
        application_id: row.application_id,
        application_name: row.application_name,
        environment: row.environment,
        status: slipway_core::Status::parse(&row.status).map_or(Status::Unknown, Into::into),
        created_at: row.created_at,
        finished_at: row.finished_at,
        is_counted,
        reason: row.reason,
        value_ms: row.value_ms.filter(|_| is_counted),
    }
}

fn after(cursor: &PageCursor) -> Result<AfterDeployment, Problem> {
    let micros: Option<i128> = cursor.sort_key.parse().ok();
    let at = micros.and_then(|micros| OffsetDateTime::from_unix_timestamp_nanos(micros.checked_mul(1_000)?).ok());
    at.map(|at| AfterDeployment { at, id: cursor.id })
        .ok_or_else(|| Problem::new(Code::InvalidCursor))
}
