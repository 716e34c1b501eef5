//! Payloads to observations: the documented samples whole, then hostile ones.

use serde_json::{Value, json};
use slipway_core::deployment::{Actor, Artifact, DeploymentDetails, Git, Trigger};
use slipway_core::{ApplicationObservation, Authority, DeploymentObservation, Phase, State, Status};
use slipway_provider_http::Url;
use slipway_provider_scalingo::normalize::{self, Links};
use time::macros::datetime;

fn fixture(name: &str) -> Value {
    let path = format!("{}/tests/fixtures/{name}.json", env!("CARGO_MANIFEST_DIR"));
    serde_json::from_str(&std::fs::read_to_string(path).unwrap()).unwrap()
}

fn links() -> Links {
    Links {
        dashboard_url: Url::parse("https://dashboard.scalingo.com").unwrap(),
        region: Some("osc-fr1".to_owned()),
    }
}

fn deployment(payload: Value) -> Option<DeploymentObservation> {
    normalize::deployment(payload, "example-app", &links(), Authority::Rest)
}

fn text(text: &str) -> Option<String> {
    Some(text.to_owned())
}

/// What all samples of the same deployment have in common.
fn sample(payload: Value, state: State, unmapped_status: Option<String>) -> DeploymentObservation {
    DeploymentObservation {
        provider_deployment_id: "123e4567-e89b-12d3-a456-426655440000".to_owned(),
        state,
        finished_at: None,
        details: DeploymentDetails {
            provider_url: text(
                "https://dashboard.scalingo.com/apps/osc-fr1/example-app/deploy/123e4567-e89b-12d3-a456-426655440000",
            ),
            actor: Actor {
                id: text("54100245736f7563d5000000"),
                name: text("john"),
                email: text("user@example.com"),
            },
            git: Git {
                sha: text("abcdef1234567890"),
                ..Git::default()
            },
            created_at: Some(datetime!(2014-09-10 08:49:42.390 UTC)),
            ..DeploymentDetails::default()
        },
        raw: Some(payload),
        unmapped_status,
    }
}

#[test]
fn the_documented_deployments_are_read_whole() {
    let object = fixture("deployment_object");
    let succeeded = State {
        provider_status: text("success"),
        ..State::new(Status::Succeeded, Authority::Rest)
    };
    assert_eq!(deployment(object.clone()), Some(sample(object, succeeded, None)));

    let listed = fixture("deployment_list")["deployments"][0].take();
    let failed = State {
        provider_status: text("build-error"),
        phase: Some(Phase::BUILD),
        failure_reason: text("build_failed"),
        ..State::new(Status::Failed, Authority::Rest)
    };
    assert_eq!(deployment(listed.clone()), Some(sample(listed, failed, None)));

    // That sample has no status at all.
    let shown = fixture("deployment")["deployment"].take();
    let unknown = State::new(Status::Unknown, Authority::Rest);
    assert!(!unknown.is_finished);
    assert_eq!(deployment(shown.clone()), Some(sample(shown, unknown, None)));
}

#[test]
fn the_documented_creation_is_read_whole() {
    let payload = fixture("create")["deployment"].take();
    let expected = DeploymentObservation {
        provider_deployment_id: "5e34a76a-24b7-4d50-be96-942ca986a786".to_owned(),
        state: State {
            provider_status: text("building"),
            phase: Some(Phase::BUILD),
            ..State::new(Status::InProgress, Authority::Rest)
        },
        finished_at: None,
        details: DeploymentDetails {
            provider_url: text(
                "https://dashboard.scalingo.com/apps/osc-fr1/example-app/deploy/5e34a76a-24b7-4d50-be96-942ca986a786",
            ),
            actor: Actor {
                id: text("51161e5ef1e42617000001"),
                name: text("user"),
                email: text("user@example.com"),
            },
            git: Git {
                r#ref: text("master"),
                previous_sha: text("eb5454c314e2e9c8f98efa9b4422476b391df185"),
                ..Git::default()
            },
            created_at: Some(datetime!(2016-12-16 15:33:58.250 UTC)),
            ..DeploymentDetails::default()
        },
        raw: Some(payload.clone()),
        unmapped_status: None,
    };
    assert_eq!(deployment(payload), Some(expected));
}

