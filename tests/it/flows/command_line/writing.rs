//! What is changed: by both providers, once, to the end and its exit code; and what is refused.

use serde_json::{Value, json};
use slipway_api::{ApplicationView, DeploymentView};
use slipway_tests::{Api, Case, Gateway, ServeOptions, SimulateOptions, Simulators, until};

use super::{json as json_of, run, start, text};

/// The exit code that a status must have.
fn code_of(status: &str) -> i32 {
    match status {
        "succeeded" => 0,
        "failed" => 1,
        "canceled" => 2,
        _ => 3,
    }
}

async fn application_of(api: &Api, provider: &str) -> ApplicationView {
    let all = api.applications().await;
    let fits = all.into_iter().find(|application| {
        application.provider == provider && application.allowed_actions.iter().any(|action| action == "trigger")
    });
    fits.expect("an application that can be deployed")
}

/// How many requests that deploy the provider has had.
async fn calls(simulators: &Simulators, provider: &str) -> usize {
    let log = simulators.control.get("/requests").await;
    let requests = log["requests"].as_array().expect("a list");
    let deploys = |request: &&Value| {
        let kind = request["kind"].as_str().unwrap_or_default();
        request["method"] == "POST" && kind.starts_with(provider) && kind.contains("deploy")
    };
    requests.iter().filter(deploys).count()
}

/// One deployment that runs, seen by the gateway. The world stands still.
async fn running(gateway: &Gateway, simulators: &Simulators, provider: &str) -> DeploymentView {
    simulators.control.post("/time/pause", Value::Null).await;
    let ids = simulators.control.deploy(provider, "success", 1).await;
    until("the new deployment is seen", async || {
        let all = gateway.api.deployments(&format!("provider={provider}")).await;
        let is_new = |item: &DeploymentView| item.provider_deployment_id.as_ref() == ids.first();
        all.into_iter().find(is_new)
    })
    .await
}

#[tokio::test]
async fn trigger_redeploy_and_rollback_go_to_their_ends() {
    let case = Case::begin().await;
    let simulators = Simulators::start(&case, &SimulateOptions::default()).await;
    let gateway = Gateway::start(&case, &ServeOptions::default(), &simulators).await;
    gateway.wait_until_synced().await;
    let admin = &gateway.admin;
    for provider in ["cloud66", "scalingo"] {
        let application = application_of(admin, provider).await;
        let id = application.id.to_string();
        let before = calls(&simulators, provider).await;

        // What would be done is shown, and not done.
        let preview = json_of(&case, admin, &["trigger", &id, "--ref", "main", "--dry-run", "--json"]).await;
        assert_eq!(text(&preview, "/provider"), provider);
        assert_eq!(
            calls(&simulators, provider).await,
            before,
            "{provider}: a dry run calls nobody"
        );

        let mut triggered = Vec::new();
        for more in [
            ["--wait"].as_slice(),
            &["--wait", "--json"],
            &["--json", "--timeout", "60s"],
        ] {
            let ended = run(
                &case,
                admin,
                &[&["trigger", &id, "--ref", "main", "--yes"], more].concat(),
            )
            .await;
            let newest = admin
                .deployments(&format!("application={}", application.id))
                .await
                .remove(0);
            assert!(newest.is_finished, "{provider}: {newest:?}");
            let status = serde_json::to_value(newest.status).expect("JSON");
            let status = status.as_str().expect("a word");
            assert_eq!(
                ended.code,
                Some(code_of(status)),
                "{provider} {more:?}: {status}: {}",
                ended.stderr
            );
            if more.contains(&"--json") {
                let shown: Value = serde_json::from_str(&ended.stdout[0]).expect("JSON");
                assert_eq!(
                    (text(&shown, "/id"), text(&shown, "/status")),
                    (newest.id.to_string().as_str(), status)
                );
                assert_eq!(ended.stdout.len(), 1, "one document: {:?}", ended.stdout);
            } else {
                assert!(ended.stdout[0].starts_with(status), "{:?}", ended.stdout);
                assert!(
                    ended.stderr.contains(&format!("accepted: {}", newest.id)),
                    "{}",
                    ended.stderr
                );
            }
            triggered.push(newest.id.to_string());
        }
        assert_eq!(calls(&simulators, provider).await, before + 3, "{provider}");

        // Without --wait at once, and only accepted.
        let again = json_of(&case, admin, &["redeploy", &triggered[0], "--yes", "--json"]).await;
        assert_eq!(text(&again, "/application_id"), application.id.to_string());
        assert!(
            !triggered.contains(&text(&again, "/id").to_owned()),
            "another deployment: {again}"
        );
        let waited = run(&case, admin, &["wait", text(&again, "/id")]).await;
        assert!(matches!(waited.code, Some(0..=1)), "{provider}: {}", waited.stderr);

        // A rollback goes to a deployment that succeeded, or is refused with a reason: each provider has its own way.
        let target = format!("application={}&status=succeeded", application.id);
        let target = admin
            .deployments(&target)
            .await
            .pop()
            .expect("one that succeeded")
            .id
            .to_string();
        let allowed: DeploymentView = admin.get(&format!("/api/v1/deployments/{target}")).await.json();
        let back = run(&case, admin, &["rollback", &target, "--yes", "--wait", "--json"]).await;
        if allowed.allowed_actions.iter().any(|action| action == "rollback") {
            let made: Value = serde_json::from_str(&back.stdout[0]).unwrap_or_else(|_| panic!("{}", back.stderr));
            assert_eq!(back.code, Some(code_of(text(&made, "/status"))), "{}", back.stderr);
            assert_eq!(text(&made, "/rollback_of_id"), target, "{provider}");
        } else {
            assert_eq!(
                (back.code, back.stdout.len()),
                (Some(1), 0),
                "{provider}: {}",
                back.stderr
            );
            let reason = &allowed
                .blocked_actions
                .iter()
                .find(|blocked| blocked.action == "rollback")
                .expect("a reason")
                .reason;
            assert!(back.stderr.contains(reason.as_str()), "{}", back.stderr);
        }
    }
}

