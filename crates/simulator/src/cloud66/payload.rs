//! The JSON of Cloud 66: envelope, stack, deployment, action.

use serde_json::{Value, json};

use crate::dice::Dice;
use crate::quirks::CodeStyle;
use crate::time_format::{iso_offset, iso_seconds, spaced_utc};
use crate::world::Phase;
use crate::world::action::Action;
use crate::world::application::{Application, USERS};
use crate::world::deployment::{Kind, Via};
use crate::world::state::{Deployment, State};

/// Objects on one page; clients cannot change it.
pub(crate) const PER_PAGE: usize = 30;

/// A page in its envelope. `count` outside is the number on this page, inside the total.
pub(crate) fn list(items: Vec<Value>, page: usize, total: usize) -> Value {
    let pages = total.div_ceil(PER_PAGE).max(1);
    let previous = (page > 1).then(|| page - 1);
    let next = (page < pages).then_some(page + 1);
    json!({
        "count": items.len(),
        "response": items,
        "pagination": {
            "previous": previous, "next": next, "current": page, "per_page": PER_PAGE, "count": total, "pages": pages,
        },
    })
}

fn enumeration(style: CodeStyle, code: u8, word: &str, title: &str) -> Value {
    match style {
        CodeStyle::Integer => json!({ "code": code, "meaning": word }),
        CodeStyle::Text => json!({ "code": word, "meaning": title }),
    }
}

fn outcome(style: CodeStyle, phase: Phase) -> Value {
    match phase {
        Phase::Success => enumeration(style, 1, "success", "Successful"),
        phase if phase.is_finished() => enumeration(style, 2, "failed", "Failed"),
        _ => enumeration(style, 0, "pending", "Pending"),
    }
}

/// One deployment. Codes other than web, success and build are guesses in the order of the documented lists.
pub(crate) fn deployment(state: &State, application: &Application, seen: &Deployment, style: CodeStyle) -> Value {
    let record = &seen.record;
    let phase = seen.progress.phase;
    let git_hash = application.repository.as_ref().map(|_| record.sha(state.seed()));
    let commit_url = application
        .repository
        .as_ref()
        .map(|repository| format!("https://github.com/{repository}/commit/{}", record.sha(state.seed())));
    let (triggered_via, triggered_by) = match record.via {
        Via::Web => (
            enumeration(style, 0, "web", "Web Interface"),
            Some(USERS[record.user].email),
        ),
        Via::Api => (enumeration(style, 1, "api", "API"), Some(USERS[record.user].email)),
        Via::Hook => (enumeration(style, 2, "hook", "Redeployment Hook"), None),
    };
    let deploy_type = match record.kind {
        Kind::Build => enumeration(style, 0, "build", "Build"),
        Kind::Redeploy => enumeration(style, 1, "redeploy", "Redeploy"),
        Kind::FirstBuild => enumeration(style, 3, "first_build", "First Build"),
    };
    json!({
        "id": record.cloud66_id(),
        "triggered_by": triggered_by,
        "triggered_via": triggered_via,
        "started_at": seen.progress.started_at.map(iso_seconds),
        "finished_at": seen.progress.finished_at.map(iso_seconds),
        "outcome": outcome(style, phase),
        "git_hash": git_hash,
        "deploy_session": Dice::new(state.seed(), "deploy session", record.number).word(10),
        "deploy_type": deploy_type,
        "is_head": seen.is_head,
        "is_live": seen.is_live,
        "reverted": null,
        "reverted_by": null,
        "reverted_at": null,
        "is_deploying": !matches!(phase, Phase::Queued) && !phase.is_finished(),
        "commit_url": commit_url,
        "git_ref": record.git_ref.clone().or_else(|| application.repository.as_ref().map(|_| application.branch.clone())),
    })
}

/// Status and health codes of a stack.
pub(crate) fn stack_state(state: &State, application: &Application) -> (u8, u8) {
    let newest = state
        .nth_newest(application, 0)
        .map(|record| record.progress(state.seed(), state.now).phase);
    let running = state.is_running(application.index);
    match newest {
        _ if running => (6, if state.live(application).is_some() { 3 } else { 1 }),
        None => (4, 0),
        Some(Phase::Success) => (1, 3),
        Some(phase) if !phase.is_finished() => (5, 3),
        Some(Phase::CrashedError | Phase::TimeoutError) => (2, 4),
        Some(_) => (2, if state.live(application).is_some() { 3 } else { 2 }),
    }
}

