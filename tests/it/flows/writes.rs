//! A write is made once, whenever the process dies: before the call, after it, or after the commit.

use std::collections::HashSet;
use std::time::Duration;

use serde_json::{Value, json};
use slipway_api::DeploymentView;
use slipway_test_database::TestDatabase;
use slipway_tests::{Answer, Case, Gateway, ServeOptions, SimulateOptions, Simulators, Wire, until, within};

const REPLAYED: &str = "idempotency-replayed";

/// How long somebody who died with a write in hand is waited for; in life it outlasts the longest call.
const LEASE_MS: &str = "1500";

/// Where the process dies.
const POINTS: [&str; 3] = ["before_call", "after_call", "after_commit"];

#[tokio::test]
async fn cloud66_deploys_once_whenever_the_gateway_dies() {
    for point in POINTS {
        dies_and_comes_back("cloud66", point).await;
    }
}

#[tokio::test]
async fn scalingo_deploys_once_whenever_the_gateway_dies() {
    for point in POINTS {
        dies_and_comes_back("scalingo", point).await;
    }
}

async fn dies_and_comes_back(provider: &str, point: &str) {
    let case = Case::begin().await;
    let database = TestDatabase::create().await.expect("a database for the test");
    let simulators = Simulators::start(&case, &SimulateOptions::default()).await;
    let options = ServeOptions::on(&database).with_environment("SLIPWAY_TEST_WRITE_LEASE_MS", LEASE_MS);
    let doomed = options
        .named("doomed")
        .with_environment("SLIPWAY_TEST_FAILPOINT", point);
    let mut doomed = Gateway::start(&case, &doomed, &simulators).await;
    doomed.wait_until_synced().await;
    let application = application_of(&doomed, provider).await;
    let made_before = deployments_made(&simulators, provider).await;

    let path = format!("/api/v1/applications/{application}/deployments");
    let body = json!({"git_ref": "main"});
    let asking = tokio::spawn({
        let (admin, path, body) = (doomed.admin.clone(), path.clone(), body.clone());
        async move {
            loop {
                let answer = admin.try_post(&path, &body, &[("idempotency-key", "once")]).await;
                if !answer.as_ref().is_ok_and(|answer| answer.status == 503) {
                    return answer;
                }
            }
        }
    });
    doomed
        .process
        .wait_for_stderr("the failpoint", |line| {
            line.contains("stopped at a failpoint").then_some(())
        })
        .await;
    doomed.kill_9().await;
    assert!(
        asking.await.expect("a task").is_err(),
        "{provider} {point}: nobody answers"
    );

    let heir = Gateway::start(&case, &options.named("heir"), &simulators).await;
    let ask = async || heir.admin.post(&path, &body, &[("idempotency-key", "once")]).await;
    let answer = until("the write is settled", async || {
        let answer = ask().await;
        (answer.status != 409).then_some(answer)
    })
    .await;
    assert_eq!(answer.status, 202, "{provider} {point}: {}", answer.text);
    assert_eq!(answer.header(REPLAYED), Some("true"), "{provider} {point}");
    let named: DeploymentView = serde_json::from_str(&answer.text).expect("a deployment");
    assert_same(&answer, &ask().await);
    if (provider, point) == ("scalingo", "after_call") {
        // Nothing proves that this call arrived, until its deployment is seen.
        assert_eq!(named.failure_reason.as_deref(), Some("outcome_unknown"));
    }

    let ended = within(Duration::from_secs(120), "the deployment ends", async || {
        let path = format!("/api/v1/deployments/{}", named.id);
        let view: DeploymentView = heir.api.get(&path).await.json();
        (view.is_finished && view.provider_deployment_id.is_some()).then_some(view)
    })
    .await;
    assert_eq!(
        ended.created_at, named.created_at,
        "{provider} {point}: one row all the time"
    );
    let made = deployments_made(&simulators, provider).await - made_before;
    assert_eq!(made, 1, "{provider} {point}: calls that deploy");
    let rows = heir.api.deployments(&format!("application={application}")).await;
    let names: HashSet<_> = rows.iter().map(|row| row.provider_deployment_id.clone()).collect();
    assert_eq!(names.len(), rows.len(), "{provider} {point}: no second row");
    assert!(!names.contains(&None), "{provider} {point}: every row is named");
    assert_same(&answer, &ask().await);
}

/// What is committed on the way of a write: its intent, the turn to call, and its answer.
const COMMITS: [(&str, &str); 3] = [
    ("intent", "INSERT INTO intents"),
    ("turn", "SET state = 'calling'"),
    ("answer", "SET state = $2, outcome = $3"),
];

