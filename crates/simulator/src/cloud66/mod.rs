//! The Cloud 66 API, version 3, as clients really meet it.

pub(crate) mod error;
pub(crate) mod payload;

use std::sync::Arc;

use axum::Json;
use axum::http::{HeaderValue, Method, StatusCode, header};
use axum::response::{IntoResponse, Response};
use serde_json::{Value, json};

use crate::front::{Front, Incoming, pairs};
use crate::world::application::Application;
use crate::world::state::State;
use crate::world::{Provider, Start};

const HOUR_S: i64 = 3_600;

pub(crate) fn route_kind(method: &Method, segments: &[&str]) -> &'static str {
    match (method.as_str(), segments) {
        ("GET", ["api", "3", "stacks"]) => "cloud66.stacks.list",
        ("GET", ["api", "3", "stacks", _]) => "cloud66.stacks.show",
        ("GET", ["api", "3", "stacks", _, "deployments"]) => "cloud66.deployments.list",
        ("POST", ["api", "3", "stacks", _, "deployments"]) => "cloud66.deployments.redeploy",
        ("GET", ["api", "3", "stacks", _, "deployments", _]) => "cloud66.deployments.show",
        ("DELETE", ["api", "3", "stacks", _, "deployments", _]) => "cloud66.deployments.cancel",
        ("GET", ["api", "3", "stacks", _, "actions"]) => "cloud66.actions.list",
        ("POST", ["api", "3", "stacks", _, "actions"]) => "cloud66.actions.run",
        ("GET", ["api", "3", "stacks", _, "actions", _]) => "cloud66.actions.show",
        _ => "cloud66.other",
    }
}

pub(crate) async fn answer(front: &Arc<Front>, incoming: Incoming) -> Response {
    let segments: Vec<&str> = incoming.segments.iter().map(String::as_str).collect();
    let ["api", "3", path @ ..] = segments.as_slice() else {
        return error::not_found();
    };
    if incoming.bearer() != Some(front.token.as_str()) {
        return error::unauthenticated();
    }
    let quirks = front.world.quirks();
    let limit = quirks.cloud66_requests_per_hour;
    let remaining = front.rate_limit.take(front.world.now(), HOUR_S, limit);
    let mut response = match remaining {
        None if quirks.rate_limits => error::throttled(),
        _ => {
            let scope = if incoming.method == Method::GET {
                "public"
            } else {
                "redeploy"
            };
            if quirks
                .cloud66_scopes
                .iter()
                .any(|have| have == scope || have == "admin")
            {
                routed(front, &incoming, path)
            } else {
                error::forbidden(scope)
            }
        }
    };
    let headers = response.headers_mut();
    headers.insert("x-ratelimit-limit", HeaderValue::from(limit));
    headers.insert("x-ratelimit-remaining", HeaderValue::from(remaining.unwrap_or(0)));
    response
}

fn routed(front: &Front, incoming: &Incoming, path: &[&str]) -> Response {
    let style = front.world.quirks().cloud66_code_style;
    if let ["stacks"] = path {
        return if incoming.method == Method::GET {
            stacks(front, incoming)
        } else {
            error::not_found()
        };
    }
    let ["stacks", uid, rest @ ..] = path else {
        return error::not_found();
    };
    let mut state = front.world.state();
    let changed = {
        let Some(application) = state.application(Provider::Cloud66, uid).cloned() else {
            return error::not_found();
        };
        match (incoming.method.as_str(), rest) {
            ("GET", []) => return single(payload::stack(&state, &application)),
            ("GET", ["deployments"]) => {
                let Some(page) = page(incoming) else { return bad_page() };
                let total = state.count(application.index);
                let seen = state.deployments(&application, (page - 1) * payload::PER_PAGE, payload::PER_PAGE);
                let items = seen
                    .iter()
                    .map(|d| payload::deployment(&state, &application, d, style))
                    .collect();
                return Json(payload::list(items, page, total)).into_response();
            }
            ("GET", ["deployments", id]) => {
                let found = id
                    .parse()
                    .ok()
                    .and_then(|id| state.deployment_by_integer(&application, id));
                return found.map_or_else(error::not_found, |deployment| {
                    single(payload::deployment(&state, &application, &deployment, style))
                });
            }
            ("GET", ["actions"]) => return actions(&state, &application, incoming),
            ("GET", ["actions", id]) => {
                let actions = state.actions.get(&application.index);
                let found = actions.and_then(|all| all.iter().find(|action| action.id.to_string() == **id));
                return found.map_or_else(error::not_found, |action| {
                    single(payload::action(&state, &application, action))
                });
            }
            ("POST", ["deployments"]) => redeploy(&mut state, &application, incoming),
            ("POST", ["actions"]) => run_action(&mut state, &application, incoming),
            ("DELETE", ["deployments", id]) => {
                let found = id
                    .parse()
                    .ok()
                    .and_then(|id| state.deployment_by_integer(&application, id));
                let Some(deployment) = found else {
                    return error::not_found();
                };
                if !state.cancel(application.index, deployment.record.number) {
                    return error::error(StatusCode::CONFLICT, "conflict", "The deployment has already finished");
                }
                single(json!({ "ok": true, "message": "Cancelling deployment" }))
            }
            _ => return error::not_found(),
        }
    };
    front.world.write_ahead(&state);
    changed
}

