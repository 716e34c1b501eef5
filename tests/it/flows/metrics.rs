//! What an operator sees of running processes: metrics, health, and the alerts and the board that are made of them.

use std::collections::BTreeSet;

use serde_json::{Value, json};
use slipway_test_database::TestDatabase;
use slipway_tests::{Api, Case, Gateway, ServeOptions, SimulateOptions, Simulators, until, workspace};

async fn text(api: &Api) -> String {
    let answer = api.try_get("/metrics").await.expect("an answer");
    assert_eq!(answer.status, 200, "{}", answer.text);
    answer.text
}

fn value(text: &str, series: &str) -> Option<f64> {
    let found = text
        .lines()
        .find_map(|line| line.strip_prefix(series)?.strip_prefix(' '))?;
    Some(found.parse().expect("a number"))
}

fn with_metrics(database: &TestDatabase) -> ServeOptions {
    ServeOptions {
        more: "[metrics]\nlisten = '127.0.0.1:0'\n".to_owned(),
        ..ServeOptions::on(database)
    }
}

/// The words of a text that are names of metrics.
fn names(text: &str, into: &mut BTreeSet<String>) {
    let words = text.split(|letter: char| !(letter.is_ascii_alphanumeric() || letter == '_'));
    let is_metric = |word: &&str| word.starts_with("slipway_") || word.starts_with("process_");
    into.extend(words.filter(is_metric).map(str::to_owned));
}

#[tokio::test]
async fn every_metric_of_the_alerts_and_of_the_board_is_one_that_a_gateway_gives() {
    let case = Case::begin().await;
    let database = TestDatabase::create().await.expect("a database for the test");
    let simulators = Simulators::start(&case, &SimulateOptions::default()).await;
    let mut gateway = Gateway::start(&case, &with_metrics(&database), &simulators).await;
    let operations = gateway.operations().await;
    gateway.wait_until_synced().await;

    // The listener of its own asks for no token, the API's for one of an admin.
    let told = text(&operations).await;
    text(&gateway.admin).await;
    assert_eq!(gateway.api.try_get("/metrics").await.expect("an answer").status, 403);

    let mut given = BTreeSet::new();
    for line in told.lines().filter_map(|line| line.strip_prefix("# TYPE ")) {
        let (name, kind) = line.split_once(' ').expect("a name and a kind");
        given.insert(name.to_owned());
        if kind == "histogram" {
            given.extend(["_bucket", "_sum", "_count"].map(|suffix| format!("{name}{suffix}")));
        }
    }
    let mut used = BTreeSet::new();
    let rules = std::fs::read_to_string(workspace().join("deploy/prometheus/alerts.yml")).expect("alerts");
    names(&rules, &mut used);
    let board = std::fs::read_to_string(workspace().join("deploy/grafana/slipway.json")).expect("a board");
    let board: Value = serde_json::from_str(&board).expect("JSON");
    let panels = board["panels"].as_array().expect("panels").iter();
    for target in panels.flat_map(|panel| panel["targets"].as_array().into_iter().flatten()) {
        names(target["expr"].as_str().expect("an expression"), &mut used);
    }
    assert!(used.len() > 20, "{used:?}");
    let unknown: Vec<_> = used.difference(&given).collect();
    assert!(unknown.is_empty(), "a gateway does not give {unknown:?}");

    // What it has done is told.
    for account in Gateway::ACCOUNTS {
        let provider = account.trim_end_matches("-test");
        let labels = format!("account=\"{account}\",provider=\"{provider}\"");
        let of = |name: &str| value(&told, &format!("{name}{{{labels}}}")).unwrap_or_else(|| panic!("{name}: {told}"));
        assert!(of("slipway_account_lag_seconds") < 60.0);
        assert!(of("slipway_upstream_budget_remaining_requests") <= of("slipway_upstream_budget_limit_requests"));
        assert_eq!(
            of("slipway_account_applications"),
            of("slipway_account_applications_backfilled")
        );
        let took = format!("slipway_upstream_request_duration_seconds_count{{account=\"{account}\"}}");
        assert!(value(&told, &took).is_some_and(|count| count > 1.0), "{took}: {told}");
        let reads = format!("slipway_sync_reads_total{{account=\"{account}\",outcome=\"succeeded\"}}");
        assert!(value(&told, &reads).is_some_and(|count| count > 1.0), "{reads}: {told}");
    }
    assert!(value(&told, "process_resident_memory_bytes").is_some_and(|bytes| bytes > 1e6));
    assert_eq!(value(&told, "slipway_database_up"), Some(1.0));
}