/// PostgreSQL commits, and the connection breaks before it can say so.
#[tokio::test]
async fn a_write_is_made_once_and_answered_though_the_answer_of_any_of_its_commits_is_lost() {
    let case = Case::begin().await;
    let database = TestDatabase::create().await.expect("a database for the test");
    let simulators = Simulators::start(&case, &SimulateOptions::default()).await;
    let wire = Wire::to(&database).await;
    let options = ServeOptions {
        database_url: Some(wire.url.clone()),
        ..ServeOptions::on(&database)
    };
    let gateway = Gateway::start(&case, &options, &simulators).await;
    gateway.wait_until_synced().await;
    for provider in ["cloud66", "scalingo"] {
        let application = application_of(&gateway, provider).await;
        let path = format!("/api/v1/applications/{application}/deployments");
        for (commit, statement) in COMMITS {
            let before = deployments_made(&simulators, provider).await;
            let body = json!({"git_ref": "main"});
            wire.lose_answer_of(statement);
            let headers = [("idempotency-key", commit)];
            let first = gateway.admin.post(&path, &body, &headers).await;
            assert!(wire.has_lost_it(), "{provider} {commit}: {}", first.text);
            // Found out and answered at once, by whoever asked.
            assert_eq!(first.status, 202, "{provider} {commit}: {}", first.text);
            let again = gateway.admin.post(&path, &body, &headers).await;
            assert_eq!((again.status, &again.text), (202, &first.text), "{provider} {commit}");
            assert_eq!(again.header(REPLAYED), Some("true"), "{provider} {commit}");
            let named: DeploymentView = serde_json::from_str(&first.text).expect("a deployment");
            within(Duration::from_secs(120), "the deployment ends", async || {
                let path = format!("/api/v1/deployments/{}", named.id);
                let view: DeploymentView = gateway.api.get(&path).await.json();
                (view.is_finished && view.provider_deployment_id.is_some()).then_some(())
            })
            .await;
            let made = deployments_made(&simulators, provider).await - before;
            assert_eq!(made, 1, "{provider} {commit}: calls that deploy");
            let rows = gateway.api.deployments(&format!("application={application}")).await;
            let names: HashSet<_> = rows.iter().map(|row| row.provider_deployment_id.clone()).collect();
            assert_eq!(names.len(), rows.len(), "{provider} {commit}: no second row");
        }
    }
}

fn assert_same(first: &Answer, again: &Answer) {
    assert_eq!((again.status, &again.text), (first.status, &first.text));
    for header in ["location", REPLAYED] {
        assert_eq!(again.header(header), first.header(header));
    }
}

async fn application_of(gateway: &Gateway, provider: &str) -> uuid::Uuid {
    let applications = gateway.api.applications().await;
    let fits = applications.iter().find(|application| {
        application.provider == provider && application.allowed_actions.iter().any(|a| a == "trigger")
    });
    fits.expect("an application that can be deployed").id
}

/// How many requests that deploy have come.
async fn deployments_made(simulators: &Simulators, provider: &str) -> usize {
    let log = simulators.control.get("/requests").await;
    let requests = log["requests"].as_array().expect("a list");
    let deploys = |request: &&Value| {
        let kind = request["kind"].as_str().unwrap_or_default();
        request["method"] == "POST"
            && kind.starts_with(provider)
            && (kind.contains("deploy") && !kind.contains("exchange"))
    };
    requests.iter().filter(deploys).count()
}

#[tokio::test]
async fn ten_requests_with_one_key_make_one_call_on_two_replicas() {
    let case = Case::begin().await;
    let database = TestDatabase::create().await.expect("a database for the test");
    let simulators = Simulators::start(&case, &SimulateOptions::default()).await;
    let options = ServeOptions::on(&database);
    let replicas = [
        Gateway::start(&case, &options.named("one"), &simulators).await,
        Gateway::start(&case, &options.named("two"), &simulators).await,
    ];
    replicas[0].wait_until_synced().await;
    for provider in ["cloud66", "scalingo"] {
        let application = application_of(&replicas[0], provider).await;
        let before = deployments_made(&simulators, provider).await;
        let path = format!("/api/v1/applications/{application}/deployments");
        let mut asking = tokio::task::JoinSet::new();
        for number in 0..10 {
            let (admin, path) = (replicas[number % 2].admin.clone(), path.clone());
            asking.spawn(async move {
                let headers = [("idempotency-key", "ten")];
                admin.post(&path, &json!({"git_ref": "main"}), &headers).await
            });
        }
        let mut ids = HashSet::new();
        while let Some(answer) = asking.join_next().await {
            let answer = answer.expect("a task");
            match answer.status {
                202 => {
                    let view: DeploymentView = serde_json::from_str(&answer.text).expect("a deployment");
                    ids.insert(view.id);
                }
                // It is under way: come back.
                409 => assert!(answer.header("retry-after").is_some(), "{}", answer.text),
                other => panic!("{other}: {}", answer.text),
            }
        }
        assert_eq!(ids.len(), 1, "{provider}");
        let made = deployments_made(&simulators, provider).await - before;
        assert_eq!(made, 1, "{provider}: calls that deploy");
        let other = json!({"git_ref": "another"});
        let answer = replicas[1]
            .admin
            .post(&path, &other, &[("idempotency-key", "ten")])
            .await;
        assert_eq!(answer.status, 422, "{provider}: another body");
    }
}
