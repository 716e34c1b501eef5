//! A provider in trouble: the gateway stays ready, says what is wrong, changes nothing that it knew, and heals by itself.

use std::collections::BTreeMap;
use std::time::Duration;

use serde_json::{Value, json};
use slipway_api::{AccountView, DeploymentList, DeploymentView, FreshnessState, ProviderList, Status};
use slipway_test_database::TestDatabase;
use slipway_tests::{Case, Control, Gateway, ServeOptions, SimulateOptions, Simulators, until, within};
use uuid::Uuid;

const PROVIDERS: [&str; 2] = ["cloud66", "scalingo"];
/// For what takes a provider's time limit, an idle timeout or a minute of throttling.
const LONG: Duration = Duration::from_secs(180);

async fn database() -> TestDatabase {
    TestDatabase::create().await.expect("a database for the test")
}

async fn fault_of_both(control: &Control, fault: Value) {
    for provider in PROVIDERS {
        let mut fault = fault.clone();
        fault["provider"] = provider.into();
        control.fault(fault).await;
    }
}

type Statuses = BTreeMap<Uuid, (Status, bool, i64)>;

async fn statuses(gateway: &Gateway) -> Statuses {
    let all = gateway.api.deployments("").await.into_iter();
    all.map(|item| (item.id, (item.status, item.is_finished, item.version)))
        .collect()
}

/// Waits until these accounts report an error of one of these kinds.
async fn wait_for_errors(gateway: &Gateway, accounts: &[&str], kinds: &[&str]) -> BTreeMap<String, AccountView> {
    within(
        LONG,
        &format!("{accounts:?} report an error of {kinds:?}"),
        async || {
            // A provider never makes the gateway unready.
            gateway.api.assert_ready().await;
            let known = gateway.api.accounts().await;
            let is_told = |name: &&str| {
                known.get(*name).is_some_and(|account| {
                    let reason = account.freshness.reason.clone().unwrap_or_default();
                    account.freshness.state == FreshnessState::Error
                        && kinds.iter().any(|kind| reason.starts_with(kind))
                })
            };
            accounts.iter().all(is_told).then_some(known)
        },
    )
    .await
}

async fn wait_until_fresh(gateway: &Gateway, accounts: &[&str]) {
    within(LONG, &format!("{accounts:?} are fresh again"), async || {
        gateway.api.assert_ready().await;
        let known = gateway.api.accounts().await;
        let is_fresh = |name: &&str| {
            known.get(*name).is_some_and(|account| {
                account.freshness.state == FreshnessState::Fresh && account.freshness.reason.is_none()
            })
        };
        accounts.iter().all(is_fresh).then_some(())
    })
    .await;
}

async fn wait_for(gateway: &Gateway, ids: &[String], what: &str, fits: impl Fn(&DeploymentView) -> bool) {
    gateway.api.wait_for_deployments(ids, LONG, what, fits).await;
}

fn has_succeeded(deployment: &DeploymentView) -> bool {
    deployment.status == Status::Succeeded && deployment.is_finished
}

