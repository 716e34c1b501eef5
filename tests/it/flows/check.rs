//! `slipway check` over real processes: what is good, and everything that is not, at once.

use std::fs;

use serde_json::Value;
use slipway_test_database::TestDatabase;
use slipway_tests::{Case, Ended, Gateway, Process, ServeOptions, SimulateOptions, Simulators};

async fn check(case: &Case, config: &str, more: &[&str]) -> Ended {
    let file = case.path("checked.toml");
    fs::write(&file, config).expect("the case's folder is writable");
    let mut command = case.command(&["check", "--config"]);
    command.arg(file).args(more);
    Process::start(command).ended().await
}

async fn report(case: &Case, config: &str, code: i32) -> Value {
    let ended = check(case, config, &["--json"]).await;
    assert_eq!(ended.code, Some(code), "{:?} {}", ended.stdout, ended.stderr);
    let report: Value = serde_json::from_str(&ended.stdout[0]).expect("one JSON object");
    assert_eq!(report["is_good"], code == 0);
    report
}

fn texts(report: &Value, name: &str) -> String {
    let texts = report[name].as_array().expect("a list").iter();
    texts
        .map(|text| text.as_str().expect("a text"))
        .collect::<Vec<_>>()
        .join("\n")
}

#[tokio::test]
async fn a_configuration_is_tried_as_a_whole() {
    let case = Case::begin().await;
    let database = TestDatabase::create().await.expect("a database for the test");
    let simulators = Simulators::start(&case, &SimulateOptions::default()).await;
    let options = ServeOptions::on(&database);
    let gateway = Gateway::start(&case, &options, &simulators).await;
    gateway.wait_until_synced().await;
    let good = fs::read_to_string(Gateway::config_file(&case, &options)).expect("the configuration");
    let secrets = [simulators.text("/cloud66/token"), simulators.text("/scalingo/token")];

    let found = report(&case, &good, 0).await;
    for account in found["accounts"].as_array().expect("a list") {
        assert_eq!(
            (&account["reachable"], &account["token_accepted"]),
            (&true.into(), &true.into()),
            "{account}"
        );
        assert_eq!(account["applications"], 3, "{account}");
        assert!(
            account["scopes"].is_null() && account["budget"]["left"].is_u64(),
            "{account}"
        );
        assert!(
            account["clock_difference_ms"]
                .as_i64()
                .is_some_and(|ms| ms.abs() < 30_000),
            "{account}"
        );
    }
    assert_eq!(found["database"]["pending_migrations"], 0);
    assert_eq!(
        (texts(&found, "faults"), texts(&found, "warnings")),
        (String::new(), String::new())
    );
    let shown = check(&case, &good, &[]).await;
    assert_eq!(shown.code, Some(0));
    let shown = shown.stdout.join("\n");
    for wanted in [
        "account cloud66-test (cloud66): reachable, token accepted, 3 applications",
        "clocks agree",
        "a gateway can work",
    ] {
        assert!(shown.contains(wanted), "{shown}");
    }
    assert!(secrets.iter().all(|secret| !shown.contains(secret)), "{shown}");

    // Two things at once: a token that is refused, and nobody at an address.
    let bad = good
        .replace(secrets[1], "tk-us-nobody")
        .replace(simulators.text("/cloud66/url"), "http://127.0.0.1:1");
    let found = report(&case, &bad, 1).await;
    let faults = texts(&found, "faults");
    assert!(
        faults.contains("account scalingo-test") && faults.contains("give it a token that is valid"),
        "{faults}"
    );
    assert!(
        faults.contains("account cloud66-test") && faults.contains("see that this machine reaches"),
        "{faults}"
    );
    assert!(faults.contains("checked.toml:"), "with the place: {faults}");
    assert_eq!(found["accounts"][0]["reachable"], false);
    assert_eq!(found["accounts"][1]["token_accepted"], false);

    // The same applications twice, under a new name beside the old one.
    let twice = format!(
        "{good}\n[[accounts]]\nname = 'twin'\nprovider = 'cloud66'\ntoken = '{}'\nbase_url = '{}/api/3'\n",
        secrets[0],
        simulators.text("/cloud66/url")
    );
    let warnings = texts(&report(&case, &twice, 0).await, "warnings");
    assert!(
        warnings.contains("`cloud66-test` and `twin` both see 3 applications"),
        "{warnings}"
    );

    // A new name in place of the old one: the history would be split.
    let renamed = good.replace("name = 'cloud66-test'", "name = 'cloud66-new'");
    let faults = texts(&report(&case, &renamed, 1).await, "faults");
    assert!(
        faults.contains("cloud66-new") && faults.contains("call it `cloud66-test` again"),
        "{faults}"
    );
    let without = renamed
        .lines()
        .filter(|line| !line.starts_with("url = "))
        .collect::<Vec<_>>()
        .join("\n");
    let not_checked = texts(&report(&case, &without, 0).await, "not_checked");
    assert!(
        not_checked.contains("renamed"),
        "what is not known is said: {not_checked}"
    );

    // Nothing can be asked where nothing can be read.
    let broken = good
        .replace("max_connections", "max_conections")
        .replace("provider = 'scalingo'", "provider = 'scalinga'");
    let found = report(&case, &broken, 1).await;
    assert_eq!(found["faults"].as_array().map(Vec::len), Some(2), "{found}");
    assert!(texts(&found, "not_checked").contains("accounts and database"));
}
