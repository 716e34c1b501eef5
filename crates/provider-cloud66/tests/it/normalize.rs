//! Payloads to observations: the documented samples whole, then hostile ones.

use serde_json::{Value, json};
use slipway_core::deployment::{Actor, DeploymentDetails, Git, Trigger};
use slipway_core::{ApplicationObservation, Authority, DeploymentObservation, State, Status};
use slipway_provider_cloud66::normalize;
use slipway_provider_http::Url;
use time::macros::datetime;

const STACK: &str = "5999b763474b0eafa5fafb64bff0ba80";

fn fixture(name: &str) -> Value {
    let path = format!("{}/tests/fixtures/{name}.json", env!("CARGO_MANIFEST_DIR"));
    serde_json::from_str(&std::fs::read_to_string(path).unwrap()).unwrap()
}

fn deployment(payload: Value) -> Option<DeploymentObservation> {
    let dashboard = Url::parse("https://app.cloud66.com").unwrap();
    normalize::deployment(payload, STACK, &dashboard, Authority::Rest)
}

fn application(payload: Value) -> Option<ApplicationObservation> {
    normalize::application(payload, &Url::parse("https://app.cloud66.com").unwrap())
}

fn text(text: &str) -> Option<String> {
    Some(text.to_owned())
}

#[test]
fn the_documented_deployment_is_read_whole() {
    let payload = fixture("deployment")["response"].take();
    let expected = DeploymentObservation {
        provider_deployment_id: "107".to_owned(),
        state: State {
            provider_status: text("1:success"),
            ..State::new(Status::Succeeded, Authority::Rest)
        },
        finished_at: Some(datetime!(2014-08-29 17:58:23 UTC)),
        details: DeploymentDetails {
            provider_url: text("https://app.cloud66.com/stacks/5999b763474b0eafa5fafb64bff0ba80/deployments/107"),
            kind: text("build"),
            trigger: Trigger {
                kind: text("web"),
                provider_value: text("0:web"),
            },
            actor: Actor {
                email: text("test@cloud66.com"),
                ..Actor::default()
            },
            git: Git {
                sha: text("5675fcd8f9e6dc534ecf1410c0661c066097e310"),
                commit_url: text(
                    "https://github.com/cloud66-samples/rails-test/commit/5675fcd8f9e6dc534ecf1410c0661c066097e310",
                ),
                ..Git::default()
            },
            is_live: Some(true),
            started_at: Some(datetime!(2014-08-29 17:46:16 UTC)),
            ..DeploymentDetails::default()
        },
        raw: Some(payload.clone()),
        unmapped_status: None,
    };
    assert_eq!(deployment(payload), Some(expected.clone()));
    assert_eq!(
        deployment(fixture("deployment_list")["response"][0].take()),
        Some(expected)
    );
}

#[test]
fn the_answers_of_writes_are_no_deployments() {
    for name in ["redeploy", "cancel"] {
        assert_eq!(deployment(fixture(name)["response"].take()), None);
    }
}