#[tokio::test]
async fn errors_garbage_and_bodies_without_end() {
    let case = Case::begin().await;
    let database = database().await;
    // In real time, so that what is stuck stays so for the whole test.
    let world = SimulateOptions {
        speed: 1.0,
        ..SimulateOptions::default()
    };
    let simulators = Simulators::start(&case, &world).await;
    let control = &simulators.control;

    // It also starts in an outage.
    fault_of_both(control, json!({"kind": "status", "status": 500})).await;
    let gateway = Gateway::start(&case, &ServeOptions::on(&database), &simulators).await;
    wait_for_errors(&gateway, &Gateway::ACCOUNTS, &["unavailable"]).await;
    control.heal().await;
    gateway.wait_until_synced().await;

    let mut stuck = control.deploy("cloud66", "stuck", 1).await;
    stuck.extend(control.deploy("scalingo", "stuck", 1).await);
    wait_for(&gateway, &stuck, "in progress", |item| {
        item.status == Status::InProgress
    })
    .await;
    let cursor = gateway.api.event_cursor().await;
    let before = statuses(&gateway).await;

    for (fault, kinds) in [
        (json!({"kind": "status", "status": 500}), ["unavailable"].as_slice()),
        (json!({"kind": "status", "status": 401}), &["unauthenticated"]),
        (json!({"kind": "garbage"}), &["protocol"]),
        (json!({"kind": "truncated"}), &["protocol", "unavailable"]),
        (json!({"kind": "huge_body", "bytes": 10 << 20}), &["protocol"]),
    ] {
        fault_of_both(control, fault.clone()).await;
        let accounts = wait_for_errors(&gateway, &Gateway::ACCOUNTS, kinds).await;
        for account in accounts.values() {
            assert!(
                account.freshness.last_success_at.is_some(),
                "since when is known: {fault}"
            );
        }
        let list: DeploymentList = gateway.api.get("/api/v1/deployments").await.json();
        assert_eq!(
            list.freshness.state,
            FreshnessState::Error,
            "every list says so: {fault}"
        );
        assert_eq!(statuses(&gateway).await, before, "{fault}");
        control.heal().await;
        wait_until_fresh(&gateway, &Gateway::ACCOUNTS).await;
        assert_eq!(statuses(&gateway).await, before, "healed: {fault}");
    }
    let events = gateway.api.events_after(&cursor).await;
    assert!(!events.is_empty(), "each change of freshness is an event");
    for event in &events {
        assert_eq!(
            event.r#type, "account.freshness_changed",
            "and nothing else happened: {event:?}"
        );
    }

    // The provider is gone altogether.
    simulators.process.signal(libc::SIGKILL);
    wait_for_errors(&gateway, &Gateway::ACCOUNTS, &["unavailable"]).await;
    assert_eq!(statuses(&gateway).await, before);
}

#[tokio::test]
async fn words_that_nobody_has_heard_of() {
    let case = Case::begin().await;
    let database = database().await;
    let simulators = Simulators::start(&case, &SimulateOptions::default()).await;
    let control = &simulators.control;
    let gateway = Gateway::start(&case, &ServeOptions::on(&database), &simulators).await;
    gateway.wait_until_synced().await;
    let before = statuses(&gateway).await;

    fault_of_both(control, json!({"kind": "unknown_status"})).await;
    let mut new = control.deploy("cloud66", "success", 1).await;
    new.extend(control.deploy("scalingo", "success", 1).await);
    wait_for(&gateway, &new, "there, and unknown", |item| {
        item.status == Status::Unknown
    })
    .await;
    until("the words are counted", async || {
        let providers: ProviderList = gateway.api.get("/api/v1/providers").await.json();
        providers
            .items
            .iter()
            .all(|provider| !provider.unmapped_statuses.is_empty())
            .then_some(())
    })
    .await;
    let during = statuses(&gateway).await;
    for (id, (status, is_finished, _)) in &before {
        let (status_now, is_finished_now, _) = during[id];
        assert_eq!(
            (status_now, is_finished_now),
            (*status, *is_finished),
            "what was known stays"
        );
    }

    control.heal().await;
    wait_for(&gateway, &new, "succeeded", has_succeeded).await;
    wait_until_fresh(&gateway, &Gateway::ACCOUNTS).await;
    let after = statuses(&gateway).await;
    for (id, (status, ..)) in &before {
        assert_eq!(after[id].0, *status);
    }
}

#[tokio::test]
async fn sockets_that_break_or_are_refused_and_tokens_that_expire() {
    let case = Case::begin().await;
    let database = database().await;
    let simulators = Simulators::start(&case, &SimulateOptions::default()).await;
    let control = &simulators.control;
    let gateway = Gateway::start(&case, &ServeOptions::on(&database), &simulators).await;
    gateway.wait_until_synced().await;

    for fault in [
        json!({"kind": "drop_socket", "count": 2}),
        json!({"kind": "refuse_socket"}),
    ] {
        let mut fault = fault;
        fault["provider"] = "scalingo".into();
        control.fault(fault).await;
        let new = control.deploy("scalingo", "success", 2).await;
        wait_for(&gateway, &new, "succeeded", has_succeeded).await;
        control.heal().await;
    }

    let exchanges = control.counters().await["scalingo.tokens.exchange"];
    control
        .fault(json!({"provider": "scalingo", "kind": "expire_tokens"}))
        .await;
    let new = control.deploy("scalingo", "build_failure", 2).await;
    let has_failed = |item: &DeploymentView| item.status == Status::Failed && item.failure_reason.is_some();
    wait_for(&gateway, &new, "failed", has_failed).await;
    assert!(
        control.counters().await["scalingo.tokens.exchange"] > exchanges,
        "it asked for a new token"
    );
    wait_until_fresh(&gateway, &Gateway::ACCOUNTS).await;
}

