//! SIGTERM while providers think about writes: their answers are waited for, but not for ever.

use std::time::Duration;

use serde_json::{Value, json};
use slipway_test_database::TestDatabase;
use slipway_tests::{Case, Gateway, ServeOptions, SimulateOptions, Simulators, until, within};

/// The streams' two seconds, the writes' fifteen, and what a busy machine adds.
const BOUND: Duration = Duration::from_secs(45);

async fn application_of(gateway: &Gateway, provider: &str) -> uuid::Uuid {
    let applications = gateway.api.applications().await;
    let fits = applications.iter().find(|application| {
        application.provider == provider && application.allowed_actions.iter().any(|action| action == "trigger")
    });
    fits.expect("an application that can be deployed").id
}

/// Starts a write whose caller is not waited for, and waits until it is at the provider.
async fn trigger(gateway: &Gateway, simulators: &Simulators, provider: &str) -> uuid::Uuid {
    let application = application_of(gateway, provider).await;
    let (admin, path) = (
        gateway.admin.clone(),
        format!("/api/v1/applications/{application}/deployments"),
    );
    tokio::spawn(async move {
        let body = json!({"git_ref": "main"});
        let headers = [("idempotency-key", "once")];
        loop {
            let answer = admin.try_post(&path, &body, &headers).await;
            if !answer.is_ok_and(|answer| answer.status == 503) {
                return;
            }
        }
    });
    until("the call is at the provider", async || {
        (calls(simulators, provider).await == 1).then_some(())
    })
    .await;
    application
}

/// How many deployments were made by calls. A call that is answered late has done its work before that.
async fn calls(simulators: &Simulators, provider: &str) -> u64 {
    let applications = simulators.control.applications().await;
    let ours = applications
        .iter()
        .filter(|application| application["provider"] == provider);
    ours.map(|application| application["api_deployments"].as_u64().expect("a number"))
        .sum()
}

fn slow(provider: &str, kind: &str, latency_ms: u64) -> Value {
    json!({
        "provider": provider, "kind": kind, "method": "POST", "path_contains": "deployments", "latency_ms": latency_ms
    })
}

#[tokio::test]
async fn a_process_that_is_stopped_stores_the_answers_that_are_on_their_way() {
    let case = Case::begin().await;
    let database = TestDatabase::create().await.expect("a database for the test");
    let simulators = Simulators::start(&case, &SimulateOptions::default()).await;
    let options = ServeOptions::on(&database);
    let gateway = Gateway::start(&case, &options.named("leaving"), &simulators).await;
    gateway.wait_until_synced().await;
    // Longer than streams and listeners are waited for, shorter than writes are.
    for provider in ["cloud66", "scalingo"] {
        simulators.control.fault(slow(provider, "latency_after", 5_000)).await;
    }
    let mut applications = Vec::new();
    for provider in ["cloud66", "scalingo"] {
        applications.push(trigger(&gateway, &simulators, provider).await);
    }
    gateway.process.signal(libc::SIGTERM);
    let ended = gateway.process.ended_within(BOUND).await;
    assert_eq!(ended.code, Some(0), "{}", ended.stderr);
    assert!(
        ended.stderr.contains("waiting for the answers of providers to writes"),
        "{}",
        ended.stderr
    );
    assert!(
        !ended.stderr.contains("did not answer a write in time"),
        "{}",
        ended.stderr
    );
    simulators.control.heal().await;

    // Whoever comes next has nothing to find out: it serves only.
    let mut heir = options.named("heir");
    heir.arguments.push("--no-sync".to_owned());
    let heir = Gateway::start(&case, &heir, &simulators).await;
    for application in applications {
        let path = format!("/api/v1/applications/{application}/deployments");
        let headers = [("idempotency-key", "once")];
        let again = heir.admin.post(&path, &json!({"git_ref": "main"}), &headers).await;
        assert_eq!(again.status, 202, "{}", again.text);
        assert_eq!(again.header("idempotency-replayed"), Some("true"));
        let told: Value = serde_json::from_str(&again.text).expect("JSON");
        assert_ne!(told["failure_reason"], "outcome_unknown", "{told}");
    }
    for provider in ["cloud66", "scalingo"] {
        assert_eq!(calls(&simulators, provider).await, 1, "{provider}");
    }
}

#[tokio::test]
async fn a_provider_that_never_answers_does_not_keep_a_process_alive() {
    let case = Case::begin().await;
    let database = TestDatabase::create().await.expect("a database for the test");
    let simulators = Simulators::start(&case, &SimulateOptions::default()).await;
    let options = ServeOptions::on(&database);
    let gateway = Gateway::start(&case, &options.named("leaving"), &simulators).await;
    gateway.wait_until_synced().await;
    simulators
        .control
        .fault(slow("cloud66", "latency_after", 120_000))
        .await;
    let application = trigger(&gateway, &simulators, "cloud66").await;
    gateway.process.signal(libc::SIGTERM);
    let ended = gateway.process.ended_within(BOUND).await;
    assert_eq!(ended.code, Some(0), "{}", ended.stderr);
    assert!(
        ended.stderr.contains("did not answer a write in time"),
        "{}",
        ended.stderr
    );
    simulators.control.heal().await;

    // The next one proves by the provider that the call arrived, and finds what it made.
    let heir = Gateway::start(&case, &options.named("heir"), &simulators).await;
    let made = within(Duration::from_secs(120), "the deployment is named", async || {
        let rows = heir.api.deployments(&format!("application={application}")).await;
        rows.into_iter()
            .find(|row| row.trigger.kind == "api" && row.provider_deployment_id.is_some())
    })
    .await;
    assert_ne!(made.failure_reason.as_deref(), Some("outcome_unknown"));
    assert_eq!(calls(&simulators, "cloud66").await, 1);
}
