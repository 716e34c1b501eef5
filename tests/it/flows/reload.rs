//! SIGHUP: accounts, rules, freezes and tokens change under open streams; what has faults changes nothing.

use std::fs;
use std::time::Duration;

use serde_json::Value;
use slipway_api::FreshnessState;
use slipway_test_database::TestDatabase;
use slipway_tests::{Case, Gateway, ServeOptions, SimulateOptions, Simulators, until, within};

const MORE: &str = "
[[rules]]
providers = ['scalingo']
environment = 'night-watch'
[[freezes]]
name = 'night'
from = '2020-01-01T00:00:00Z'
to = '2100-01-01T00:00:00Z'
";

#[tokio::test]
async fn a_configuration_is_read_again_without_dropping_a_stream() {
    let case = Case::begin().await;
    let database = TestDatabase::create().await.expect("a database for the test");
    let simulators = Simulators::start(&case, &SimulateOptions::default()).await;
    let options = ServeOptions::on(&database);
    let mut gateway = Gateway::start(&case, &options, &simulators).await;
    gateway.wait_until_synced().await;
    let api = gateway.api.clone();
    let mut stream = api.stream(None).await;

    // The token goes to a file of its own: the account stays what it is.
    let file = Gateway::config_file(&case, &options);
    let secret = simulators.text("/scalingo/token");
    let token_file = case.path("scalingo.token");
    fs::write(&token_file, format!("{secret}\n")).expect("the case's folder is writable");
    let first = fs::read_to_string(&file).expect("the configuration");
    let good = first.replace(
        &format!("token = '{secret}'"),
        &format!("token_file = '{}'", token_file.display()),
    ) + MORE;
    assert_ne!(good.len(), first.len() + MORE.len());
    let mut reloads = 0;
    let mut reload = async |gateway: &mut Gateway, text: &str| {
        fs::write(&file, text).expect("the case's folder is writable");
        reloads += 1;
        gateway.process.signal(libc::SIGHUP);
        let said = "the configuration was read again";
        until("the configuration is read again", async || {
            (gateway.process.stderr().matches(said).count() == reloads).then_some(())
        })
        .await;
    };
    reload(&mut gateway, &good).await;

    // The stream that was open before tells of the new environment.
    let bound = Duration::from_secs(60);
    let told = loop {
        let (_, event) = stream.next_event(bound).await.expect("the old stream goes on");
        if event.r#type == "application.updated" && event.provider.as_deref() == Some("scalingo") {
            break event;
        }
    };
    assert_eq!(told.account.as_deref(), Some("scalingo-test"));
    until("every application has its environment", async || {
        let all = api.applications().await;
        let fits = |one: &slipway_api::ApplicationView| {
            (one.environment.as_deref() == Some("night-watch")) == (one.provider == "scalingo")
        };
        all.iter().all(fits).then_some(())
    })
    .await;
    let freezes: Value = api.get("/api/v1/freezes").await.json();
    assert_eq!(freezes["items"][0]["name"], "night");

    // A file with faults keeps what was, and says where they are.
    let line = good.lines().count() + 2;
    fs::write(&file, format!("{good}\n[sevrer]\nlisten = ':0'\n")).expect("the case's folder is writable");
    gateway.process.signal(libc::SIGHUP);
    let fault = gateway
        .process
        .wait_for_stderr("the fault is told", |line| {
            let line: Value = serde_json::from_str(line).ok()?;
            line["fault.message"].as_str()?;
            Some(line)
        })
        .await;
    assert_eq!(fault["fault.place"], format!("{}:{line}", file.display()));
    assert!(
        fault["fault.message"]
            .as_str()
            .is_some_and(|text| text.contains("did you mean `server`")),
        "{fault}"
    );
    let freezes: Value = api.get("/api/v1/freezes").await.json();
    assert_eq!(freezes["items"][0]["name"], "night", "as it was");

    // A token that was changed in its file.
    let is = async |state: FreshnessState| {
        let what = format!("the account is {state:?}");
        within(bound, &what, async || {
            (api.accounts().await["scalingo-test"].freshness.state == state).then_some(())
        })
        .await;
    };
    is(FreshnessState::Fresh).await;
    fs::write(&token_file, "a-token-that-nobody-knows").expect("the case's folder is writable");
    reload(&mut gateway, &good).await;
    is(FreshnessState::Error).await;
    fs::write(&token_file, secret).expect("the case's folder is writable");
    reload(&mut gateway, &good).await;
    is(FreshnessState::Fresh).await;

    // One account more: its applications come by the stream that is still the first one.
    let account = format!(
        "\n[[accounts]]\nname = 'second'\nprovider = 'cloud66'\ntoken = '{}'\nbase_url = '{}/api/3'\n",
        simulators.text("/cloud66/token"),
        simulators.text("/cloud66/url"),
    );
    reload(&mut gateway, &(good.clone() + &account)).await;
    loop {
        let (_, event) = stream.next_event(bound).await.expect("the old stream goes on");
        if event.account.as_deref() == Some("second") {
            break;
        }
    }
    assert!(!gateway.process.stderr().contains(secret), "no secret is logged");
}