#[test]
fn every_rule_of_the_status_table_holds() {
    let ended = "2014-08-29T17:58:23Z";
    for (payload, status, is_finished, native, unmapped) in [
        (json!({}), Status::Queued, false, None, None),
        (
            json!({"started_at": null, "finished_at": null, "is_deploying": false}),
            Status::Queued,
            false,
            None,
            None,
        ),
        (
            json!({"outcome": {"code": 0, "meaning": "pending"}}),
            Status::Queued,
            false,
            Some("0:pending"),
            None,
        ),
        (json!({"is_deploying": true}), Status::InProgress, false, None, None),
        (json!({"is_deploying": "true"}), Status::InProgress, false, None, None),
        (json!({"started_at": ended}), Status::InProgress, false, None, None),
        (
            json!({"started_at": ended, "outcome": {"code": 0, "meaning": "pending"}}),
            Status::InProgress,
            false,
            Some("0:pending"),
            None,
        ),
        (
            json!({"finished_at": ended, "outcome": {"code": 2, "meaning": "failed"}}),
            Status::Failed,
            true,
            Some("2:failed"),
            None,
        ),
        (
            json!({"finished_at": ended, "outcome": {"code": 9, "meaning": "Build ERROR"}}),
            Status::Failed,
            true,
            Some("9:Build ERROR"),
            None,
        ),
        (
            json!({"finished_at": ended, "outcome": {"code": "x", "meaning": "Unsuccessful"}}),
            Status::Failed,
            true,
            Some("x:Unsuccessful"),
            None,
        ),
        (
            json!({"finished_at": ended, "outcome": {"meaning": "Cancelled"}}),
            Status::Canceled,
            true,
            Some("Cancelled"),
            None,
        ),
        (
            json!({"finished_at": ended, "outcome": {"meaning": "aborted by user"}}),
            Status::Canceled,
            true,
            Some("aborted by user"),
            None,
        ),
        (
            json!({"finished_at": ended, "outcome": {"meaning": "stopped"}}),
            Status::Canceled,
            true,
            Some("stopped"),
            None,
        ),
        (
            json!({"finished_at": ended, "outcome": {"code": "success", "meaning": "Successful"}}),
            Status::Succeeded,
            true,
            Some("success:Successful"),
            None,
        ),
        (
            json!({"finished_at": ended, "outcome": {"code": "success"}}),
            Status::Succeeded,
            true,
            Some("success"),
            None,
        ),
        (
            json!({"finished_at": ended, "outcome": "success"}),
            Status::Succeeded,
            true,
            Some("success"),
            None,
        ),
        (
            json!({"finished_at": ended, "outcome": {"code": 0, "meaning": "pending"}}),
            Status::Unknown,
            true,
            Some("0:pending"),
            Some("0:pending"),
        ),
        (
            json!({"finished_at": ended, "outcome": {"code": 7, "meaning": "half a success"}}),
            Status::Unknown,
            true,
            Some("7:half a success"),
            Some("7:half a success"),
        ),
        (
            json!({"finished_at": ended, "outcome": {"code": 1}}),
            Status::Unknown,
            true,
            Some("1"),
            Some("1"),
        ),
        (
            json!({"finished_at": ended, "outcome": 1}),
            Status::Unknown,
            true,
            Some("1"),
            Some("1"),
        ),
        (
            json!({"finished_at": ended, "outcome": null}),
            Status::Unknown,
            true,
            None,
            None,
        ),
        (
            json!({"finished_at": ended, "outcome": [1]}),
            Status::Unknown,
            true,
            None,
            None,
        ),
        (json!({"finished_at": ended}), Status::Unknown, true, None, None),
    ] {
        let mut with_id = payload.clone();
        with_id["id"] = json!(1);
        let seen = deployment(with_id).unwrap();
        let State {
            status: seen_status,
            is_finished: seen_finished,
            provider_status,
            phase,
            failure_reason,
            ..
        } = seen.state;
        assert_eq!((seen_status, seen_finished), (status, is_finished), "{payload}");
        assert_eq!(provider_status.as_deref(), native, "{payload}");
        assert_eq!(seen.unmapped_status.as_deref(), unmapped, "{payload}");
        assert_eq!((phase, failure_reason), (None, None), "{payload}");
    }
}

#[test]
fn a_reverted_deployment_keeps_its_status() {
    let mut payload = fixture("deployment")["response"].take();
    payload["reverted"] = json!(true);
    payload["reverted_at"] = json!("2014-08-30 00:38:14 UTC");
    payload["reverted_by"] = json!("ops@cloud66.com");
    let seen = deployment(payload).unwrap();
    assert_eq!(seen.state.status, Status::Succeeded);
    assert_eq!(seen.details.rolled_back_at, Some(datetime!(2014-08-30 00:38:14 UTC)));
    assert_eq!(seen.details.rolled_back_by.as_deref(), Some("ops@cloud66.com"));
}

