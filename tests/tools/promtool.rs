//! What Prometheus itself says of our metrics and alerts.

use std::io::Write;
use std::process::{Command, Stdio};

use slipway_test_database::TestDatabase;
use slipway_tests::{Case, Gateway, ServeOptions, SimulateOptions, Simulators, require_tools, workspace};

fn promtool(arguments: &[&str], input: &str) -> String {
    let mut child = Command::new("promtool")
        .args(arguments)
        .current_dir(workspace().join("deploy/prometheus"))
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .stderr(Stdio::piped())
        .spawn()
        .expect("promtool runs");
    child
        .stdin
        .take()
        .expect("piped")
        .write_all(input.as_bytes())
        .expect("it reads");
    let output = child.wait_with_output().expect("it ends");
    let said = [output.stdout, output.stderr]
        .map(|said| String::from_utf8_lossy(&said).into_owned())
        .concat();
    assert!(output.status.success(), "promtool {arguments:?}: {said}");
    said
}

#[test]
fn the_alerts_are_rules_that_fire_when_they_should() {
    require_tools(&["promtool"]);
    let said = promtool(&["check", "rules", "alerts.yml"], "");
    assert!(said.contains("SUCCESS: 15 rules found"), "{said}");
    promtool(&["test", "rules", "alerts.test.yml"], "");
}

#[tokio::test]
async fn prometheus_has_nothing_to_say_against_the_metrics() {
    require_tools(&["promtool"]);
    let case = Case::begin().await;
    let database = TestDatabase::create().await.expect("a database for the test");
    let simulators = Simulators::start(&case, &SimulateOptions::default()).await;
    let gateway = Gateway::start(&case, &ServeOptions::on(&database), &simulators).await;
    gateway.wait_until_synced().await;
    let answer = gateway.admin.try_get("/metrics").await.expect("an answer");
    let said = promtool(&["check", "metrics"], &answer.text);
    assert_eq!(said.trim(), "", "{said}");
}
