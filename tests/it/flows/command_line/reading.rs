//! What is read: the same as the API says, to the end that a deployment takes, and over restarts.

use std::collections::BTreeMap;
use std::time::Duration;

use serde_json::Value;
use slipway_tests::{Case, Gateway, Process, ServeOptions, SimulateOptions, Simulators, until};

use super::front::Front;
use super::{json, run, start, text};

#[tokio::test]
async fn what_it_shows_is_what_the_api_says() {
    let case = Case::begin().await;
    let simulators = Simulators::start(&case, &SimulateOptions::default()).await;
    let gateway = Gateway::start(&case, &ServeOptions::default(), &simulators).await;
    gateway.wait_until_synced().await;
    let api = &gateway.api;

    let all = api.deployments("").await;
    let list = json(&case, api, &["list", "--json", "--limit", "1000"]).await;
    let items = list["items"].as_array().expect("a list");
    assert_eq!(items.len(), all.len());
    let one = json(
        &case,
        api,
        &["get", &all[0].id.to_string(), "--json", "--include", "timeline"],
    )
    .await;
    assert!(one["timeline"].is_array());
    for (known, item) in all.iter().zip(items) {
        assert_eq!(serde_json::to_value(known).expect("JSON"), *item);
    }
    let failed = json(
        &case,
        api,
        &["list", "--json", "--status", "failed", "--provider", "scalingo"],
    )
    .await;
    assert!(
        failed["items"]
            .as_array()
            .expect("a list")
            .iter()
            .all(|item| item["status"] == "failed")
    );

    let applications = api.applications().await;
    for command in ["apps", "board", "backfill"] {
        let shown = json(&case, api, &[command, "--json"]).await;
        assert_eq!(
            shown["items"].as_array().map(Vec::len),
            Some(applications.len()),
            "{command}"
        );
        let people = run(&case, api, &[command]).await.stdout.join("\n");
        for application in &applications {
            assert!(people.contains(&application.name), "{command}: {people}");
        }
        assert!(!people.contains('\u{1b}'), "no colours in a pipe");
    }
    let application = &applications[0];
    let by_id = json(&case, api, &["list", "--json", "--app", &application.id.to_string()]).await;
    let full = format!("{}/{}/{}", application.provider, application.account, application.name);
    let by_name = json(&case, api, &["list", "--json", "--app", &full]).await;
    assert!(by_name["items"].as_array().expect("a list").len() >= by_id["items"].as_array().expect("a list").len());
    let unknown = run(&case, api, &["list", "--app", &format!("{}x", application.name)]).await;
    assert_eq!(unknown.code, Some(64));
    assert!(
        unknown.stderr.contains("did you mean") && unknown.stderr.contains(&application.name),
        "{}",
        unknown.stderr
    );

    // The reader of a pipe may have seen enough at any time.
    let program = slipway_tests::slipway().display().to_string();
    for command in ["list --json", "list --limit 1000", "board", "completions zsh"] {
        let mut shell = std::process::Command::new("sh");
        shell.args([
            "-c",
            &format!("({program} {command}; echo $? >&2) | head -c 1 >/dev/null"),
        ]);
        shell
            .env("SLIPWAY_URL", api.base())
            .env("SLIPWAY_TOKEN", api.token())
            .env("HOME", case.folder());
        assert_eq!(Process::start(shell).ended().await.stderr, "0", "{command}");
    }
}

