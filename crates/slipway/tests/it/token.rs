//! `slipway token`: the first token needs no other, and no gateway that runs.

use serde_json::Value;

use crate::harness::{Folder, Program, command, eventually, failure, get, get_json, run};

#[test]
fn a_gateway_without_any_configured_token_takes_those_of_the_command_line() {
    let folder = Folder::new();
    std::fs::create_dir(&folder.0).unwrap();
    let file = folder.0.join("slipway.toml");
    let listener = std::net::TcpListener::bind("127.0.0.1:0").unwrap();
    let listen = listener.local_addr().unwrap();
    drop(listener);
    let data = folder.0.join("data");
    let config = format!(
        "[server]\nlisten = '{listen}'\n[database]\ndata_dir = '{}'\n",
        data.display()
    );
    std::fs::write(&file, config).unwrap();
    let slipway = |arguments: &[&str]| {
        let mut asked = command(arguments);
        asked.args(["--config", file.to_str().unwrap()]);
        asked
    };
    let said = |arguments: &[&str]| {
        let output = run(&mut slipway(arguments));
        assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
        String::from_utf8(output.stdout).unwrap().trim().to_owned()
    };

    let admin = said(&["token", "create", "--name", "first", "--scope", "admin"]);
    assert!(
        admin.starts_with("slp_") && !admin.contains(char::is_whitespace),
        "{admin}"
    );
    let made = said(&[
        "token",
        "create",
        "--json",
        "--name",
        "team",
        "--scope",
        "deployments:read,events:read",
        "--account",
        "main",
        "--expires-in",
        "90d",
    ]);
    let made: Value = serde_json::from_str(&made).unwrap();
    let restricted = made["secret"].as_str().unwrap().to_owned();
    assert!(
        restricted.starts_with(made["token"]["prefix"].as_str().unwrap()),
        "{made}"
    );
    assert_eq!(made["token"]["restrictions"]["accounts"][0], "main");
    let refused = failure(&mut slipway(&[
        "token",
        "create",
        "--name",
        "a",
        "--scope",
        "admin",
        "--account",
        "main",
    ]));
    assert!(refused.contains("cannot be restricted"), "{refused}");
    let unknown = run(&mut slipway(&["token", "create", "--name", "a", "--scope", "root"]));
    assert_eq!(unknown.status.code(), Some(64));
    assert!(String::from_utf8_lossy(&unknown.stderr).contains("deployments:read"));

    let listed = said(&["token", "list", "--json"]);
    let tokens: Vec<Value> = listed.lines().map(|line| serde_json::from_str(line).unwrap()).collect();
    assert_eq!(tokens.len(), 2);
    assert!(!listed.contains(&admin) && !listed.contains(&restricted), "{listed}");
    assert_eq!(tokens[0]["restrictions"]["accounts"][0], "main");

    let gateway = Program::start(&mut slipway(&["serve"]));
    let url = format!("http://{listen}");
    eventually("the API answers", || std::net::TcpStream::connect(listen).ok());
    eventually("the gateway is ready", || {
        (get(&url, "/readyz", "").0 == 200).then_some(())
    });
    assert_eq!(get_json(&url, "/api/v1/whoami", &restricted)["principal"], "team");
    assert_eq!(get(&url, "/api/v1/audit", &restricted).0, 403);
    let audit = get_json(&url, "/api/v1/audit", &admin);
    assert_eq!(audit["items"][0]["principal"], "command-line");
    let busy = failure(&mut slipway(&["token", "list"]));
    assert!(busy.contains("POST /api/v1/tokens"), "{busy}");
    gateway.signal(libc::SIGTERM);
    assert_eq!(gateway.end().0, Some(0));

    let id = tokens[1]["id"].as_str().unwrap();
    assert!(said(&["token", "revoke", id]).contains("revoked"));
    let missing = failure(&mut slipway(&[
        "token",
        "revoke",
        "018f0000-0000-7000-8000-000000000000",
    ]));
    assert!(missing.contains("there is no token"), "{missing}");
}