#[test]
fn every_alert_has_its_line_among_the_runbooks_and_the_other_way_round() {
    let read = |path: &str| std::fs::read_to_string(workspace().join(path)).expect(path);
    let (rules, page) = (read("deploy/prometheus/alerts.yml"), read("docs/OPERATIONS.md"));
    let alerts: Vec<_> = rules
        .lines()
        .filter_map(|line| line.trim().strip_prefix("- alert: "))
        .collect();
    let (_, runbooks) = page.split_once("## Runbooks").expect("runbooks");
    let described: Vec<_> = runbooks
        .lines()
        .filter_map(|line| line.strip_prefix("| Slipway"))
        .map(|rest| format!("Slipway{}", rest.split(' ').next().unwrap_or_default()))
        .collect();
    assert!(alerts.len() > 10);
    assert_eq!(alerts, described, "in the same order");
}

#[tokio::test]
async fn a_dead_provider_is_seen_and_turns_nothing_red_also_where_there_is_no_api() {
    let case = Case::begin().await;
    let database = TestDatabase::create().await.expect("a database for the test");
    let simulators = Simulators::start(&case, &SimulateOptions::default()).await;
    let (process, operations) = Gateway::start_syncing(&case, &with_metrics(&database), &simulators).await;
    let health = async || -> Value { operations.try_get("/healthz").await.expect("an answer").json() };
    let state = |health: &Value, account: &str| {
        let accounts = health["accounts"].as_array().cloned().unwrap_or_default();
        let found = accounts.into_iter().find(|known| known["name"] == account);
        found.unwrap_or_default()
    };
    until("both accounts are read", async || {
        let health = health().await;
        let is_read = |account: &&str| !state(&health, account)["freshness"]["last_success_at"].is_null();
        Gateway::ACCOUNTS.iter().all(is_read).then_some(())
    })
    .await;

    let control = &simulators.control;
    control
        .fault(json!({"provider": "cloud66", "kind": "status", "status": 500}))
        .await;
    control
        .fault(json!({"provider": "scalingo", "kind": "status", "status": 401}))
        .await;
    let seen = until("both accounts are in error", async || {
        operations.assert_ready().await;
        let health = health().await;
        let is_wrong = |account: &&str| state(&health, account)["freshness"]["state"] == "error";
        Gateway::ACCOUNTS.iter().all(is_wrong).then_some(health)
    })
    .await;
    assert_eq!(seen["status"], "ok", "{seen}");
    let reason = &state(&seen, "scalingo-test")["freshness"]["reason"];
    assert!(
        reason
            .as_str()
            .is_some_and(|reason| reason.starts_with("unauthenticated")),
        "{seen}"
    );
    assert!(
        state(&seen, "cloud66-test")["rate_budget"]["remaining"].is_u64(),
        "{seen}"
    );
    let tasks = seen["tasks"].as_array().expect("tasks");
    assert!(tasks.iter().any(|task| task["name"] == "sync") && tasks.iter().all(|task| task["state"] == "running"));
    assert!(seen["event_log"].is_null(), "nobody reads it here");

    let told = text(&operations).await;
    let error = "slipway_account_state{account=\"scalingo-test\",provider=\"scalingo\",state=\"error\"}";
    assert_eq!(value(&told, error), Some(1.0), "{told}");
    let refused = "slipway_sync_reads_total{account=\"scalingo-test\",outcome=\"unauthenticated\"}";
    assert!(value(&told, refused).is_some(), "{told}");
    assert_eq!(value(&told, "slipway_database_up"), Some(1.0));
    drop(process);
}

/// Nothing is left of the rate limit: reads wait, and nobody is taken out of service.
#[tokio::test]
async fn an_exhausted_budget_leaves_the_gateway_ready() {
    let case = Case::begin().await;
    let database = TestDatabase::create().await.expect("a database for the test");
    let simulators = Simulators::start(&case, &SimulateOptions::default()).await;
    let mut gateway = Gateway::start(&case, &with_metrics(&database), &simulators).await;
    let operations = gateway.operations().await;
    for provider in ["cloud66", "scalingo"] {
        let fault = json!({"provider": provider, "kind": "throttled"});
        simulators.control.fault(fault).await;
    }
    let left = "slipway_upstream_budget_remaining_requests{account=\"scalingo-test\",provider=\"scalingo\"}";
    until("nothing is left", async || {
        gateway.api.assert_ready().await;
        operations.assert_ready().await;
        (value(&text(&operations).await, left) == Some(0.0)).then_some(())
    })
    .await;
    let health: Value = gateway.admin.try_get("/healthz").await.expect("an answer").json();
    assert_eq!(health["status"], "ok", "{health}");
}
