//! `slipway serve` with the simulators as its providers, as separate processes.
#![expect(clippy::unwrap_used, reason = "a test stops at what it did not expect")]

use serde_json::Value;

use crate::harness::{Folder, Program, command, eventually, get, get_json, processes_of, run};

const READ: &str = "read-read-read-read";
const ADMIN: &str = "admin-admin-admin";

fn simulators() -> (Program, Value) {
    let asked = [
        "simulate",
        "--json",
        "--ports",
        "0,0,0",
        "--cloud66-stacks",
        "2",
        "--scalingo-apps",
        "2",
        "--history",
        "3",
    ];
    let mut simulators = Program::start(&mut command(&asked));
    let ready = simulators.ready();
    (simulators, ready)
}

#[test]
fn it_serves_what_the_configured_accounts_have() {
    let (simulators, providers) = simulators();
    let folder = Folder::new();
    std::fs::create_dir(&folder.0).unwrap();
    let file = folder.0.join("slipway.toml");
    let listen = free_address();
    let text = |value: &Value| value.as_str().unwrap().to_owned();
    let config = format!(
        "[server]\nlisten = '{listen}'\n[database]\ndata_dir = '{}'\n\
         [auth]\nread_token = '{READ}'\nadmin_token = '{ADMIN}'\n\
         [[accounts]]\nname = 'one'\nprovider = 'cloud66'\ntoken_env = 'ONE'\nbase_url = '{}/api/3'\n\
         [[accounts]]\nname = 'two'\nprovider = 'scalingo'\ntoken = '{}'\napi_url = '{}'\nauth_url = '{}'\n",
        folder.0.join("data").display(),
        text(&providers["cloud66"]["url"]),
        text(&providers["scalingo"]["token"]),
        text(&providers["scalingo"]["api_url"]),
        text(&providers["scalingo"]["auth_url"]),
    );
    std::fs::write(&file, config).unwrap();
    let mut asked = command(&["serve", "--config", file.to_str().unwrap()]);
    asked
        .env("ONE", text(&providers["cloud66"]["token"]))
        .env("SLIPWAY_LOG__FORMAT", "json");
    let gateway = Program::start(&mut asked);

    let url = format!("http://{listen}");
    eventually("the API answers", || std::net::TcpStream::connect(&listen).ok());
    eventually("the gateway is ready", || {
        (get(&url, "/readyz", "").0 == 200).then_some(())
    });
    eventually("both accounts are there", || {
        let page = get_json(&url, "/api/v1/deployments?limit=200", READ);
        let items = page["items"].as_array().unwrap().clone();
        ["one", "two"]
            .iter()
            .all(|account| items.iter().any(|item| item["account"] == **account))
            .then_some(())
    });
    assert_eq!(
        get_json(&url, "/api/v1/accounts", ADMIN)["items"]
            .as_array()
            .unwrap()
            .len(),
        2
    );

    gateway.signal(libc::SIGTERM);
    let (code, took, _) = gateway.end();
    assert_eq!(code, Some(0));
    assert!(took.as_secs() < 10, "{took:?}");
    simulators.signal(libc::SIGTERM);
    assert_eq!(simulators.end().0, Some(0));
    assert_eq!(processes_of(&folder.0), Vec::<String>::new());
}

#[test]
fn the_simulators_tokens_in_the_demo_configuration_are_theirs() {
    let mut simulators = Program::start(&mut command(&["simulate", "--json", "--ports", "0,0,0"]));
    let ready = simulators.ready();
    let config = include_str!("../../../../config/demo.toml");
    for provider in ["cloud66", "scalingo"] {
        assert!(
            config.contains(ready[provider]["token"].as_str().unwrap()),
            "{provider}"
        );
    }
}

#[test]
fn the_contract_is_printed() {
    let output = run(&mut command(&["openapi"]));
    assert!(output.status.success());
    let document: Value = serde_json::from_slice(&output.stdout).unwrap();
    assert!(document["openapi"].as_str().unwrap().starts_with("3.1"));
    assert!(document["paths"]["/api/v1/deployments"]["get"].is_object());
}

/// Free a moment ago; nothing else on this machine takes ports in order.
fn free_address() -> String {
    std::net::TcpListener::bind("127.0.0.1:0")
        .unwrap()
        .local_addr()
        .unwrap()
        .to_string()
}
