//! Scalingo's auth host, regional API and deployment sockets, as clients really meet them, on one port.

pub(crate) mod error;
pub(crate) mod payload;
mod stream;
pub(crate) mod token;

use std::sync::Arc;

use axum::Json;
use axum::http::{Method, StatusCode, header};
use axum::response::{IntoResponse, Response};
use serde_json::{Value, json};
use time::Duration;

use crate::front::{Front, Incoming};
use crate::world::application::Application;
use crate::world::state::State;
use crate::world::{Provider, Start};

const MINUTE_S: i64 = 60;
const PER_PAGE: usize = 20;
/// The real maximum is not published; asking for more is not an error.
const PER_PAGE_MAX: usize = 100;

pub(crate) fn route_kind(method: &Method, segments: &[&str]) -> &'static str {
    match (method.as_str(), segments) {
        ("POST", ["v1", "tokens", "exchange"]) => "scalingo.tokens.exchange",
        ("GET", ["v1", "regions"]) => "scalingo.regions.list",
        ("GET", ["v1", "apps"]) => "scalingo.apps.list",
        ("GET", ["v1", "apps", _]) => "scalingo.apps.show",
        ("GET", ["v1", "apps", _, "deployments"]) => "scalingo.deployments.list",
        ("POST", ["v1", "apps", _, "deployments"]) => "scalingo.deployments.create",
        ("GET", ["v1", "apps", _, "deployments", _]) => "scalingo.deployments.show",
        ("GET", ["v1", "apps", _, "deployments", _, "output"]) => "scalingo.deployments.output",
        ("DELETE", ["v1", "apps", _, "caches", "deployment"]) => "scalingo.caches.reset",
        ("POST", ["v1", "apps", _, "scm_repo_link", "manual_deploy"]) => "scalingo.deployments.manual",
        ("GET", ["v1", "apps", _, "events"] | ["v1", "events"]) => "scalingo.events.list",
        ("GET", ["apps", _]) => "scalingo.stream",
        _ => "scalingo.other",
    }
}

pub(crate) async fn answer(front: &Arc<Front>, mut incoming: Incoming) -> Response {
    let upgrade = incoming.upgrade.take();
    let segments: Vec<&str> = incoming.segments.iter().map(String::as_str).collect();
    let get = incoming.method == Method::GET;
    match segments.as_slice() {
        ["v1", "tokens", "exchange"] if incoming.method == Method::POST => return token::exchange(front, &incoming),
        ["v1", "regions"] if get => return regions(&incoming),
        ["apps", name] if get => return stream::accept(front, &incoming, upgrade, name),
        _ => {}
    }
    let ["v1", path @ ..] = segments.as_slice() else {
        return error::not_found("route");
    };
    if !incoming.bearer().is_some_and(|bearer| token::is_valid(front, bearer)) {
        return error::unauthorized();
    }
    let quirks = front.world.quirks();
    let remaining = front
        .rate_limit
        .take(front.world.now(), MINUTE_S, quirks.scalingo_requests_per_minute);
    if remaining.is_none() && quirks.rate_limits {
        return error::throttled();
    }
    routed(front, &incoming, path)
}

fn regions(incoming: &Incoming) -> Response {
    let here = format!("http://{}", incoming.authority);
    Json(json!({ "regions": [{
        "name": "osc-fr1", "display_name": "Outscale, Paris (France)", "api": here,
        "dashboard": "https://dashboard.scalingo.com", "database_api": here, "ssh": "ssh.osc-fr1.scalingo.com:22",
        "default": true,
    }]}))
    .into_response()
}

fn routed(front: &Front, incoming: &Incoming, path: &[&str]) -> Response {
    let authority = incoming.authority.as_str();
    let mut state = front.world.state();
    let changed = {
        let seed = state.seed();
        let (name, rest) = match path {
            ["events"] if incoming.method == Method::GET => return own_events(&state, incoming),
            ["apps"] if incoming.method == Method::GET => {
                let apps = state
                    .of_provider(Provider::Scalingo)
                    .map(|app| payload::app(&state, app, authority));
                return Json(json!({ "apps": apps.collect::<Vec<_>>() })).into_response();
            }
            ["apps", name, rest @ ..] => (*name, rest),
            _ => return error::not_found("route"),
        };
        let Some(application) = state.application(Provider::Scalingo, name).cloned() else {
            return error::not_found("app");
        };
        match (incoming.method.as_str(), rest) {
            ("GET", []) => {
                return Json(json!({ "app": payload::app(&state, &application, authority) })).into_response();
            }
            ("GET", ["deployments"]) => {
                let (page, per_page) = page(incoming);
                let total = state.count(application.index);
                let seen = state.deployments(&application, (page - 1).saturating_mul(per_page), per_page);
                let items: Vec<Value> = seen
                    .iter()
                    .map(|d| payload::deployment(seed, &application, d, authority))
                    .collect();
                let meta = payload::meta(page, per_page, total);
                return Json(json!({ "deployments": items, "meta": meta })).into_response();
            }
            ("GET", ["deployments", id]) => {
                let Some(seen) = state.deployment_by_uuid(&application, id) else {
                    return error::not_found("deployment");
                };
                let deployment = payload::deployment(seed, &application, &seen, authority);
                return Json(json!({ "deployment": deployment })).into_response();
            }
            // Official clients ask for JSON here and get text all the same.
            ("GET", ["deployments", id, "output"]) => {
                let Some(seen) = state.deployment_by_uuid(&application, id) else {
                    return error::not_found("deployment");
                };
                let mut text = state.output(&application, &seen.record).join("\n");
                if !text.is_empty() {
                    text.push('\n');
                }
                return ([(header::CONTENT_TYPE, "text/plain; charset=utf-8")], text).into_response();
            }
            ("GET", ["events"]) => return app_events(&state, &application, incoming),
            ("DELETE", ["caches", "deployment"]) => return StatusCode::NO_CONTENT.into_response(),
            ("POST", ["deployments"]) => create(&mut state, &application, incoming),
            ("POST", ["scm_repo_link", ..]) if !front.world.quirks().scalingo_repository_links => {
                return error::not_found("scm_repo_link");
            }
            ("POST", ["scm_repo_link", "manual_deploy"]) => manual_deploy(&mut state, &application, incoming),
            _ => return error::not_found("route"),
        }
    };
    front.world.write_ahead(&state);
    changed
}

