//! The world: repeatable, lazy, kept between runs, also after a kill.

use std::collections::HashSet;
use std::path::PathBuf;
use std::time::{Duration, Instant};

use slipway_simulator::{Phase, Provider, Scenario, Simulator, SimulatorError, SimulatorSettings, StartRequest};

use crate::client::{BOUND, Client, settings};

/// A file of its own for each test, gone at the end.
struct StateFile(PathBuf);

impl StateFile {
    fn new(name: &str) -> Self {
        let path = std::env::temp_dir().join(format!("slipway-simulator-{}-{name}.json", std::process::id()));
        let _ = std::fs::remove_file(&path);
        Self(path)
    }

    fn settings(&self) -> SimulatorSettings {
        SimulatorSettings {
            state_file: Some(self.0.clone()),
            ..settings()
        }
    }
}

impl Drop for StateFile {
    fn drop(&mut self) {
        let _ = std::fs::remove_file(&self.0);
    }
}

/// Everything but times, which begin with the world.
fn fingerprint(simulator: &Simulator) -> Vec<(String, String, Scenario, Phase)> {
    let world = simulator.world();
    let mut all = Vec::new();
    for provider in [Provider::Cloud66, Provider::Scalingo] {
        for application in world.applications(provider) {
            for deployment in world.deployments(provider, &application.id).unwrap() {
                all.push((
                    application.name.clone(),
                    deployment.id,
                    deployment.scenario,
                    deployment.phase,
                ));
            }
        }
    }
    all
}

fn ids(simulator: &Simulator) -> HashSet<String> {
    fingerprint(simulator).into_iter().map(|(_, id, ..)| id).collect()
}

#[tokio::test]
async fn the_same_seed_and_the_same_time_make_the_same_world() {
    let automatic = || SimulatorSettings {
        deployment_every: Some(Duration::from_secs(20)),
        ..settings()
    };
    let run = async |settings: SimulatorSettings, steps: u64| {
        let client = Client::with(settings).await;
        for _ in 0..steps {
            client.world().advance(Duration::from_millis(1_200_000 / steps));
        }
        fingerprint(&client.simulator)
    };
    let first = run(automatic(), 1).await;
    assert!(first.len() > 80);
    // The last step of the clock can fall on either side of the moment of a start: endings decide.
    assert_eq!(first, run(automatic(), 1).await);
    assert_eq!(
        first,
        run(automatic(), 400).await,
        "the size of the steps does not matter"
    );
    let other = run(SimulatorSettings { seed: 2, ..automatic() }, 1).await;
    assert_ne!(first, other);
}

#[tokio::test]
async fn history_has_every_ending_and_ended_before_the_start() {
    let client = Client::with(SimulatorSettings {
        scalingo_apps: 30,
        ..settings()
    })
    .await;
    let now = client.world().now();
    let mut endings = HashSet::new();
    for application in client.world().applications(Provider::Scalingo) {
        let deployments = client.world().deployments(Provider::Scalingo, &application.id).unwrap();
        assert!((5..=15).contains(&deployments.len()));
        assert!(deployments.iter().all(|d| d.finished_at.is_some_and(|at| at < now)));
        assert!(deployments.is_sorted_by(|newer, older| newer.created_at > older.created_at));
        assert!(deployments[0].created_at > now - time::Duration::hours(6));
        endings.extend(deployments.iter().map(|d| d.phase.scalingo_status()));
    }
    let all = [
        "success",
        "build-error",
        "crashed-error",
        "timeout-error",
        "hook-error",
        "aborted",
    ];
    assert_eq!(endings, HashSet::from(all));
}

#[tokio::test]
async fn ten_thousand_applications_do_not_make_their_history_at_start() {
    let settings = SimulatorSettings {
        cloud66_stacks: 5_000,
        scalingo_apps: 5_000,
        ..settings()
    };
    let client = Client::with(settings).await;
    assert_eq!(client.world().history_computed(), 0);
    assert_eq!(client.world().applications(Provider::Cloud66).len(), 5_000);
    assert_eq!(client.world().history_computed(), 0);
    let names: HashSet<_> = client
        .world()
        .applications(Provider::Scalingo)
        .into_iter()
        .map(|a| a.name)
        .collect();
    assert_eq!(names.len(), 5_000, "names are unique");
    let stacks = client.world().applications(Provider::Cloud66).into_iter();
    assert_eq!(
        stacks
            .map(|stack| (stack.name, stack.environment))
            .collect::<HashSet<_>>()
            .len(),
        5_000
    );
    client.cloud66(reqwest::Method::GET, "/stacks?page=2", None).await;
    assert!(
        (30..3_000).contains(&client.world().history_computed()),
        "only the page that was read"
    );
}

