//! Something on the way lets no stream through: the same events, and the same lines, come as JSON and as text.

use std::time::Duration;

use serde_json::Value;
use slipway_tests::{Case, Gateway, ServeOptions, SimulateOptions, Simulators, until, within};

use super::front::{Front, Streams};
use super::{start, text};

/// Two streams are tried, ten seconds each at most.
const PATIENCE: Duration = Duration::from_secs(120);
const SAID: &str = "streams do not come through";

#[tokio::test]
async fn watch_wait_and_logs_go_on_where_no_stream_comes_through() {
    let case = Case::begin().await;
    let simulators = Simulators::start(&case, &SimulateOptions::default()).await;
    let gateway = Gateway::start(&case, &ServeOptions::default(), &simulators).await;
    gateway.wait_until_synced().await;
    let (api, token) = (&gateway.api, gateway.api.token());
    for streams in [Streams::Refused, Streams::Cut, Streams::Buffered] {
        let front = Front::with(api, streams).await;
        let beginning = api.event_cursor().await;
        simulators.control.post("/time/pause", Value::Null).await;
        let ids = simulators.control.deploy("scalingo", "success", 1).await;
        let id = until("the new deployment is seen", async || {
            let all = api.deployments("").await;
            let found = all
                .iter()
                .find(|item| item.provider_deployment_id.as_ref() == ids.first());
            found.map(|item| item.id.to_string())
        })
        .await;
        let watching = start(
            &case,
            &front.url,
            token,
            &["watch", "--json", "--after", &beginning, "--deployment", &id],
        );
        let waiting = start(&case, &front.url, token, &["wait", "--json", "--timeout", "120s", &id]);
        let logging = start(&case, &front.url, token, &["logs", "-f", &id]);
        within(PATIENCE, "all three ask otherwise", async || {
            let all = [&watching, &waiting, &logging];
            all.iter().all(|process| process.stderr().contains(SAID)).then_some(())
        })
        .await;
        simulators.control.post("/time/resume", Value::Null).await;

        let waited = waiting.ended_within(PATIENCE).await;
        assert_eq!(waited.code, Some(0), "{streams:?}: {}", waited.stderr);
        let state: Value = serde_json::from_str(&waited.stdout[0]).expect("JSON");
        assert_eq!(text(&state, "/status"), "succeeded", "{streams:?}");

        let logged = logging.ended_within(PATIENCE).await;
        assert_eq!(logged.code, Some(0), "{streams:?}: {}", logged.stderr);
        let whole = api.get(&format!("/api/v1/deployments/{id}/logs")).await;
        let whole: Vec<&str> = whole.text.lines().collect();
        assert!(
            !whole.is_empty()
                && logged
                    .stdout
                    .ends_with(&whole.iter().map(|&line| line.to_owned()).collect::<Vec<_>>()),
            "{streams:?}: {:?} and {whole:?}",
            logged.stdout
        );

        let is_end = |line: &String| line.contains("\"deployment.finished\"");
        within(PATIENCE, "the end is seen", async || {
            watching.stdout().iter().any(is_end).then_some(())
        })
        .await;
        watching.signal_group(libc::SIGINT);
        let seen = watching.ended_within(PATIENCE).await.stdout;
        let seen: Vec<Value> = seen
            .iter()
            .map(|line| serde_json::from_str(line).expect("one object a line"))
            .collect();
        let seen: Vec<&str> = seen.iter().map(|event| text(event, "/id")).collect();
        let log = api.events_after(&beginning).await;
        let log = log
            .iter()
            .filter(|event| event.deployment_id.is_some_and(|known| known.to_string() == id));
        let log: Vec<_> = log.filter_map(|event| event.id.clone()).collect();
        assert_eq!(seen, log[..seen.len()], "{streams:?}: no gap and no duplicate");
    }
}