/// Three gateways at the same time, because each of them mostly waits.
#[tokio::test]
async fn silence_and_throttling() {
    let case = Case::begin().await;
    tokio::join!(
        nothing_for_a_minute(&case),
        throttled_by_one_provider(&case),
        a_socket_that_says_nothing(&case)
    );
}

async fn nothing_for_a_minute(case: &Case) {
    let database = database().await;
    let simulators = Simulators::start(case, &SimulateOptions::default()).await;
    let control = &simulators.control;
    let gateway = Gateway::start(case, &ServeOptions::on(&database).named("hang"), &simulators).await;
    gateway.wait_until_synced().await;
    let before = statuses(&gateway).await;

    fault_of_both(control, json!({"kind": "hang"})).await;
    wait_for_errors(&gateway, &Gateway::ACCOUNTS, &["unavailable"]).await;
    assert_eq!(statuses(&gateway).await, before);
    control.heal().await;
    let mut new = control.deploy("cloud66", "success", 1).await;
    new.extend(control.deploy("scalingo", "success", 1).await);
    wait_until_fresh(&gateway, &Gateway::ACCOUNTS).await;
    wait_for(&gateway, &new, "succeeded", has_succeeded).await;
}

async fn throttled_by_one_provider(case: &Case) {
    let database = database().await;
    let simulators = Simulators::start(case, &SimulateOptions::default()).await;
    let control = &simulators.control;
    let gateway = Gateway::start(case, &ServeOptions::on(&database).named("throttled"), &simulators).await;
    gateway.wait_until_synced().await;
    let before = statuses(&gateway).await;

    control
        .fault(json!({"provider": "scalingo", "kind": "throttled"}))
        .await;
    let [cloud66, scalingo] = Gateway::ACCOUNTS;
    let accounts = wait_for_errors(&gateway, &[scalingo], &["rate_limited"]).await;
    assert_eq!(
        accounts[cloud66].freshness.state,
        FreshnessState::Fresh,
        "the other account is not concerned"
    );
    let count = async || -> u64 {
        let counters = control.counters().await.into_iter();
        counters
            .filter(|(kind, _)| kind.starts_with("scalingo."))
            .map(|(_, count)| count)
            .sum()
    };
    let asked = count().await;
    // Long enough for a few reads, if it did not wait.
    let new = control.deploy("cloud66", "success", 1).await;
    wait_for(&gateway, &new, "succeeded", has_succeeded).await;
    assert!(count().await <= asked + 3, "who throttles is not asked on and on");
    for (id, status) in &before {
        assert_eq!(statuses(&gateway).await[id].0, status.0);
    }

    control.heal().await;
    let new = control.deploy("scalingo", "success", 1).await;
    wait_until_fresh(&gateway, &[scalingo]).await;
    wait_for(&gateway, &new, "succeeded", has_succeeded).await;
}

async fn a_socket_that_says_nothing(case: &Case) {
    let database = database().await;
    let simulators = Simulators::start(case, &SimulateOptions::default()).await;
    let control = &simulators.control;
    let gateway = Gateway::start(case, &ServeOptions::on(&database).named("silent"), &simulators).await;
    gateway.wait_until_synced().await;

    control
        .fault(json!({"provider": "scalingo", "kind": "silent_socket"}))
        .await;
    let new = control.deploy("scalingo", "success", 1).await;
    wait_for(&gateway, &new, "succeeded", has_succeeded).await;
    wait_until_fresh(&gateway, &Gateway::ACCOUNTS).await;
}