#[tokio::test]
async fn wait_ends_as_the_deployment_does() {
    let case = Case::begin().await;
    let simulators = Simulators::start(&case, &SimulateOptions::default()).await;
    let gateway = Gateway::start(&case, &ServeOptions::default(), &simulators).await;
    gateway.wait_until_synced().await;
    let api = &gateway.api;
    let mut waiting = BTreeMap::new();
    for (scenario, code) in [("success", 0), ("build_failure", 1)] {
        let ids = simulators.control.deploy("scalingo", scenario, 1).await;
        let id = until("the new deployment is seen", async || {
            let all = api.deployments("").await;
            let found = all
                .iter()
                .find(|item| item.provider_deployment_id.as_ref() == ids.first());
            found.map(|item| item.id.to_string())
        })
        .await;
        let process = start(
            &case,
            api.base(),
            api.token(),
            &["wait", "--json", "--timeout", "60s", &id],
        );
        waiting.insert(id, (process, code));
    }
    for (id, (process, code)) in waiting {
        let ended = process.ended().await;
        assert_eq!(ended.code, Some(code), "{}", ended.stderr);
        let state: Value = serde_json::from_str(&ended.stdout[0]).expect("JSON");
        assert_eq!(
            (text(&state, "/id"), &state["is_finished"]),
            (id.as_str(), &Value::Bool(true))
        );
        // The same once it is over, at once.
        let again = run(&case, api, &["wait", &id]).await;
        assert_eq!(again.code, Some(code), "{}", again.stderr);
    }
}

#[tokio::test]
async fn a_gateway_that_is_killed_costs_a_watcher_nothing() {
    let case = Case::begin().await;
    let world = SimulateOptions {
        deployment_every: 0.7,
        ..SimulateOptions::default()
    };
    let simulators = Simulators::start(&case, &world).await;
    // The built-in database, so that the whole gateway is restarted.
    let options = ServeOptions::default();
    let mut gateway = Gateway::start(&case, &options, &simulators).await;
    let front = Front::before(&gateway.api).await;
    let beginning = gateway.api.event_cursor().await;
    let token = gateway.api.token().to_owned();
    let mut watching = start(&case, &front.url, &token, &["watch", "--json", "--after", &beginning]);
    let seen = |process: &Process| -> Vec<String> {
        let lines = process.stdout();
        let ids = lines
            .iter()
            .map(|line| serde_json::from_str::<Value>(line).expect("one object a line")["id"].clone());
        ids.map(|id| id.as_str().expect("only events of the log").to_owned())
            .collect()
    };
    let mut waiting = None;
    for round in 0..3 {
        let enough = seen(&watching).len() + 20;
        until("more events are seen", async || {
            (seen(&watching).len() >= enough).then_some(())
        })
        .await;
        if round == 0 {
            let running = gateway.api.deployments("status=in_progress").await;
            let running = running.first().map(|item| item.id.to_string());
            waiting = running.map(|id| start(&case, &front.url, &token, &["wait", "--timeout", "60s", &id]));
            if let Some(waiting) = &mut waiting {
                until("it waits, or has nothing to wait for any more", async || {
                    (!waiting.stderr().is_empty() || !waiting.is_running()).then_some(())
                })
                .await;
            }
        }
        gateway.kill_9().await;
        gateway = Gateway::start(&case, &options, &simulators).await;
        front.leads_to(&gateway.api);
    }
    let enough = seen(&watching).len() + 20;
    until("more events are seen", async || {
        (seen(&watching).len() >= enough).then_some(())
    })
    .await;
    assert!(watching.is_running());
    watching.signal_group(libc::SIGINT);
    let ended = watching.ended_within(Duration::from_secs(30)).await;
    assert!(
        ended.stderr.contains("connected again; nothing is missing"),
        "{}",
        ended.stderr
    );
    let ids: Vec<Value> = ended
        .stdout
        .iter()
        .map(|line| serde_json::from_str(line).expect("one object a line"))
        .collect();
    let ids: Vec<_> = ids.iter().map(|event| text(event, "/id").to_owned()).collect();
    let log = gateway.api.events_after(&beginning).await;
    let log: Vec<_> = log.into_iter().filter_map(|event| event.id).collect();
    assert_eq!(ids, log[..ids.len()], "no gap and no duplicate");
    if let Some(waiting) = waiting {
        let ended = waiting.ended().await;
        assert!(matches!(ended.code, Some(0..=2)), "{:?}: {}", ended.code, ended.stderr);
    }
}
