//! The JSON of Scalingo: app, deployment, event, pagination.

use serde_json::{Value, json};

use super::token::user_id;
use crate::dice::Dice;
use crate::time_format::{millis_offset, millis_z};
use crate::world::Phase;
use crate::world::application::{Application, USERS};
use crate::world::deployment::Record;
use crate::world::state::{Deployment, State};

/// `meta.pagination`, with both names of the previous page: the documented and the recorded one.
pub(crate) fn meta(page: usize, per_page: usize, total: usize) -> Value {
    let pages = total.div_ceil(per_page).max(1);
    let previous = (page > 1).then(|| page - 1);
    let next = (page < pages).then_some(page + 1);
    json!({ "pagination": {
        "current_page": page, "prev_page": previous, "previous_page": previous, "next_page": next,
        "total_pages": pages, "total_count": total, "per_page": per_page,
    }})
}

fn user(seed: u64, user: usize) -> Value {
    json!({ "username": USERS[user].username, "email": USERS[user].email, "id": user_id(seed, user) })
}

/// Whole seconds from start to finish; 0 while it runs.
fn duration(seen: &Deployment) -> i64 {
    match (seen.progress.started_at, seen.progress.finished_at) {
        (Some(started), Some(finished)) => (finished - started).whole_seconds(),
        _ => 0,
    }
}

fn git_ref(seed: u64, record: &Record) -> String {
    record.git_ref.clone().unwrap_or_else(|| record.sha(seed))
}

fn deployment_type(record: &Record) -> &'static str {
    if record.source_url.is_some() { "archive" } else { "git" }
}

/// One deployment, with its two styles of time.
pub(crate) fn deployment(seed: u64, application: &Application, seen: &Deployment, authority: &str) -> Value {
    let record = &seen.record;
    let uuid = record.uuid(seed);
    let built = matches!(
        seen.progress.phase,
        Phase::Success | Phase::CrashedError | Phase::TimeoutError
    );
    let size = Dice::new(seed, "image size", record.number).between(80 << 20, 900 << 20);
    let output = format!(
        "http://{authority}/v1/apps/{}/deployments/{uuid}/output",
        application.id
    );
    json!({
        "id": uuid,
        "app_id": application.id,
        "created_at": millis_z(record.created_at),
        "finished_at": seen.progress.finished_at.map(millis_offset),
        "status": seen.progress.phase.scalingo_status(),
        "git_ref": git_ref(seed, record),
        "previous_git_ref": seen.previous_sha,
        "type": deployment_type(record),
        "image": built.then(|| format!("{}:{}", application.name, &uuid[..8])),
        "registry": "registry.harbour.example",
        "image_size": built.then_some(size),
        "stack_base_image": "scalingo/scalingo-22:v12",
        "postdeploy_hook": null,
        "duration": duration(seen),
        "pusher": user(seed, record.user),
        "links": { "output": output },
    })
}

/// One app. `last_deployment_id` is the other kind of id, of the newest success; `last_deployed_at` the last attempt.
pub(crate) fn app(state: &State, application: &Application, authority: &str) -> Value {
    let seed = state.seed();
    let name = &application.name;
    let mut dice = Dice::new(seed, "app", application.index as u64);
    let created = state.history.origin.began_at - time::Duration::days(dice.between(400, 900) as i64);
    let newest = state.nth_newest(application, 0);
    let live = state.live(application);
    let crashed = newest
        .as_ref()
        .is_some_and(|record| record.progress(seed, state.now).phase == Phase::CrashedError && live.is_none());
    let status = match (&newest, &live) {
        (None, _) => "new",
        _ if crashed => "crashed",
        (_, Some(_)) => "running",
        _ => "new",
    };
    let base = format!("http://{authority}/v1/apps/{name}");
    json!({
        "id": application.id,
        "name": name,
        "created_at": millis_offset(created),
        "updated_at": millis_offset(newest.as_ref().map_or(created, |record| record.created_at)),
        "status": status,
        "git_url": format!("git@ssh.osc-fr1.scalingo.com:{name}.git"),
        "git_source": application.repository.as_ref().map(|repository| format!("https://github.com/{repository}")),
        "url": format!("https://{name}.osc-fr1.scalingo.io"),
        "base_url": format!("https://{name}.osc-fr1.scalingo.io"),
        "owner": user(seed, 0),
        "region": "osc-fr1",
        "stack_id": "st-6e0ad6c1-1a5e-4c5e-8f35-2a0d6f0b3c11",
        "force_https": true,
        "sticky_session": false,
        "router_logs": true,
        "last_deployed_at": newest.as_ref().map(|record| millis_offset(record.created_at)),
        "last_deployed_by": newest.as_ref().map(|record| USERS[record.user].username),
        "last_deployment_id": live.as_ref().map(|record| record.object_id(seed)),
        "links": {
            "self": base,
            "deployments_stream": format!("ws://{authority}/apps/{name}"),
        },
    })
}

/// The event of a deployment. `deployment_id` is the 24-digit id, `deployment_uuid` the one of the API.
pub(crate) fn event(seed: u64, application: &Application, seen: &Deployment) -> Value {
    let record = &seen.record;
    let git_ref = git_ref(seed, record);
    let repository = application.repository.as_deref().unwrap_or("harbour-example/app");
    json!({
        "id": Dice::new(seed, "event", record.number).hex(24),
        "created_at": millis_z(record.created_at),
        "user": user(seed, record.user),
        "app_id": application.id,
        "app_name": application.name,
        "type": "deployment",
        "type_data": {
            "deployment_id": record.object_id(seed),
            "deployment_uuid": record.uuid(seed),
            "deployment_type": "deployment",
            "pusher": USERS[record.user].username,
            "git_ref_url": format!("https://github.com/{repository}/commit/{git_ref}"),
            "git_ref": git_ref,
            "status": seen.progress.phase.scalingo_status(),
            "duration": duration(seen),
            "stack": "scalingo-22",
            "finished_at": seen.progress.finished_at.map(millis_offset),
            "last_commits": [],
        },
    })
}

/// The status that nobody has heard of, for the fault `unknown_status`.
pub(crate) const UNKNOWN_STATUS: &str = "teleporting";

/// For the fault `unknown_status`.
pub(crate) fn make_status_unknown(body: &mut Value) {
    let change = |object: &mut Value| {
        if let Some(status) = object.get_mut("status") {
            *status = json!(UNKNOWN_STATUS);
        }
    };
    for name in ["deployments", "apps"] {
        if let Some(Value::Array(items)) = body.get_mut(name) {
            items.iter_mut().for_each(change);
        }
    }
    for name in ["deployment", "app"] {
        if let Some(object) = body.get_mut(name) {
            change(object);
        }
    }
}
