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
    let (mut reloaded, first) = Reloaded::start(&case, &database, &simulators).await;
    let api = reloaded.gateway.api.clone();
    let mut stream = api.stream(None).await;

    // The token goes to a file of its own: the account stays what it is.
    let secret = simulators.text("/scalingo/token");
    let token_file = case.path("scalingo.token");
    fs::write(&token_file, format!("{secret}\n")).expect("the case's folder is writable");
    let good = first.replace(
        &format!("token = '{secret}'"),
        &format!("token_file = '{}'", token_file.display()),
    ) + MORE;
    assert_ne!(good.len(), first.len() + MORE.len());
    reloaded.with(&good).await;

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
    fs::write(&reloaded.file, format!("{good}\n[sevrer]\nlisten = ':0'\n")).expect("the case's folder is writable");
    reloaded.gateway.process.signal(libc::SIGHUP);
    let fault = reloaded
        .gateway
        .process
        .wait_for_stderr("the fault is told", |line| {
            let line: Value = serde_json::from_str(line).ok()?;
            line["fault.message"].as_str()?;
            Some(line)
        })
        .await;
    assert_eq!(fault["fault.place"], format!("{}:{line}", reloaded.file.display()));
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
    reloaded.with(&good).await;
    is(FreshnessState::Error).await;
    fs::write(&token_file, secret).expect("the case's folder is writable");
    reloaded.with(&good).await;
    is(FreshnessState::Fresh).await;

    // One account more: its applications come by the stream that is still the first one.
    let account = format!(
        "\n[[accounts]]\nname = 'second'\nprovider = 'cloud66'\ntoken = '{}'\nbase_url = '{}/api/3'\n",
        simulators.text("/cloud66/token"),
        simulators.text("/cloud66/url"),
    );
    reloaded.with(&(good.clone() + &account)).await;
    loop {
        let (_, event) = stream.next_event(bound).await.expect("the old stream goes on");
        if event.account.as_deref() == Some("second") {
            break;
        }
    }
    assert!(
        !reloaded.gateway.process.stderr().contains(secret),
        "no secret is logged"
    );
}

/// A gateway whose configuration changes under it.
struct Reloaded {
    gateway: Gateway,
    file: std::path::PathBuf,
    reloads: usize,
}

impl Reloaded {
    /// One that has read everything, and the configuration that it was started with.
    async fn start(case: &Case, database: &TestDatabase, simulators: &Simulators) -> (Self, String) {
        let options = ServeOptions::on(database);
        let gateway = Gateway::start(case, &options, simulators).await;
        gateway.wait_until_synced().await;
        let file = Gateway::config_file(case, &options);
        let first = fs::read_to_string(&file).expect("the configuration");
        let this = Self {
            gateway,
            file,
            reloads: 0,
        };
        (this, first)
    }

    /// Writes another configuration, and waits until it is in force.
    async fn with(&mut self, text: &str) {
        fs::write(&self.file, text).expect("the case's folder is writable");
        self.reloads += 1;
        self.gateway.process.signal(libc::SIGHUP);
        let said = "the configuration was read again";
        until("the configuration is read again", async || {
            (self.gateway.process.stderr().matches(said).count() == self.reloads).then_some(())
        })
        .await;
    }
}

#[tokio::test]
async fn a_token_that_is_exchanged_ends_its_streams_and_a_mapping_reaches_history() {
    let case = Case::begin().await;
    let database = TestDatabase::create().await.expect("a database for the test");
    let simulators = Simulators::start(&case, &SimulateOptions::default()).await;
    let (mut reloaded, first) = Reloaded::start(&case, &database, &simulators).await;
    let (old, admin) = (reloaded.gateway.api.clone(), reloaded.gateway.admin.clone());
    let (mut cut, mut kept) = (old.stream(None).await, admin.stream(None).await);
    let exchanged = "another-read-token-of-the-tests";
    let text = first.replace(old.token(), exchanged);
    assert_ne!(text, first);
    reloaded.with(&text).await;
    let told = async {
        while let Some(block) = cut.next().await {
            if block.event.as_deref() == Some("auth_expired") {
                return block.view().and_then(|view| view.reason);
            }
        }
        None
    };
    let reason = tokio::time::timeout(Duration::from_secs(5), told).await;
    assert_eq!(reason.expect("within 5 seconds").as_deref(), Some("revoked"));
    assert_eq!(old.try_get("/api/v1/whoami").await.expect("an answer").status, 401);
    let new = slipway_tests::Api::new(old.base(), exchanged);
    let whoami: Value = new.get("/api/v1/whoami").await.json();
    assert_eq!(whoami["principal"], "read", "{whoami}");
    let warned = reloaded.gateway.process.stderr();
    assert!(!warned.contains("put in force by a restart only"), "{warned}");
    assert!(!warned.contains(exchanged), "no secret is logged");

    // A status that nobody maps, then one that the configuration maps.
    let fault = serde_json::json!({"kind": "unknown_status", "provider": "scalingo"});
    simulators.control.fault(fault).await;
    let ids = simulators.control.deploy("scalingo", "success", 1).await;
    let state = async |status: slipway_api::Status| {
        within(Duration::from_secs(60), &format!("it is {status:?}"), async || {
            let all = new.deployments("provider=scalingo").await;
            let one = all
                .into_iter()
                .find(|one| one.provider_deployment_id.as_ref() == Some(&ids[0]))?;
            (one.status == status).then_some(one)
        })
        .await
    };
    state(slipway_api::Status::Unknown).await;
    let mapping = "\n[[status_mappings]]\nprovider = 'scalingo'\nprovider_status = 'teleporting'\nstatus = 'failed'\n\
                   failure_reason = 'lost_in_space'\n";
    reloaded.with(&(text.clone() + mapping)).await;
    let mapped = state(slipway_api::Status::Failed).await;
    assert_eq!(mapped.failure_reason.as_deref(), Some("lost_in_space"));
    reloaded.with(&text).await;
    state(slipway_api::Status::Unknown).await;

    // The stream of the other token has seen it all.
    for status in [slipway_api::Status::Failed, slipway_api::Status::Unknown] {
        loop {
            let (_, event) = kept.next_event(Duration::from_secs(60)).await.expect("it goes on");
            if event.deployment_id == Some(mapped.id) && event.status == Some(status) {
                break;
            }
        }
    }
}