/// `page` and `per_page`; what is no number counts as absent, what is too much is cut.
fn page(incoming: &Incoming) -> (usize, usize) {
    let number = |name, default| {
        incoming
            .query(name)
            .and_then(|text| text.parse().ok())
            .unwrap_or(default)
    };
    (
        number("page", 1).max(1),
        number("per_page", PER_PAGE).clamp(1, PER_PAGE_MAX),
    )
}

fn start(state: &mut State, application: &Application, incoming: &Incoming, start: Start) -> Option<Value> {
    let number = state.start(application.index, start).number;
    let seen = state.deployment(application, number)?;
    Some(json!({ "deployment": payload::deployment(state.seed(), application, &seen, &incoming.authority) }))
}

fn create(state: &mut State, application: &Application, incoming: &Incoming) -> Response {
    let Ok(body) = serde_json::from_slice::<Value>(&incoming.body) else {
        return error::of_text(StatusCode::BAD_REQUEST, "invalid JSON body");
    };
    let Some(wanted) = body.get("deployment").and_then(Value::as_object) else {
        return error::of_text(StatusCode::BAD_REQUEST, "missing parameter: deployment");
    };
    let text = |name: &str| wanted.get(name).and_then(Value::as_str).filter(|text| !text.is_empty());
    let (git_ref, source_url) = (text("git_ref"), text("source_url"));
    // A reference becomes a Docker tag, which must not begin with a dash.
    if git_ref.is_some_and(|git_ref| git_ref.starts_with('-') || git_ref.contains(char::is_whitespace)) {
        return error::invalid("git_ref", "is invalid");
    }
    if git_ref.is_none() && source_url.is_none() {
        return error::invalid("source_url", "can't be blank");
    }
    let (git_ref, source_url) = (git_ref.map(str::to_owned), source_url.map(str::to_owned));
    let wanted = Start {
        git_ref,
        source_url,
        by_api: true,
        ..Start::default()
    };
    match start(state, application, incoming, wanted) {
        Some(body) => (StatusCode::CREATED, Json(body)).into_response(),
        None => error::of_status(StatusCode::INTERNAL_SERVER_ERROR),
    }
}

fn manual_deploy(state: &mut State, application: &Application, incoming: &Incoming) -> Response {
    let body: Value = serde_json::from_slice(&incoming.body).unwrap_or_default();
    let Some(branch) = body
        .get("branch")
        .and_then(Value::as_str)
        .filter(|branch| !branch.is_empty())
    else {
        return error::invalid("branch", "can't be blank");
    };
    let wanted = Start {
        git_ref: Some(branch.to_owned()),
        by_api: true,
        ..Start::default()
    };
    match start(state, application, incoming, wanted) {
        Some(body) => Json(body).into_response(),
        None => error::of_status(StatusCode::INTERNAL_SERVER_ERROR),
    }
}

/// Events newest first: `from` (hours, 1 to 72) wins over paging.
fn events(incoming: &Incoming, now: time::OffsetDateTime, mut all: Vec<(time::OffsetDateTime, Value)>) -> Response {
    all.sort_by_key(|(at, _)| std::cmp::Reverse(*at));
    let from = incoming.query("from").and_then(|hours| hours.parse::<i64>().ok());
    let (page, per_page, all) = match from {
        Some(hours) => {
            let oldest = now - Duration::hours(hours.clamp(1, 72));
            all.retain(|(at, _)| *at >= oldest);
            (1, all.len().max(1), all)
        }
        None => {
            let (page, per_page) = page(incoming);
            (page, per_page, all)
        }
    };
    let total = all.len();
    let on_page = all.into_iter().skip((page - 1).saturating_mul(per_page)).take(per_page);
    let events: Vec<Value> = on_page.map(|(_, event)| event).collect();
    Json(json!({ "events": events, "meta": payload::meta(page, per_page, total) })).into_response()
}

fn app_events(state: &State, application: &Application, incoming: &Incoming) -> Response {
    let all = state.deployments(application, 0, usize::MAX);
    let of = |seen: &_| payload::event(state.seed(), application, seen);
    events(
        incoming,
        state.now,
        all.iter().map(|seen| (seen.record.created_at, of(seen))).collect(),
    )
}

/// What the token's user did, since the world began.
fn own_events(state: &State, incoming: &Incoming) -> Response {
    let mut all = Vec::new();
    for application in state.of_provider(Provider::Scalingo) {
        let present = state.records.get(&application.index).map_or(0, Vec::len);
        for seen in state.deployments(application, 0, present) {
            if seen.record.user == 0 {
                all.push((seen.record.created_at, payload::event(state.seed(), application, &seen)));
            }
        }
    }
    events(incoming, state.now, all)
}