#[tokio::test]
async fn cancel_stops_what_can_be_stopped_and_says_what_cannot() {
    let case = Case::begin().await;
    let simulators = Simulators::start(&case, &SimulateOptions::default()).await;
    let gateway = Gateway::start(&case, &ServeOptions::default(), &simulators).await;
    gateway.wait_until_synced().await;
    let admin = &gateway.admin;

    let id = running(&gateway, &simulators, "cloud66").await.id.to_string();
    let waiting = start(&case, admin.base(), admin.token(), &["wait", &id]);
    let canceling = start(
        &case,
        admin.base(),
        admin.token(),
        &["cancel", &id, "--yes", "--wait", "--json"],
    );
    until("the cancel is accepted", async || {
        let view: DeploymentView = admin.get(&format!("/api/v1/deployments/{id}")).await.json();
        view.cancel_requested_at
    })
    .await;
    simulators.control.post("/time/resume", Value::Null).await;
    let ended = canceling.ended().await;
    assert_eq!(ended.code, Some(2), "the good end of a cancel: {}", ended.stderr);
    let state: Value = serde_json::from_str(&ended.stdout[0]).expect("JSON");
    assert_eq!(
        (text(&state, "/id"), text(&state, "/status")),
        (id.as_str(), "canceled")
    );
    let waited = waiting.ended().await;
    assert_eq!(waited.code, Some(2), "who waited is told the same: {}", waited.stderr);
    let again = run(&case, admin, &["cancel", &id, "--yes"]).await;
    assert_eq!(
        (again.code, again.stdout[0].as_str()),
        (Some(0), format!("canceled  {id}").as_str()),
        "as it is"
    );

    let ended = admin
        .deployments("provider=cloud66&status=succeeded")
        .await
        .remove(0)
        .id
        .to_string();
    let refused = run(&case, admin, &["cancel", &ended, "--yes"]).await;
    assert_eq!((refused.code, refused.stdout.len()), (Some(1), 0));
    assert!(refused.stderr.contains("ended"), "{}", refused.stderr);

    let running = running(&gateway, &simulators, "scalingo").await;
    let refused = run(&case, admin, &["cancel", &running.id.to_string(), "--yes", "--wait"]).await;
    simulators.control.post("/time/resume", Value::Null).await;
    assert_eq!((refused.code, refused.stdout.len()), (Some(1), 0), "{}", refused.stderr);
    assert_eq!(refused.stderr.lines().count(), 1, "one sentence: {}", refused.stderr);
    assert!(
        refused.stderr.starts_with("slipway: ") && refused.stderr.contains("cancel"),
        "{}",
        refused.stderr
    );

    // Who may only look is told what is missing.
    let reader = run(&case, &gateway.api, &["cancel", &id, "--yes"]).await;
    assert_eq!(reader.code, Some(69), "{}", reader.stderr);
    assert!(
        reader.stderr.contains("SLIPWAY_TOKEN") && reader.stderr.contains("deployments:write"),
        "{}",
        reader.stderr
    );
}