#[tokio::test]
async fn a_restart_continues_the_world() {
    let file = StateFile::new("restart");
    let client = Client::with(file.settings()).await;
    client
        .world()
        .add_application(Provider::Scalingo, "added", "production")
        .unwrap();
    let removed = client.world().applications(Provider::Cloud66)[1].id.clone();
    client.world().remove_application(Provider::Cloud66, &removed).unwrap();
    let request = StartRequest {
        provider: Some(Provider::Scalingo),
        scenario: Some(Scenario::Stuck),
        ..Default::default()
    };
    let running = client.world().start(&request).unwrap()[0].clone();
    client.advance(60);
    let jwt = client.jwt().to_owned();
    let before = fingerprint(&client.simulator);
    let token = client.simulator.scalingo_token().to_owned();
    client.simulator.stop().await;

    let other = SimulatorSettings {
        seed: 99,
        scalingo_apps: 1,
        ..file.settings()
    };
    let client = Client::with(other).await;
    assert_eq!(fingerprint(&client.simulator), before, "the file decides");
    assert_eq!(client.simulator.scalingo_token(), token);
    let url = format!("{}/v1/apps/added", client.simulator.scalingo_api_url());
    assert_eq!(
        client.http.get(url).bearer_auth(jwt).send().await.unwrap().status(),
        200,
        "tokens stay valid"
    );
    client.advance(3_600);
    let now = client
        .world()
        .deployments(Provider::Scalingo, &running.application)
        .unwrap();
    let ended = now.iter().find(|deployment| deployment.id == running.id).unwrap();
    assert_eq!(ended.phase, Phase::TimeoutError, "what ran goes on");
    let known = ids(&client.simulator);
    let new = client.world().start(&request).unwrap()[0].id.clone();
    assert!(!known.contains(&new));
    client.simulator.stop().await;
}

#[tokio::test]
async fn a_kill_loses_no_id_that_was_told_and_repeats_none() {
    let mut file = StateFile::new("kill-0");
    let mut told: HashSet<String> = HashSet::new();
    for round in 1..=5 {
        let client = Client::with(file.settings()).await;
        assert!(
            ids(&client.simulator).is_superset(&told),
            "an id that a client was told is lost"
        );
        let before = ids(&client.simulator);
        let app = client.world().applications(Provider::Scalingo)[0].name.clone();
        let body = serde_json::json!({ "deployment": { "git_ref": "main", "source_url": "https://example.com/a" } });
        let path = format!("/apps/{app}/deployments");
        let created = client.scalingo(reqwest::Method::POST, &path, Some(body)).await.json();
        let id = created["deployment"]["id"].as_str().unwrap().to_owned();
        assert!(!before.contains(&id));
        told.insert(id);
        // A kill at this moment leaves the file as it is now, whatever would have been written later.
        let left = StateFile::new(&format!("kill-{round}"));
        std::fs::copy(&file.0, &left.0).unwrap();
        client.simulator.stop().await;
        file = left;
    }
}

#[tokio::test]
async fn a_broken_state_file_and_a_busy_port_are_clear_errors() {
    let file = StateFile::new("broken");
    std::fs::write(&file.0, "{\"version\":1").unwrap();
    let refused = Simulator::start(file.settings()).await.err().unwrap();
    assert!(matches!(refused, SimulatorError::StateFile { .. }));
    assert!(refused.to_string().contains("slipway-simulator-"));
    let nowhere = SimulatorSettings {
        state_file: Some("/proc/none/state.json".into()),
        ..settings()
    };
    assert!(matches!(
        Simulator::start(nowhere).await.err(),
        Some(SimulatorError::StateFile { .. })
    ));
    let holder = std::net::TcpListener::bind("127.0.0.1:0").unwrap();
    let port = holder.local_addr().unwrap().port();
    let busy = SimulatorSettings {
        ports: Some([port, 0, 0]),
        ..settings()
    };
    let refused = Simulator::start(busy).await.err().unwrap();
    assert!(refused.to_string().contains(&port.to_string()));
}

#[tokio::test]
async fn deployments_start_and_end_by_themselves() {
    let settings = SimulatorSettings {
        deployment_every: Some(Duration::from_millis(50)),
        speed: 200.0,
        ..settings()
    };
    let simulator = Simulator::start(settings).await.unwrap();
    let before = ids(&simulator);
    let began = Instant::now();
    loop {
        let new = fingerprint(&simulator)
            .into_iter()
            .filter(|(_, id, ..)| !before.contains(id));
        if new.filter(|(.., phase)| phase.is_finished()).count() >= 5 {
            break;
        }
        assert!(began.elapsed() < BOUND, "nothing moves");
        tokio::time::sleep(Duration::from_millis(20)).await;
    }
    simulator.stop().await;
}
