//! Clients that others wrote, against what we serve.

use std::process::Command;
use std::time::Duration;

use slipway_tests::{Case, Process, SimulateOptions, Simulators, install_node_packages, require_tools, workspace};

/// The real npm client of Scalingo against `slipway simulate`.
#[tokio::test]
async fn the_npm_client_of_scalingo() {
    let folder = workspace().join("tests/clients/scalingo-js");
    require_tools(&["node", "npm"]);
    install_node_packages(&folder).await;
    let case = Case::begin().await;
    let options = SimulateOptions {
        history: 10,
        speed: 50.0,
        rate_limits: true,
        ..SimulateOptions::default()
    };
    let simulators = Simulators::start(&case, &options).await;
    let mut check = Command::new("node");
    check
        .arg("check.mjs")
        .current_dir(&folder)
        .env("SCALINGO_API_URL", simulators.text("/scalingo/api_url"))
        .env("SCALINGO_AUTH_URL", simulators.text("/scalingo/auth_url"))
        .env("SCALINGO_TOKEN", simulators.text("/scalingo/token"))
        .env("SIMULATOR_CONTROL_URL", simulators.text("/control/url"));
    let checked = Process::start(check).ended_within(Duration::from_secs(240)).await;
    let said = checked.stdout.join("\n");
    assert_eq!(checked.code, Some(0), "{said}\n{}", checked.stderr);
    assert!(
        checked.stdout.iter().any(|line| line.starts_with("ok 1 ")),
        "it checked something: {said}"
    );
}
