//! `GET /insights/deployments`

use std::collections::HashMap;

use axum::Extension;
use axum::extract::State;
use axum::response::Response;
use http::HeaderMap;
use slipway_api::{
    ApplicationInsightView, DeploymentInsightsView, EnvironmentInsightView, InsightView, IntervalInsightView,
};
use slipway_store::applications::{self, ApplicationNameRow};
use slipway_store::insights::{self, Group, Numbers};
use slipway_store::{event_log, pool};
use time::OffsetDateTime;
use uuid::Uuid;

use super::numbers;
use super::parameters::InsightParameters;
use super::period::Period;
use crate::auth::Principal;
use crate::extract::Parameters;
use crate::listing::{respond_weakly, to_json_text};
use crate::position;
use crate::problem::Problem;
use crate::shown::ShownAccounts;
use crate::state::AppState;

/// Get how often deployments succeed, how many fail and how long they take
///
/// Over all deployments that were created in some days: in total, by day, week or month, by environment and by application. A
/// deployment belongs to the interval in which it was created; `GET /deployments` with the same filters, `created_after` and
/// `created_before` of the interval and a `status` lists exactly those that are counted there. What is not known is null with a
/// reason, never 0.
#[utoipa::path(
    get,
    path = "/insights/deployments",
    operation_id = "getDeploymentInsights",
    tag = "insights",
    params(InsightParameters),
    responses((status = 200, description = "The numbers.", body = DeploymentInsightsView))
)]
pub(crate) async fn get_deployment_insights(
    State(state): State<AppState>,
    Extension(principal): Extension<Principal>,
    headers: HeaderMap,
    Parameters(parameters): Parameters<InsightParameters>,
) -> Result<Response, Problem> {
    let asked = parameters.asked(&state).await?;
    let now = state.clock().now();
    let mut snapshot = pool::begin_snapshot(state.pool()).await?;
    let head = position::cursor(&event_log::find_head(&mut snapshot).await?);
    let period = Period::resolve(&mut snapshot, &asked, parameters.interval.into(), now).await?;
    let starts: Vec<_> = period.intervals.iter().map(|interval| interval.starts_at).collect();
    let scope = asked.scope(period.window);
    let mut counted = insights::count(&mut snapshot, &scope, &principal.visibility, &starts).await?;
    let (chosen, applications_left_out) = busiest(&counted, parameters.limit.0);
    let names = applications::list_names(&mut snapshot, &chosen).await?;
    drop(snapshot);

    let shown = ShownAccounts::of(&state, &principal);
    let freshness = state
        .freshness()
        .of_list(|row| shown.shows(&row.provider, &row.account));
    let mut view = DeploymentInsightsView {
        period: period.view(),
        total: numbers::view(&counted.remove(&Group::Total).unwrap_or_default(), period.days()),
        intervals: intervals(&period, &counted, now),
        environments: environments(&period, &counted),
        applications: applications(&period, &counted, &chosen, names),
        applications_left_out,
        event_cursor: String::new(),
        freshness: freshness.await?,
    };
    // Position and times of freshness move while the numbers stay.
    let accounts = std::mem::take(&mut view.freshness.accounts);
    let shown = to_json_text(&view)?;
    view.freshness.accounts = accounts;
    view.event_cursor = head.to_string();
    Ok(respond_weakly(&headers, &head, &shown, to_json_text(&view)?))
}

/// The applications with the most deployments, and how many others have some.
fn busiest(counted: &HashMap<Group, Numbers>, limit: usize) -> (Vec<Uuid>, i64) {
    let mut applications: Vec<(i64, Uuid)> = counted
        .iter()
        .filter_map(|(group, numbers)| match group {
            Group::Application(id) => Some((-numbers.deployments, *id)),
            _ => None,
        })
        .collect();
    applications.sort_unstable();
    let left_out = applications.len().saturating_sub(limit);
    let chosen = applications.into_iter().take(limit).map(|(_, id)| id).collect();
    (chosen, i64::try_from(left_out).unwrap_or(i64::MAX))
}

fn intervals(period: &Period, counted: &HashMap<Group, Numbers>, now: OffsetDateTime) -> Vec<IntervalInsightView> {
    let view = |(place, interval): (usize, &insights::Interval)| {
        let last_day = interval.next_day.previous_day().unwrap_or(interval.next_day);
        let days = period.days_begun(interval.first_day, last_day);
        IntervalInsightView {
            first_day: interval.first_day.to_string(),
            last_day: last_day.to_string(),
            starts_at: interval.starts_at,
            ends_at: interval.ends_at,
            is_over: interval.ends_at <= now,
            insight: of(counted, &Group::Interval(place), days),
        }
    };
    period.intervals.iter().enumerate().map(view).collect()
}

fn environments(period: &Period, counted: &HashMap<Group, Numbers>) -> Vec<EnvironmentInsightView> {
    let mut environments: Vec<_> = counted
        .iter()
        .filter_map(|(group, numbers)| match group {
            Group::Environment(environment) => Some(EnvironmentInsightView {
                environment: environment.clone(),
                insight: numbers::view(numbers, period.days()),
            }),
            _ => None,
        })
        .collect();
    environments.sort_by(|one, other| {
        let key = |view: &EnvironmentInsightView| (-view.insight.deployments, view.environment.clone());
        key(one).cmp(&key(other))
    });
    environments
}

fn applications(
    period: &Period,
    counted: &HashMap<Group, Numbers>,
    chosen: &[Uuid],
    names: Vec<ApplicationNameRow>,
) -> Vec<ApplicationInsightView> {
    let mut names: HashMap<Uuid, ApplicationNameRow> = names.into_iter().map(|row| (row.id, row)).collect();
    let view = |id: &Uuid| {
        let row = names.remove(id)?;
        Some(ApplicationInsightView {
            application_id: row.id,
            name: row.name,
            environment: row.environment,
            provider: row.provider,
            account: row.account,
            insight: of(counted, &Group::Application(*id), period.days()),
        })
    };
    chosen.iter().filter_map(view).collect()
}

/// A group without deployments is counted nowhere.
fn of(counted: &HashMap<Group, Numbers>, group: &Group, days: i64) -> InsightView {
    numbers::view(&counted.get(group).copied().unwrap_or_default(), days)
}