fn single(value: Value) -> Response {
    Json(json!({ "response": value })).into_response()
}

/// `page`, 1 when absent; None when it is no positive number.
fn page(incoming: &Incoming) -> Option<usize> {
    match incoming.query("page") {
        None | Some("") => Some(1),
        Some(text) => text.parse().ok().filter(|page| (1..=1_000_000).contains(page)),
    }
}

fn bad_page() -> Response {
    error::error(
        StatusCode::BAD_REQUEST,
        "bad_request",
        "page must be a positive integer",
    )
}

fn stacks(front: &Front, incoming: &Incoming) -> Response {
    let Some(page) = page(incoming) else { return bad_page() };
    let state = front.world.state();
    let wanted = |filter: &str, value: Option<&str>| match incoming.query(filter) {
        None | Some("") => true,
        Some(wanted) => value.is_some_and(|value| value.eq_ignore_ascii_case(wanted)),
    };
    let matching: Vec<&Application> = state
        .of_provider(Provider::Cloud66)
        .filter(|application| {
            let git = application
                .repository
                .as_ref()
                .map(|repository| format!("git@github.com:{repository}.git"));
            wanted("filter_name", Some(&application.name))
                && wanted("filter_environment", Some(&application.environment))
                && wanted("filter_git_repo", git.as_deref())
                && wanted("filter_git_branch", git.as_ref().map(|_| application.branch.as_str()))
        })
        .collect();
    let on_page = matching
        .iter()
        .skip((page - 1) * payload::PER_PAGE)
        .take(payload::PER_PAGE);
    let items = on_page.map(|application| payload::stack(&state, application)).collect();
    Json(payload::list(items, page, matching.len())).into_response()
}

fn actions(state: &State, application: &Application, incoming: &Incoming) -> Response {
    let Some(page) = page(incoming) else { return bad_page() };
    let all = state.actions.get(&application.index).map_or(&[][..], Vec::as_slice);
    let wanted = incoming.query("user_reference");
    let matching: Vec<_> = all
        .iter()
        .rev()
        .filter(|action| wanted.is_none() || action.user_reference.as_deref() == wanted)
        .collect();
    let on_page = matching
        .iter()
        .skip((page - 1) * payload::PER_PAGE)
        .take(payload::PER_PAGE);
    let items = on_page
        .map(|action| payload::action(state, application, action))
        .collect();
    Json(payload::list(items, page, matching.len())).into_response()
}

/// Parameters from the query string, a JSON body (with or without its content type) or a form.
fn parameters(incoming: &Incoming) -> Option<Vec<(String, String)>> {
    let mut parameters = incoming.query.clone();
    let text = incoming.body.trim_ascii();
    let form = incoming
        .header(header::CONTENT_TYPE)
        .is_some_and(|content_type| content_type.starts_with("application/x-www-form-urlencoded"));
    if text.first() == Some(&b'{') {
        let Ok(Value::Object(fields)) = serde_json::from_slice(text) else {
            return None;
        };
        for (name, value) in fields {
            let text = match value {
                Value::String(text) => text,
                Value::Array(items) => items.iter().filter_map(Value::as_str).collect::<Vec<_>>().join(","),
                Value::Null => continue,
                other => other.to_string(),
            };
            parameters.push((name, text));
        }
    } else if form {
        parameters.extend(pairs(text));
    } else if !text.is_empty() {
        return None;
    }
    parameters.retain(|(_, value)| !value.is_empty());
    Some(parameters)
}

fn named(parameters: &[(String, String)], name: &str) -> Option<String> {
    parameters
        .iter()
        .find(|(key, _)| key == name)
        .map(|(_, value)| value.clone())
}

fn bad_body() -> Response {
    error::error(
        StatusCode::BAD_REQUEST,
        "bad_request",
        "The request body could not be read",
    )
}

fn redeploy(state: &mut State, application: &Application, incoming: &Incoming) -> Response {
    let Some(parameters) = parameters(incoming) else {
        return bad_body();
    };
    let user_reference = named(&parameters, "user_reference");
    if user_reference
        .as_ref()
        .is_some_and(|reference| reference.chars().count() > 255)
    {
        return error::error(
            StatusCode::BAD_REQUEST,
            "bad_request",
            "user_reference is longer than 255 characters",
        );
    }
    let queued = state.is_busy(application.index);
    let start = Start {
        git_ref: named(&parameters, "git_ref"),
        by_api: true,
        action: Some(user_reference),
        ..Start::default()
    };
    let record = state.start(application.index, start);
    single(json!({
        "ok": true,
        "message": "Stack queued for redeployment",
        "queued": queued,
        "async_action_id": record.action_id,
    }))
}

fn run_action(state: &mut State, application: &Application, incoming: &Incoming) -> Response {
    let Some(parameters) = parameters(incoming) else {
        return bad_body();
    };
    let Some(command) = named(&parameters, "command") else {
        return error::error(StatusCode::BAD_REQUEST, "bad_request", "command is missing");
    };
    let finishes_at = state.now + state.scaled(4_000);
    let action = state.run_command(
        application.index,
        command,
        named(&parameters, "user_reference"),
        finishes_at,
    );
    single(payload::action(state, application, &action))
}