#[test]
fn a_running_image_deployment_by_a_hook_has_little_to_say() {
    let seen = deployment(json!({
        "id": 108, "triggered_by": null, "triggered_via": {"code": 2, "meaning": "Redeployment Hook"},
        "started_at": "2014-08-29T17:46:16+02:00", "finished_at": null, "outcome": {"code": 0, "meaning": "pending"},
        "git_hash": null, "git_ref": "feature/x", "commit_url": null, "deploy_type": {"code": 3, "meaning": "first_build"},
        "is_live": false, "is_deploying": true
    }))
    .unwrap();
    assert_eq!(seen.state.status, Status::InProgress);
    assert_eq!(seen.finished_at, None);
    assert_eq!(seen.details.started_at, Some(datetime!(2014-08-29 15:46:16 UTC)));
    assert_eq!(seen.details.trigger.kind.as_deref(), Some("hook"));
    assert_eq!(seen.details.kind.as_deref(), Some("first_build"));
    assert_eq!(seen.details.actor, Actor::default());
    assert_eq!(
        (seen.details.git.sha, seen.details.git.r#ref.as_deref()),
        (None, Some("feature/x"))
    );
    assert_eq!(seen.details.is_live, Some(false));
}

#[test]
fn trigger_words_are_known_in_both_spellings_and_open() {
    for (via, kind) in [
        (json!({"code": "web", "meaning": "Web Interface"}), Some("web")),
        (json!({"code": 1, "meaning": "api"}), Some("api")),
        (json!({"code": 9, "meaning": "Rapid Deploy"}), Some("rapid_deploy")),
        (json!({"code": "hook"}), Some("hook")),
        (json!({"code": 4}), None),
        (json!("API"), Some("api")),
        (json!(null), None),
    ] {
        let seen = deployment(json!({"id": 1, "triggered_via": via})).unwrap();
        assert_eq!(seen.details.trigger.kind.as_deref(), kind);
    }
}

#[test]
fn no_field_of_any_shape_costs_more_than_itself() {
    let whole = fixture("deployment")["response"].take();
    let names: Vec<String> = whole.as_object().unwrap().keys().cloned().collect();
    for name in &names {
        for odd in [
            json!(null),
            json!("x"),
            json!(-1),
            json!(1.5),
            json!(true),
            json!([{}]),
            json!({"code": [], "meaning": {}}),
        ] {
            let mut payload = whole.clone();
            payload[name] = odd.clone();
            let seen = deployment(payload.clone());
            let has_id = name != "id" || odd == json!("x") || odd == json!(-1);
            assert_eq!(seen.is_some(), has_id, "{name} = {odd}");
            payload.as_object_mut().unwrap().remove(name);
            assert_eq!(deployment(payload).is_some(), name != "id", "without {name}");
        }
    }
    for odd in [
        json!(null),
        json!(1),
        json!("x"),
        json!([]),
        json!(["a", "b"]),
        json!({}),
        json!({"id": ""}),
        json!({"id": "x".repeat(300)}),
    ] {
        assert_eq!(deployment(odd.clone()), None);
        assert_eq!(application(odd), None);
    }
}

#[test]
fn an_end_with_a_time_that_nobody_can_read_is_an_end_all_the_same() {
    let seen = deployment(json!({"id": 1, "finished_at": "yesterday", "outcome": {"meaning": "success"}})).unwrap();
    assert_eq!((seen.state.status, seen.finished_at), (Status::Succeeded, None));
}

#[test]
fn raw_holds_no_secret_and_nothing_that_postgresql_refuses() {
    let seen = deployment(json!({
        "id": 1, "git_hash": "a\u{0}b", "redeploy_hook": "https://hooks.cloud66.com/stacks/redeploy/s3cret/s3cret",
        "stack": {"redeploy_hook": "s3cret"}, "commit_url": "https://bot:s3cret@git.example.com/c/1?private_token=s3cret"
    }))
    .unwrap();
    assert_eq!(
        seen.details.git.commit_url.as_deref(),
        Some("https://git.example.com/c/1?private_token=redacted")
    );
    let everything = format!("{seen:?}");
    assert!(
        !everything.contains("s3cret") && !everything.contains("\\0"),
        "{everything}"
    );
    assert!(!seen.raw.unwrap().to_string().contains("redeploy_hook"));
}

fn stack() -> Value {
    json!({
        "uid": STACK, "name": "Awesome App", "git": "https://token:s3cret@github.com/cloud66-samples/awesome.git",
        "git_branch": "fig", "environment": "production", "cloud": "DigitalOcean", "fqdn": "awesome-app.dev.c66.me",
        "language": "ruby", "framework": "rails", "status": 1, "health": 3, "last_activity": "2014-08-14 01:46:53 UTC",
        "last_activity_iso": "2014-08-14T01:46:53Z", "maintenance_mode": false, "has_loadbalancer": false,
        "created_at": "2014-08-14 00:38:14 UTC", "updated_at": "2014-08-14 01:46:52 UTC", "account_name": "acme",
        "redeploy_hook": "http://hooks.cloud66.com/stacks/redeploy/b806f1c3344eb3aa2a024b23254b75b3/6d677352a6b2eefec6e345ee2b491521"
    })
}

#[test]
fn a_stack_is_an_application() {
    let expected = ApplicationObservation {
        provider_application_id: STACK.to_owned(),
        name: "Awesome App".to_owned(),
        environment: text("production"),
        region: None,
        url: text("http://awesome-app.dev.c66.me"),
        provider_url: text("https://app.cloud66.com/stacks/5999b763474b0eafa5fafb64bff0ba80"),
        git_repository: text("https://github.com/cloud66-samples/awesome.git"),
        git_branch: text("fig"),
        provider_status: text("1:deployed successfully"),
        health: text("3:healthy"),
        owner: text("acme"),
        created_at: Some(datetime!(2014-08-14 00:38:14 UTC)),
        activity: text("1|false|2014-08-14T01:46:53Z"),
        is_busy: false,
    };
    assert_eq!(application(stack()), Some(expected));
}

#[test]
fn a_stack_that_moves_has_another_mark_and_says_that_it_is_busy() {
    let quiet = application(stack()).unwrap();
    for (field, value, is_busy) in [
        ("status", json!(5), true),
        ("status", json!("6"), true),
        ("status", json!(2), false),
        ("is_busy", json!(true), true),
        ("last_activity_iso", json!("2014-08-14T01:46:54Z"), false),
    ] {
        let mut moved = stack();
        moved[field] = value;
        let moved = application(moved).unwrap();
        assert_ne!(moved.activity, quiet.activity, "{field}");
        assert_eq!(moved.is_busy, is_busy, "{field}");
    }
    let mut renamed = stack();
    renamed["name"] = json!("Other");
    assert_eq!(application(renamed).unwrap().activity, quiet.activity);
}

#[test]
fn a_bare_stack_is_enough() {
    let bare = application(json!({"uid": "stack-1", "status": 42, "git": null, "fqdn": null})).unwrap();
    assert_eq!(
        (bare.name.as_str(), bare.provider_status.as_deref()),
        ("stack-1", Some("42"))
    );
    assert_eq!((bare.url, bare.environment, bare.created_at), (None, None, None));
}