#[test]
fn a_finished_deployment_with_both_date_styles_is_read_whole() {
    let payload = json!({
        "id": "cabf82f2-0000-4000-8000-000000000000", "app_id": "5ed0fe5f884fef000f5e4fd6",
        "created_at": "2020-05-29T12:21:51.275Z", "finished_at": "2020-05-29T12:23:25.688+00:00", "status": "success",
        "git_ref": "v1.0", "previous_git_ref": null, "type": "oneclick", "image": "registry/app", "registry": "r",
        "postdeploy_hook": null, "duration": 92, "image_size": 1234, "stack_base_image": "scalingo/ubuntu-20:v4",
        "pusher": {"username": "john", "email": "john@example.com", "id": "us-1"}
    });
    let seen = deployment(payload).unwrap();
    assert_eq!(seen.finished_at, Some(datetime!(2020-05-29 12:23:25.688 UTC)));
    assert_eq!(seen.details.created_at, Some(datetime!(2020-05-29 12:21:51.275 UTC)));
    assert_eq!(
        (seen.details.duration_ms, seen.details.started_at),
        (Some(92_000), None)
    );
    assert_eq!(
        seen.details.artifact,
        Artifact {
            image: text("registry/app"),
            image_size_bytes: Some(1234),
            base_image: text("scalingo/ubuntu-20:v4")
        }
    );
    assert_eq!(
        seen.details.trigger,
        Trigger {
            kind: text("web"),
            provider_value: text("oneclick")
        }
    );
    assert_eq!(
        (seen.details.git.r#ref.as_deref(), seen.details.git.sha),
        (Some("v1.0"), None)
    );
    assert_eq!(seen.details.is_live, None);
}

#[test]
fn every_row_of_the_status_table_holds() {
    use Status::{Canceled, Failed, InProgress, Queued, Succeeded, Unknown};
    for (word, status, phase, reason, is_unmapped) in [
        ("queued", Queued, Some("queued"), None, false),
        ("building", InProgress, Some("build"), None, false),
        ("pushing", InProgress, Some("push"), None, false),
        ("starting", InProgress, Some("start"), None, false),
        ("success", Succeeded, None, None, false),
        ("build-error", Failed, Some("build"), Some("build_failed"), false),
        ("crashed-error", Failed, Some("start"), Some("start_crashed"), false),
        ("timeout-error", Failed, Some("start"), Some("start_timeout"), false),
        ("hook-error", Failed, Some("hook"), Some("hook_failed"), false),
        ("aborted", Canceled, None, Some("aborted"), false),
        ("quota-error", Failed, None, Some("unclassified"), true),
        ("Success", Succeeded, None, None, false),
        ("postdeploying", Unknown, None, None, true),
        ("error", Unknown, None, None, true),
        ("7", Unknown, None, None, true),
    ] {
        for authority in [Authority::Rest, Authority::Stream] {
            let seen = match authority {
                Authority::Rest => deployment(json!({"id": "a", "status": word})).unwrap(),
                Authority::Stream => normalize::status_frame("a".to_owned(), text(word)),
            };
            let state = seen.state;
            assert_eq!((state.status, state.is_finished), (status, status.is_end()), "{word}");
            assert_eq!(state.phase.as_ref().map(Phase::as_str), phase, "{word}");
            assert_eq!(state.failure_reason.as_deref(), reason, "{word}");
            assert_eq!(
                (state.provider_status.as_deref(), state.authority),
                (Some(word), authority),
                "{word}"
            );
            assert_eq!(seen.unmapped_status.as_deref(), is_unmapped.then_some(word), "{word}");
        }
    }
}

#[test]
fn an_unknown_status_with_a_finish_time_is_finished() {
    let seen = deployment(json!({"id": "a", "status": "evaporated", "finished_at": "2020-05-29T12:23:25Z"})).unwrap();
    assert_eq!((seen.state.status, seen.state.is_finished), (Status::Unknown, true));
    let streamed = normalize::deployment(
        json!({"id": "a", "status": "success", "finished_at": "2020-05-29T12:23:25Z"}),
        "example-app",
        &links(),
        Authority::Stream,
    )
    .unwrap();
    assert_eq!(streamed.finished_at, None, "a stream never tells when");
}

#[test]
fn refs_triggers_and_durations() {
    for (git_ref, git, sha) in [
        (json!("abcdef1"), None, Some("abcdef1")),
        (
            json!("ABCDEF1234567890abcdef1234567890abcdef12"),
            None,
            Some("ABCDEF1234567890abcdef1234567890abcdef12"),
        ),
        (json!("abcdef"), Some("abcdef"), None),
        (json!("refs/heads/x"), Some("refs/heads/x"), None),
        (json!(null), None, None),
    ] {
        let seen = deployment(json!({"id": "a", "git_ref": git_ref, "previous_git_ref": "master"}))
            .unwrap()
            .details
            .git;
        assert_eq!(
            (seen.r#ref.as_deref(), seen.sha.as_deref(), seen.previous_sha),
            (git, sha, None)
        );
    }
    for (payload, kind) in [
        (json!({"id": "a", "type": "archive"}), Some("api")),
        (json!({"id": "a", "type": "git"}), Some("push")),
        (
            json!({"id": "a", "type": "git", "pusher": {"username": "deploy-scm"}}),
            Some("scm"),
        ),
        (
            json!({"id": "a", "pusher": {"email": "deploy-scm@scalingo.com"}}),
            Some("scm"),
        ),
        (json!({"id": "a", "type": "teleport"}), None),
    ] {
        assert_eq!(deployment(payload).unwrap().details.trigger.kind.as_deref(), kind);
    }
    for (duration, ms) in [
        (json!(0), None),
        (json!("92"), Some(92_000)),
        (json!(1.0), Some(1000)),
        (json!(-5), None),
        (json!(i64::MAX), None),
        (json!(null), None),
    ] {
        assert_eq!(
            deployment(json!({"id": "a", "duration": duration}))
                .unwrap()
                .details
                .duration_ms,
            ms
        );
    }
}

#[test]
fn no_field_of_any_shape_costs_more_than_itself() {
    let whole = fixture("create")["deployment"].take();
    let names: Vec<String> = whole.as_object().unwrap().keys().cloned().collect();
    for name in &names {
        for odd in [
            json!(null),
            json!("x"),
            json!(-1),
            json!(1.5),
            json!(true),
            json!([{}]),
            json!({"id": [], "email": {}}),
        ] {
            let mut payload = whole.clone();
            payload[name] = odd.clone();
            let has_id = name != "id" || odd == json!("x") || odd == json!(-1);
            assert_eq!(deployment(payload.clone()).is_some(), has_id, "{name} = {odd}");
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
        json!({"id": ".."}),
    ] {
        assert_eq!(deployment(odd.clone()), None);
        assert_eq!(normalize::application(odd, &links()), None);
    }
}

#[test]
fn raw_holds_no_secret() {
    let seen = deployment(json!({
        "id": "a", "access_token": "s3cret", "image": "https://bot:s3cret@registry/app",
        "links": {"output": "https://api.osc-fr1.scalingo.com/v1/out?token=s3cret"}
    }))
    .unwrap();
    assert!(!format!("{seen:?}").contains("s3cret"), "{seen:?}");
}

#[test]
fn an_app_is_an_application() {
    let app = json!({
        "id": "54100930736f7563d5030000", "name": "example-app", "status": "running", "region": "osc-secnum-fr1",
        "url": "https://example-app.osc-fr1.scalingo.io", "git_url": "git@ssh.osc-fr1.scalingo.com:example-app.git",
        "owner": {"username": "john", "email": "user@example.com", "id": "us-1"}, "created_at": "2014-09-10T10:17:52.690+02:00",
        "last_deployed_at": "2017-02-02T11:15:20.128+01:00", "last_deployment_id": "54100930736f7563d5030001",
        "links": {"deployments_stream": "wss://deployments.scalingo.com/apps/example-app"}
    });
    let expected = ApplicationObservation {
        provider_application_id: "54100930736f7563d5030000".to_owned(),
        name: "example-app".to_owned(),
        environment: None,
        region: text("osc-secnum-fr1"),
        url: text("https://example-app.osc-fr1.scalingo.io"),
        provider_url: text("https://dashboard.scalingo.com/apps/osc-secnum-fr1/example-app"),
        git_repository: text("git@ssh.osc-fr1.scalingo.com:example-app.git"),
        git_branch: None,
        provider_status: text("running"),
        health: None,
        owner: text("john"),
        created_at: Some(datetime!(2014-09-10 08:17:52.690 UTC)),
        activity: text("2017-02-02T11:15:20.128+01:00|54100930736f7563d5030001"),
        is_busy: false,
    };
    assert_eq!(normalize::application(app.clone(), &links()), Some(expected.clone()));
    for (field, value) in [
        ("last_deployed_at", json!("2017-02-02T11:15:21Z")),
        ("last_deployment_id", json!("5")),
    ] {
        let mut moved = app.clone();
        moved[field] = value;
        assert_ne!(
            normalize::application(moved, &links()).unwrap().activity,
            expected.activity
        );
    }
    let bare = normalize::application(json!({"id": 7, "owner": null, "links": 3}), &links()).unwrap();
    assert_eq!((bare.name.as_str(), bare.region.as_deref()), ("7", Some("osc-fr1")));
}