/// One stack. Times come in three forms, as in the samples.
pub(crate) fn stack(state: &State, application: &Application) -> Value {
    let seed = state.seed();
    let mut dice = Dice::new(seed, "stack", application.index as u64);
    let (status, health) = stack_state(state, application);
    let newest = state.nth_newest(application, 0).map(|record| {
        let progress = record.progress(seed, state.now);
        progress
            .finished_at
            .or(progress.started_at)
            .unwrap_or(record.created_at)
    });
    let created = state.history.origin.began_at - time::Duration::days(dice.between(400, 900) as i64);
    let updated = newest.unwrap_or(created);
    let git = application
        .repository
        .as_ref()
        .map(|repository| format!("git@github.com:{repository}.git"));
    let docker = git.is_none();
    let (name, environment) = (&application.name, &application.environment);
    json!({
        "uid": application.id,
        "name": name,
        "git": git,
        "git_branch": git.as_ref().map(|_| &application.branch),
        "environment": environment,
        "cloud": dice.pick(&["DigitalOcean", "AWS", "Hetzner", "registered"]),
        "fqdn": format!("{name}-{environment}.c66.harbour.example"),
        "language": if docker { "docker" } else { "ruby" },
        "framework": if docker { "docker" } else { "rails" },
        "status": status,
        "health": health,
        "last_activity": newest.map(spaced_utc),
        "last_activity_iso": newest.map(iso_offset),
        "maintenance_mode": false,
        "has_loadbalancer": dice.percent(40),
        "created_at": spaced_utc(created),
        "updated_at": spaced_utc(updated),
        "created_at_iso": iso_seconds(created),
        "updated_at_iso": iso_offset(updated),
        "deploy_directory": "/var/deploy/harbour",
        "cloud_status": if status == 6 { "partial" } else { "fully_provisioned" },
        "redeploy_hook": format!("https://hooks.cloud66.com/stacks/redeploy/{}/{}", dice.hex(32), dice.hex(32)),
        "backend": if docker { "kubernetes" } else { "classic" },
        "version": "3",
        "revision": "0001",
        "namespaces": [],
        "account_id": 1,
        "account_name": "Harbour",
        "is_busy": state.is_busy(application.index),
        "is_cluster": false,
        "is_inside_cluster": false,
        "cluster_name": "",
        "application_address": null,
        "configstore_namespace": application.id,
        "considerations": { "warnings": [], "notices": [] },
    })
}

/// One asynchronous action. `finished_success` is never null once `finished_at` is set.
pub(crate) fn action(state: &State, application: &Application, action: &Action) -> Value {
    let deployment = action
        .deployment
        .and_then(|number| state.deployment(application, number));
    let finished_at = match &deployment {
        Some(deployment) => deployment.progress.finished_at,
        None => action.finishes_at.filter(|at| *at <= state.now),
    };
    let success = deployment.is_none_or(|deployment| deployment.progress.phase == Phase::Success);
    json!({
        "id": action.id,
        "user": USERS[0].email,
        "resource_type": "stack",
        "action": if action.deployment.is_some() { "application_deployment" } else { action.command.as_str() },
        "resource_id": (1_000 + application.index).to_string(),
        "started_via": "api",
        "started_at": iso_seconds(action.started_at),
        "finished_at": finished_at.map(iso_seconds),
        "finished_success": finished_at.map(|_| success),
        "finished_message": finished_at.map(|_| if success { "Completed successfully" } else { "Failed" }),
        "finished_result": null,
        "metadata": { "user_reference": action.user_reference },
    })
}

/// For the fault `unknown_status`: outcomes and stack states that nobody has heard of.
pub(crate) fn make_status_unknown(body: &mut Value) {
    fn change(object: &mut Value) {
        if let Some(outcome) = object.get_mut("outcome") {
            *outcome = json!({ "code": 99, "meaning": "teleported" });
        }
        if let Some(status) = object.get_mut("status") {
            *status = json!(99);
        }
    }
    match body.get_mut("response") {
        Some(Value::Array(items)) => items.iter_mut().for_each(change),
        Some(object) => change(object),
        None => {}
    }
}
