//! History is read back page by page, the newest first; a kill in the middle loses nothing and begins nothing anew.

use std::collections::{BTreeMap, BTreeSet};
use std::time::Duration;

use serde_json::Value;
use slipway_test_database::TestDatabase;
use slipway_tests::{Api, Case, Ended, Gateway, Process, ServeOptions, SimulateOptions, Simulators, until, within};

/// Near the beginning of an hour it goes slowly, so that the hour's budget lasts.
const LONG: Duration = Duration::from_secs(240);

/// Of each application the pages of deployments that were asked for after the first, in order.
async fn history_pages(simulators: &Simulators) -> BTreeMap<String, Vec<u32>> {
    let log = simulators.control.get("/requests").await;
    let mut pages: BTreeMap<String, Vec<u32>> = BTreeMap::new();
    for request in log["requests"].as_array().expect("a list") {
        let Some((path, query)) = request["path"].as_str().and_then(|path| path.split_once('?')) else {
            continue;
        };
        let number = query
            .split('&')
            .find_map(|pair| pair.strip_prefix("page=")?.parse().ok());
        if let (true, Some(number @ 2..)) = (path.contains("/deployments"), number) {
            pages.entry(path.to_owned()).or_default().push(number);
        }
    }
    pages
}

async fn command(case: &Case, api: &Api, arguments: &[&str]) -> Ended {
    let mut command = case.command(arguments);
    command
        .env("SLIPWAY_URL", api.base())
        .env("SLIPWAY_TOKEN", api.token())
        .env("HOME", case.folder());
    Process::start(command).ended().await
}

/// `slipway backfill --json`: of each application the state, and how far back it is.
async fn progress(case: &Case, api: &Api) -> BTreeMap<String, (String, Option<String>)> {
    let ended = command(case, api, &["backfill", "--json"]).await;
    assert_eq!(ended.code, Some(0), "{}", ended.stderr);
    let list: Value = serde_json::from_str(&ended.stdout.join("\n")).expect("one document");
    let items = list["items"].as_array().expect("a list").iter();
    let of = |item: &Value| {
        let backfill = &item["freshness"]["backfill"];
        let text = |value: &Value| value.as_str().map(ToOwned::to_owned);
        (
            text(&item["id"]).expect("an id"),
            (text(&backfill["state"]).expect("a state"), text(&backfill["oldest_at"])),
        )
    };
    items.map(of).collect()
}

/// Of each application in the simulated world: its deployments, each with its time.
async fn world(simulators: &Simulators) -> BTreeMap<String, BTreeMap<String, String>> {
    let mut world = BTreeMap::new();
    for application in simulators.control.applications().await {
        let [provider, id] = ["provider", "id"].map(|key| application[key].as_str().expect("a text").to_owned());
        let path = format!("/applications/{provider}/{id}/deployments");
        let list = simulators.control.get(&path).await;
        let items = list["deployments"].as_array().expect("a list").iter();
        let text = |item: &Value, key: &str| item[key].as_str().expect("a text").to_owned();
        let items = items.map(|item| (text(item, "id"), text(item, "created_at"))).collect();
        world.insert(id, items);
    }
    world
}

/// What is stored of each application is its newest deployments, without a hole. Answers how many there are.
async fn assert_newest_first(api: &Api, world: &BTreeMap<String, BTreeMap<String, String>>) -> usize {
    let mut count = 0;
    for application in api.applications().await {
        let all = &world[&application.provider_application_id];
        let query = format!("application={}", application.id);
        let stored: BTreeSet<_> = api
            .deployments(&query)
            .await
            .into_iter()
            .filter_map(|item| item.provider_deployment_id)
            .collect();
        count += stored.len();
        let Some(oldest) = stored.iter().map(|id| &all[id]).min() else {
            continue;
        };
        let newer = all.iter().filter(|(_, at)| *at > oldest);
        let missing: Vec<_> = newer.filter(|(id, _)| !stored.contains(*id)).collect();
        assert!(missing.is_empty(), "{} has holes: {missing:?}", application.name);
    }
    count
}

#[tokio::test]
async fn it_goes_on_where_a_killed_gateway_left_it() {
    let case = Case::begin().await;
    let database = TestDatabase::create().await.expect("a database for the test");
    let options = SimulateOptions {
        cloud66_stacks: 2,
        scalingo_apps: 1,
        history: 150,
        ..SimulateOptions::default()
    };
    let simulators = Simulators::start(&case, &options).await;
    let world = world(&simulators).await;
    let expected: usize = world.values().map(BTreeMap::len).sum();
    let options = ServeOptions::on(&database);
    let one = Gateway::start(&case, &options.named("one"), &simulators).await;

    // In the middle: somebody has read some pages, and nobody has come to the end.
    within(LONG, "it is in the middle", async || {
        let pages = history_pages(&simulators).await;
        pages.values().any(|pages| pages.len() >= 2).then_some(())
    })
    .await;
    let told = progress(&case, &one.api).await;
    let running: Vec<_> = told.values().filter(|(state, _)| state == "running").collect();
    assert!(!running.is_empty(), "{told:?}");
    assert!(running.iter().all(|(_, oldest_at)| oldest_at.is_some()), "{told:?}");
    let people = command(&case, &one.api, &["backfill"]).await;
    let shown = people.stdout.join("\n");
    assert!(
        shown.contains("running") && people.stderr.contains(&format!("of {} applications", world.len())),
        "{shown}{}",
        people.stderr
    );
    one.kill_9().await;
    let before = history_pages(&simulators).await;

    let two = Gateway::start(&case, &options.named("two"), &simulators).await;
    let stored = assert_newest_first(&two.api, &world).await;
    assert!(stored < expected, "it was killed in the middle: {stored} of {expected}");
    let mut oldest = progress(&case, &two.api).await;
    within(LONG, "the history is complete", async || {
        let now = progress(&case, &two.api).await;
        for (id, (_, at)) in &now {
            assert!(
                at.as_ref() <= oldest[id].1.as_ref().or(at.as_ref()),
                "it only goes back: {oldest:?} {now:?}"
            );
        }
        oldest.clone_from(&now);
        now.values().all(|(state, _)| state == "complete").then_some(())
    })
    .await;
    let waited = command(&case, &two.api, &["backfill", "--wait", "--timeout", "10s"]).await;
    assert_eq!(waited.code, Some(0), "{}", waited.stderr);
    let all = format!("the history of {0} of {0} applications is complete", world.len());
    assert!(waited.stderr.contains(&all), "{}", waited.stderr);

    // Page after page, none twice but the one that was being read when the kill came.
    for (path, pages) in history_pages(&simulators).await {
        let mut distinct = pages.clone();
        distinct.dedup();
        assert!(distinct.is_sorted(), "{path}: {pages:?}");
        let last_before = before.get(&path).and_then(|pages| pages.last()).copied();
        let again: Vec<_> = pages
            .windows(2)
            .filter(|pair| pair[0] == pair[1])
            .map(|pair| Some(pair[0]))
            .collect();
        assert!(
            again.is_empty() || again == [last_before],
            "{path}: {pages:?} after {before:?}"
        );
        let last = *distinct.last().expect("one at least");
        assert_eq!(distinct, (2..=last).collect::<Vec<_>>(), "{path}: none is left out");
    }
    until("all of it is there, once", async || {
        (assert_newest_first(&two.api, &world).await == expected).then_some(())
    })
    .await;
    assert_eq!(two.api.deployments("").await.len(), expected);
}
