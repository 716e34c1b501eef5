//! Two gateways over one PostgreSQL keep to a provider's limit together, and a write goes through when reads have used theirs.

use std::time::Duration;

use serde_json::{Value, json};
use slipway_test_database::TestDatabase;
use slipway_tests::{Case, Gateway, ServeOptions, SimulateOptions, Simulators, until, within};
use time::OffsetDateTime;
use time::format_description::well_known::Rfc3339;

const LONG: Duration = Duration::from_secs(120);

/// In real time, because the limits are.
fn world(cloud66_stacks: usize, scalingo_apps: usize) -> SimulateOptions {
    SimulateOptions {
        cloud66_stacks,
        scalingo_apps,
        history: 3,
        speed: 1.0,
        rate_limits: true,
        ..SimulateOptions::default()
    }
}

async fn pair(case: &Case, database: &TestDatabase, simulators: &Simulators) -> [Gateway; 2] {
    let options = ServeOptions::on(database);
    let (one, two) = (options.named("one"), options.named("two"));
    let (one, two) = tokio::join!(
        Gateway::start(case, &one, simulators),
        Gateway::start(case, &two, simulators)
    );
    [one, two]
}

/// The requests that a provider counts, in the order in which they came: when, and with what answer.
async fn counted(simulators: &Simulators, provider: &str) -> Vec<(OffsetDateTime, u64)> {
    let log = simulators.control.get("/requests").await;
    let requests = log["requests"].as_array().expect("a list").iter();
    let is_counted = |request: &&Value| {
        let kind = request["kind"].as_str().expect("a kind");
        request["provider"] == provider && !matches!(kind, "scalingo.tokens.exchange" | "scalingo.stream")
    };
    let at =
        |request: &Value| OffsetDateTime::parse(request["at"].as_str().expect("a time"), &Rfc3339).expect("a time");
    requests
        .filter(is_counted)
        .map(|request| (at(request), request["status"].as_u64().expect("a status")))
        .collect()
}

fn most_in(window: Duration, requests: &[(OffsetDateTime, u64)]) -> usize {
    let count = |from: OffsetDateTime| {
        requests
            .iter()
            .filter(|(at, _)| *at >= from && *at < from + window)
            .count()
    };
    requests.iter().map(|(at, _)| count(*at)).max().unwrap_or(0)
}

#[tokio::test]
async fn sixty_a_minute_for_both_and_a_write_when_nothing_is_left_for_reads() {
    let case = Case::begin().await;
    let database = TestDatabase::create().await.expect("a database for the test");
    let simulators = Simulators::start(&case, &world(1, 70)).await;
    let gateways = pair(&case, &database, &simulators).await;
    // All apps are listed at once, and each wants to be read: far more than a minute allows.
    until("the reads have used their share", async || {
        let accounts = gateways[0].api.accounts().await;
        let budget = accounts.get("scalingo-test")?.rate_budget.clone()?;
        (budget.limit == 60 && budget.remaining <= 16).then_some(())
    })
    .await;
    let application = gateways[1]
        .api
        .applications()
        .await
        .into_iter()
        .find(|item| item.provider == "scalingo");
    let path = format!("/api/v1/applications/{}/deployments", application.expect("one").id);
    for gateway in &gateways {
        let answer = gateway
            .admin
            .try_post(&path, &json!({"git_ref": "main"}), &[])
            .await
            .expect("an answer");
        assert_eq!(answer.status, 202, "a write has a reserve: {}", answer.text);
    }
    // The next windows have enough for what is left, and for the two that now run.
    within(
        2 * LONG,
        "every app was read, and what was triggered is over",
        async || {
            let is_read = |item: &slipway_api::ApplicationView| {
                item.provider != "scalingo" || item.freshness.last_success_at.is_some()
            };
            let is_over = gateways[0]
                .api
                .deployments("")
                .await
                .iter()
                .all(|item| item.is_finished);
            (is_over && gateways[0].api.applications().await.iter().all(is_read)).then_some(())
        },
    )
    .await;
    let requests = counted(&simulators, "scalingo").await;
    let throttled = requests.iter().filter(|(_, status)| *status == 429).count();
    assert_eq!(throttled, 0, "of {} requests", requests.len());
    assert!(requests.len() > 60, "{} requests", requests.len());
    let most = most_in(Duration::from_secs(60), &requests);
    assert!(most <= 60, "{most} requests within a minute");
}

