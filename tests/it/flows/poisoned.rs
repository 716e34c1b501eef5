//! Two applications of each account that the provider cannot tell anything of: everything else stays as fresh as ever.

use std::collections::HashSet;
use std::time::Duration;

use serde_json::{Value, json};
use slipway_test_database::TestDatabase;
use slipway_tests::{Case, Gateway, ServeOptions, SimulateOptions, Simulators, until, within};

const PROVIDERS: [&str; 2] = ["cloud66", "scalingo"];
/// Of each provider.
const APPLICATIONS: usize = 25;
const POISONED: usize = 2;
const LONG: Duration = Duration::from_secs(180);

fn text(value: &Value) -> &str {
    value.as_str().expect("a text")
}

#[tokio::test]
async fn two_broken_applications_do_not_keep_the_others_from_being_read() {
    let case = Case::begin().await;
    let database = TestDatabase::create().await.expect("a database for the test");
    let world = SimulateOptions {
        cloud66_stacks: APPLICATIONS,
        scalingo_apps: APPLICATIONS,
        history: 1,
        ..SimulateOptions::default()
    };
    let simulators = Simulators::start(&case, &world).await;
    let control = &simulators.control;
    let options = ServeOptions {
        idle_every: "10m".to_owned(),
        ..ServeOptions::on(&database)
    };
    let gateway = Gateway::start(&case, &options, &simulators).await;
    within(LONG, "all applications are read", async || {
        let rows = gateway.api.deployments("").await;
        let seen: HashSet<_> = rows.iter().map(|row| row.application_id).collect();
        (seen.len() == 2 * APPLICATIONS).then_some(())
    })
    .await;

    let mut poisoned = Vec::new();
    let mut others = Vec::new();
    let applications = control.applications().await;
    for provider in PROVIDERS {
        let of_provider = applications.iter().filter(|one| one["provider"] == provider);
        for (position, application) in of_provider.enumerate() {
            let id = text(&application["id"]).to_owned();
            match position {
                ..POISONED => poisoned.push((provider, id, text(&application["name"]).to_owned())),
                POISONED..6 => others.push((provider, id)),
                _ => {}
            }
        }
    }
    for (provider, id, name) in &poisoned {
        for key in [id, name] {
            // What is asked again at once, three times each: the worst case.
            let fault = json!({"provider": provider, "kind": "status", "status": 502,
                               "path_contains": format!("/{key}/deployments")});
            control.fault(fault).await;
        }
        let body = json!({"provider": provider, "application": id, "scenario": "success"});
        control.post("/deployments", body).await;
    }
    // Again and again, while the broken ones are asked and fail.
    let mut started = Vec::new();
    for round in 0..4 {
        for (provider, id) in others.iter().skip(round).step_by(4) {
            let body = json!({"provider": provider, "application": id, "scenario": "success"});
            let answer = control.post("/deployments", body).await;
            started.push(text(&answer["deployments"][0]["id"]).to_owned());
        }
        within(LONG, "the others' deployments end", async || {
            for (name, account) in gateway.api.accounts().await {
                assert!(account.circuit.is_none(), "{name}: {:?}", account.circuit);
            }
            let rows = gateway.api.deployments("").await;
            let ended: HashSet<_> = rows
                .into_iter()
                .filter(|row| row.is_finished)
                .filter_map(|row| row.provider_deployment_id)
                .collect();
            started.iter().all(|id| ended.contains(id)).then_some(())
        })
        .await;
    }
    let failed = broken(&gateway).await;
    assert_eq!(failed.len(), PROVIDERS.len() * POISONED, "{failed:?}");

    control.heal().await;
    within(LONG, "the broken ones are read again", async || {
        broken(&gateway).await.is_empty().then_some(())
    })
    .await;
    until("the accounts are fresh", async || {
        let accounts = gateway.api.accounts().await;
        accounts
            .values()
            .all(|account| account.freshness.reason.is_none() && account.circuit.is_none())
            .then_some(())
    })
    .await;
}

/// The applications that say that they cannot be read.
async fn broken(gateway: &Gateway) -> Vec<String> {
    let applications = gateway.api.applications().await;
    let is_broken = applications
        .into_iter()
        .filter(|one| one.freshness.state == slipway_api::FreshnessState::Error);
    is_broken.map(|one| one.name).collect()
}
