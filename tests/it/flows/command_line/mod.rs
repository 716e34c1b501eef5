//! The command line's client as its users run it: whole processes against a real gateway, which is killed under them.

mod blocked_streams;
mod front;
mod reading;
mod writing;

use serde_json::Value;
use slipway_tests::{Api, Case, Ended, Process};

fn start(case: &Case, url: &str, token: &str, arguments: &[&str]) -> Process {
    let mut command = case.command(arguments);
    command
        .env("SLIPWAY_URL", url)
        .env("SLIPWAY_TOKEN", token)
        .env("HOME", case.folder());
    Process::start(command)
}

async fn run(case: &Case, api: &Api, arguments: &[&str]) -> Ended {
    start(case, api.base(), api.token(), arguments).ended().await
}

async fn json(case: &Case, api: &Api, arguments: &[&str]) -> Value {
    let ended = run(case, api, arguments).await;
    assert_eq!(ended.code, Some(0), "{arguments:?}: {}", ended.stderr);
    assert_eq!(ended.stdout.len(), 1, "one document: {:?}", ended.stdout);
    serde_json::from_str(&ended.stdout[0]).expect("JSON")
}

fn text<'a>(value: &'a Value, pointer: &str) -> &'a str {
    value
        .pointer(pointer)
        .and_then(Value::as_str)
        .unwrap_or_else(|| panic!("{pointer} in {value}"))
}