#[tokio::test]
async fn one_key_is_one_deployment_and_a_freeze_holds_back_who_may_not_break_it() {
    let case = Case::begin().await;
    let simulators = Simulators::start(&case, &SimulateOptions::default()).await;
    let options = ServeOptions {
        more: "[[freezes]]\nname = 'closed'\nreason = 'the year is over'\nproviders = ['scalingo']\n\
               from = '2020-01-01T00:00:00Z'\nto = '2100-01-01T00:00:00Z'\n"
            .to_owned(),
        ..ServeOptions::default()
    };
    let gateway = Gateway::start(&case, &options, &simulators).await;
    gateway.wait_until_synced().await;
    let admin = &gateway.admin;

    let id = application_of(admin, "cloud66").await.id.to_string();
    let before = calls(&simulators, "cloud66").await;
    let once = [
        "trigger",
        &id,
        "--ref",
        "main",
        "--yes",
        "--json",
        "--idempotency-key",
        "job-17",
    ];
    let first = json_of(&case, admin, &once).await;
    let second = json_of(&case, admin, &once).await;
    assert_eq!(text(&first, "/id"), text(&second, "/id"), "what the first run began");
    assert_eq!(calls(&simulators, "cloud66").await, before + 1);
    let other = run(
        &case,
        admin,
        &["trigger", &id, "--ref", "other", "--yes", "--idempotency-key", "job-17"],
    )
    .await;
    assert_eq!((other.code, other.stdout.len()), (Some(64), 0), "{}", other.stderr);
    assert_eq!(calls(&simulators, "cloud66").await, before + 1);

    let id = application_of(admin, "scalingo").await.id.to_string();
    let trigger = ["trigger", &id, "--ref", "main", "--yes"];
    let frozen = run(&case, admin, &trigger).await;
    assert_eq!((frozen.code, frozen.stdout.len()), (Some(1), 0), "{}", frozen.stderr);
    for wanted in [
        "`closed`",
        "the year is over",
        "2100-01-01T00:00:00Z",
        "--override-freeze",
    ] {
        assert!(frozen.stderr.contains(wanted), "{}", frozen.stderr);
    }
    let shown = run(&case, admin, &["trigger", &id, "--ref", "main", "--dry-run"]).await;
    assert_eq!(shown.code, Some(0), "{}", shown.stderr);
    assert!(
        shown.stdout.join("\n").contains("closed"),
        "a dry run warns: {:?}",
        shown.stdout
    );

    let anyway = [&trigger[..], &["--override-freeze"]].concat();
    let body = json!({"name": "writer", "scopes": ["deployments:read", "deployments:write"], "restrictions": {}});
    let made = admin.post("/api/v1/tokens", &body, &[]).await;
    let made: Value = serde_json::from_str(&made.text).expect("JSON");
    let denied = start(&case, admin.base(), text(&made, "/secret"), &anyway)
        .ended()
        .await;
    assert_eq!((denied.code, denied.stdout.len()), (Some(69), 0), "{}", denied.stderr);
    assert!(denied.stderr.contains("freezes:override"), "{}", denied.stderr);
    let accepted = run(&case, admin, &anyway).await;
    assert_eq!(accepted.code, Some(0), "{}", accepted.stderr);
}
