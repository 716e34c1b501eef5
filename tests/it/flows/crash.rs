//! `kill -9` in mid-run, again and again on one folder: nothing that a client was told is lost, nothing is there twice.

use std::collections::{BTreeMap, BTreeSet};
use std::time::Duration;

use slipway_api::{DeploymentView, EventView};
use slipway_tests::{Case, Demo, DemoOptions};
use uuid::Uuid;

const PATIENCE: Duration = Duration::from_secs(60);

/// What a client knows, because it was told.
#[derive(Default)]
struct Known {
    /// In the order of the log, without a gap.
    events: Vec<EventView>,
    deployments: BTreeMap<Uuid, DeploymentView>,
}

impl Known {
    fn note(&mut self, deployment: DeploymentView) {
        let known = self
            .deployments
            .entry(deployment.id)
            .or_insert_with(|| deployment.clone());
        if known.version < deployment.version {
            *known = deployment;
        }
    }

    fn note_event(&mut self, event: EventView) {
        if let Some(deployment) = event.deployment.clone() {
            self.note(deployment);
        }
        self.events.push(event);
    }

    async fn check(&self, demo: &Demo, beginning: &str, round: usize) {
        let log = demo.api.events_after(beginning).await;
        assert!(log.len() >= self.events.len(), "round {round}: events are lost");
        for (told, kept) in self.events.iter().zip(&log) {
            assert_eq!(told, kept, "round {round}: the log is the one that was told");
        }
        let ids: BTreeSet<_> = log.iter().map(|event| &event.id).collect();
        assert_eq!(ids.len(), log.len(), "round {round}: no id twice");

        let deployments = demo.api.deployments("").await;
        let mut natural_keys = BTreeSet::new();
        for deployment in &deployments {
            let key = (deployment.application_id, deployment.provider_deployment_id.clone());
            assert!(natural_keys.insert(key), "round {round}: {} twice", deployment.id);
        }
        let now: BTreeMap<_, _> = deployments.iter().map(|item| (item.id, item)).collect();
        for (id, told) in &self.deployments {
            let kept = now.get(id).unwrap_or_else(|| panic!("round {round}: {id} is lost"));
            assert!(kept.version >= told.version, "round {round}: {id} went back");
            if kept.version == told.version {
                assert_eq!(*kept, told, "round {round}: one version, one content");
            }
            assert!(
                kept.is_finished || !told.is_finished,
                "round {round}: {id} ended before"
            );
            assert_eq!(kept.created_at, told.created_at);
        }
    }
}

#[tokio::test]
async fn killed_ten_times_in_a_row() {
    let case = Case::begin().await;
    let options = DemoOptions::of(&case);
    let mut known = Known::default();
    let mut beginning = None;
    for round in 1..=10 {
        let demo = Demo::start(&case, &options).await;
        demo.api.assert_ready().await;
        let from = match &beginning {
            Some(from) => from,
            None => beginning.insert(demo.api.event_cursor().await),
        };
        known.check(&demo, from, round).await;

        // From the last event that was seen, so that the whole log is known without a gap.
        let last = known.events.last().and_then(|event| event.id.clone());
        let mut stream = demo.api.stream(Some(last.as_ref().unwrap_or(from))).await;
        demo.control.deploy("cloud66", "success", 3).await;
        demo.control.deploy("scalingo", "success", 3).await;
        // Each round is cut somewhere else.
        for _ in 0..12 + 3 * round {
            let (_, event) = stream.next_event(PATIENCE).await.expect("another event");
            known.note_event(event);
        }
        for deployment in demo.api.deployments("").await {
            known.note(deployment);
        }
        demo.process.signal_group(libc::SIGKILL);
        if round % 2 == 0 {
            // The database with it, as in a power cut.
            case.kill_everything();
        }
        while let Some(block) = stream.next().await {
            if let (true, Some(event)) = (block.is_durable(), block.view()) {
                known.note_event(event);
            }
        }
        assert_eq!(demo.process.ended().await.signal, Some(libc::SIGKILL));
    }
    let demo = Demo::start(&case, &options).await;
    let beginning = beginning.expect("there were ten rounds");
    known.check(&demo, &beginning, 11).await;
    let ended = demo.interrupt().await;
    assert_eq!(ended.code, Some(0), "{}", ended.stderr);
    assert_eq!(case.processes(), []);
}

#[tokio::test]
async fn killed_while_it_starts() {
    let case = Case::begin().await;
    let options = DemoOptions::of(&case);
    // From a moment after the fork to about readiness, on a new folder and on what the kills before left.
    for pause_ms in [30, 120, 300, 500, 700, 1_000, 1_500, 2_500] {
        let process = Demo::launch(&case, &options);
        tokio::time::sleep(Duration::from_millis(pause_ms)).await;
        process.signal_group(libc::SIGKILL);
        process.ended().await;
    }
    let demo = Demo::start(&case, &options).await;
    demo.api.assert_ready().await;
    let deployments = demo.api.deployments("").await;
    let keys: BTreeSet<_> = deployments
        .iter()
        .map(|item| (item.application_id, &item.provider_deployment_id))
        .collect();
    assert_eq!(keys.len(), deployments.len());
    assert_eq!(demo.interrupt().await.code, Some(0));
    assert_eq!(case.processes(), []);
}