#[tokio::test]
async fn a_limit_that_only_the_headers_tell_is_kept_by_both() {
    let case = Case::begin().await;
    let database = TestDatabase::create().await.expect("a database for the test");
    let simulators = Simulators::start(&case, &world(30, 1)).await;
    let limit = json!({"cloud66_requests_per_hour": 60});
    simulators.control.patch("/quirks", limit).await;
    let gateways = pair(&case, &database, &simulators).await;
    // Less than the documented one: it is learned from the answers, and the reads stop before what is kept for writes.
    within(LONG, "the reads have used their share", async || {
        for gateway in &gateways {
            let accounts = gateway.api.accounts().await;
            let budget = accounts.get("cloud66-test")?.rate_budget.clone()?;
            if budget.limit != 60 || budget.remaining > 36 {
                return None;
            }
        }
        Some(())
    })
    .await;
    let requests = counted(&simulators, "cloud66").await;
    assert!(
        requests.iter().all(|(_, status)| *status != 503),
        "nobody was throttled"
    );
    let application = gateways[1]
        .api
        .applications()
        .await
        .into_iter()
        .find(|item| item.provider == "cloud66");
    let path = format!("/api/v1/applications/{}/deployments", application.expect("one").id);
    let answer = gateways[1]
        .admin
        .try_post(&path, &json!({"git_ref": "main"}), &[])
        .await
        .expect("an answer");
    assert_eq!(answer.status, 202, "{}", answer.text);
}

#[tokio::test]
async fn the_breaker_of_an_account_is_told_with_its_reason_and_closes_again() {
    let case = Case::begin().await;
    let database = TestDatabase::create().await.expect("a database for the test");
    let simulators = Simulators::start(&case, &SimulateOptions::default()).await;
    let gateways = pair(&case, &database, &simulators).await;
    gateways[0].wait_until_synced().await;
    let fault = json!({"provider": "cloud66", "kind": "status", "status": 500});
    simulators.control.fault(fault).await;
    let circuit = async |index: usize| {
        let accounts = gateways[index].api.accounts().await;
        accounts.get("cloud66-test").and_then(|account| account.circuit.clone())
    };
    within(LONG, "the breaker is open", async || circuit(0).await).await;
    let open = circuit(1).await.expect("the other one knows it, too");
    assert_eq!(open.reason, "unavailable");
    assert!(open.next_probe_at > open.since);
    let accounts = gateways[0].api.accounts().await;
    let reason = accounts["cloud66-test"].freshness.reason.clone().unwrap_or_default();
    assert!(reason.starts_with("unavailable"), "{reason}");
    assert!(
        accounts["scalingo-test"].circuit.is_none(),
        "the other account is not concerned"
    );

    // While it is open, only probes go out: with pauses of 5, 10, 20 and then 30 seconds, each of them a single request.
    let before = counted(&simulators, "cloud66").await.len();
    let began = tokio::time::Instant::now();
    within(LONG, "some probes were made", async || {
        (counted(&simulators, "cloud66").await.len() >= before + 2).then_some(())
    })
    .await;
    let most = 2 + began.elapsed().as_secs() / 5;
    let asked = counted(&simulators, "cloud66").await.len() - before;
    assert!(asked as u64 <= most, "{asked} requests in {:?}", began.elapsed());

    simulators.control.heal().await;
    within(LONG, "the breaker is closed", async || {
        (circuit(0).await.is_none() && circuit(1).await.is_none()).then_some(())
    })
    .await;
    within(LONG, "the account is fresh", async || {
        let accounts = gateways[1].api.accounts().await;
        (accounts["cloud66-test"].freshness.state == slipway_api::FreshnessState::Fresh).then_some(())
    })
    .await;
}