#[tokio::test]
async fn an_account_takes_its_history_along_to_another_name() {
    let case = Case::begin().await;
    let database = TestDatabase::create().await.expect("a database for the test");
    let simulators = Simulators::start(&case, &SimulateOptions::default()).await;
    let (mut reloaded, first) = Reloaded::start(&case, &database, &simulators).await;
    let (api, admin) = (reloaded.gateway.api.clone(), reloaded.gateway.admin.clone());
    let before = api.deployments("account=cloud66-test").await;
    assert!(before.len() > 3, "there is a history");
    let none: [&str; 0] = [];
    let token = serde_json::json!({"name": "restricted", "scopes": ["deployments:read"], "expires_at": null,
        "restrictions": {"providers": none, "accounts": ["cloud66-test"], "applications": none, "environments": none}});
    let made = admin.post("/api/v1/tokens", &token, &[]).await;
    let made: Value = serde_json::from_str(&made.text).expect("JSON");
    let restricted = slipway_tests::Api::new(api.base(), made["secret"].as_str().expect("a secret"));
    assert_eq!(restricted.deployments("").await.len(), before.len());

    let renamed = first.replace(
        "name = 'cloud66-test'",
        "name = 'production'\nprevious_name = 'cloud66-test'",
    );
    // Said beforehand.
    let checked = case.path("checked.toml");
    fs::write(&checked, &renamed).expect("the case's folder is writable");
    let mut check = case.command(&["check", "--config"]);
    check.arg(&checked);
    let check = slipway_tests::Process::start(check).ended().await;
    let said = check.stdout.join("\n");
    assert_eq!(check.code, Some(0), "{said}");
    assert!(
        said.contains("3 applications that stand in the history under `cloud66-test` go over to it"),
        "{said}"
    );

    reloaded.with(&renamed).await;
    let ids = |deployments: &[slipway_api::DeploymentView]| {
        let ids = deployments.iter().map(|one| (one.id, one.created_at));
        ids.collect::<std::collections::BTreeSet<_>>()
    };
    let after = within(Duration::from_secs(60), "the deployments have followed", async || {
        let now = api.deployments("account=production").await;
        (now.len() == before.len()).then_some(now)
    })
    .await;
    assert_eq!(ids(&after), ids(&before), "the same ones");
    assert!(api.deployments("account=cloud66-test").await.is_empty());
    // What was looked up of a token holds for a moment.
    within(
        Duration::from_secs(5),
        "a token that is restricted to it still sees it",
        async || (ids(&restricted.deployments("").await) == ids(&before)).then_some(()),
    )
    .await;
    assert!(!api.accounts().await.contains_key("cloud66-test"));
    // It goes on under the new name.
    let new = simulators.control.deploy("cloud66", "success", 1).await;
    let deployed = within(Duration::from_secs(60), "a new deployment is there", async || {
        let all = api.deployments("account=production").await;
        all.into_iter()
            .find(|one| one.provider_deployment_id.as_ref() == Some(&new[0]))
    })
    .await;
    assert_eq!(deployed.account, "production");

    // Once more, and with a name that cannot be followed: both have a history.
    reloaded.with(&renamed).await;
    let clash = renamed
        .replace("previous_name = 'cloud66-test'", "")
        .replace(
            "name = 'scalingo-test'",
            "name = 'production-2'\nprevious_name = 'production'",
        )
        .replace(
            "[[accounts]]\nname = 'production'\n",
            "[[accounts]]\nname = 'production-3'\n",
        );
    fs::write(&reloaded.file, &clash).expect("the case's folder is writable");
    reloaded.gateway.process.signal(libc::SIGHUP);
    let refused = reloaded
        .gateway
        .process
        .wait_for_stderr("it is refused", |line| {
            let line: Value = serde_json::from_str(line).ok()?;
            line["error"]
                .as_str()
                .filter(|error| error.contains("previous_name"))
                .map(str::to_owned)
        })
        .await;
    assert!(
        refused.contains("account production-2: the history of `production` is of cloud66"),
        "{refused}"
    );
    assert_eq!(
        api.deployments("account=production").await.len(),
        before.len() + 1,
        "everything stays as it was"
    );
}
