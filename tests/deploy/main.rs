//! The image and `deploy/compose.yaml` as they are, on a Docker engine: two replicas behind nginx, one of which is killed.

use std::process::Command;
use std::time::Duration;

use slipway_tests::{Api, Case, Followers, Process, within, workspace};

const STREAMS: usize = 200;

/// An image is built in it, on two cores.
const BUILT: Duration = Duration::from_secs(45 * 60);

/// Far more than a lease, for busy machines.
const TAKEN_OVER: Duration = Duration::from_secs(120);

/// The project of compose, whose containers, networks and volumes go with it.
const PROJECT: &str = "slipway-deploy-test";

/// `docker compose`, or the older program of its own.
fn compose(arguments: &[&str]) -> Command {
    let has_plugin = Command::new("docker").args(["compose", "version"]).output();
    let mut command = if has_plugin.is_ok_and(|output| output.status.success()) {
        let mut command = Command::new("docker");
        command.arg("compose");
        command
    } else {
        Command::new("docker-compose")
    };
    command
        .args(["-p", PROJECT, "-f", "deploy/compose.yaml"])
        .args(arguments);
    command.current_dir(workspace());
    command
}

async fn run(command: Command, bound: Duration) -> String {
    let shown = format!("{command:?}");
    let ended = Process::start(command).ended_within(bound).await;
    let said = ended.stdout.join("\n");
    assert_eq!(ended.code, Some(0), "{shown}: {said}\n{}", ended.stderr);
    said
}

/// Takes everything down, also when the test fails.
struct Project;

impl Drop for Project {
    fn drop(&mut self) {
        // What stays behind is told by the next run.
        drop(compose(&["down", "--volumes", "--timeout", "5"]).output());
    }
}

async fn docker(arguments: &[&str]) -> String {
    let mut command = Command::new("docker");
    command.args(arguments);
    run(command, Duration::from_secs(60)).await
}

#[tokio::test]
async fn two_replicas_behind_nginx_and_one_is_killed() {
    let _case = Case::begin().await;
    // Of images that are there already, as after a release, nothing is built.
    if std::env::var_os("SLIPWAY_DEPLOY_BUILT").is_none() {
        run(compose(&["build"]), BUILT).await;
    }
    let _project = Project;
    run(compose(&["up", "--detach"]), Duration::from_secs(300)).await;

    let api = Api::new("http://127.0.0.1:8080", "compose-read-token");
    within(TAKEN_OVER, "the gateway is ready behind nginx", async || {
        api.is_ready().await.then_some(())
    })
    .await;
    let containers = run(compose(&["ps", "-q", "gateway-1"]), Duration::from_secs(60)).await;
    let first = containers.trim();
    let of = async |format: &str| docker(&["inspect", "--format", format, first]).await;
    assert_eq!(
        of("{{.Config.User}} {{.HostConfig.ReadonlyRootfs}}").await,
        "slipway true"
    );
    within(TAKEN_OVER, "the container says that it is well", async || {
        (of("{{.State.Health.Status}}").await == "healthy").then_some(())
    })
    .await;
    within(TAKEN_OVER, "both providers are there", async || {
        let deployments = api.deployments("").await;
        let has = |provider: &str| deployments.iter().any(|deployment| deployment.provider == provider);
        (has("cloud66") && has("scalingo")).then_some(())
    })
    .await;

    let beginning = api.event_cursor().await;
    let followers = Followers::start(&api, &beginning, STREAMS);
    followers.wait_for(TAKEN_OVER, 5).await;
    let before = api.event_cursor().await;
    docker(&["kill", "--signal", "KILL", first]).await;
    let broken = followers.outlive(&api, &beginning, &before, TAKEN_OVER).await;
    assert!(
        (STREAMS / 4..=STREAMS).contains(&broken),
        "{broken} streams were at the one that was killed"
    );
}
