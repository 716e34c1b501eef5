//! `slipway demo`, from the first start to the next.
#![expect(clippy::unwrap_used, reason = "a test stops at what it did not expect")]

use std::os::unix::fs::PermissionsExt;

use serde_json::Value;

use crate::harness::{Folder, Program, command, event_ids, eventually, get, get_json, processes_of};

fn start(folder: &Folder) -> (Program, Value) {
    let mut program = Program::start(&mut command(&[
        "demo",
        "--json",
        "--listen",
        ":0",
        "--data-dir",
        folder.text(),
    ]));
    let ready = program.ready();
    assert_eq!(ready["pid"], program.pid());
    (program, ready)
}

fn text<'a>(value: &'a Value, key: &str) -> &'a str {
    value[key].as_str().unwrap()
}

#[test]
fn it_shows_both_providers_at_once_and_goes_on_where_it_ended() {
    let folder = Folder::new();
    let (program, first) = start(&folder);
    let (url, token) = (text(&first, "url"), text(&first, "read_token"));
    assert_eq!(get(url, "/readyz", "").0, 200);
    assert_eq!(get(url, "/api/v1/deployments", "wrong").0, 401);
    for simulator in ["cloud66", "scalingo", "control"] {
        assert!(text(&first["simulators"], simulator).starts_with("http://127.0.0.1:"));
    }
    let mode = std::fs::metadata(folder.0.join("tokens.json"))
        .unwrap()
        .permissions()
        .mode();
    assert_eq!(mode & 0o077, 0, "nobody else may read the tokens");

    let closed = ["queued", "in_progress", "succeeded", "failed", "canceled", "unknown"];
    let oldest = eventually("history of both providers", || {
        let page = get_json(url, "/api/v1/deployments?limit=200", token);
        let items = page["items"].as_array().unwrap().clone();
        assert!(items.iter().all(|item| closed.contains(&text(item, "status"))));
        let both = ["cloud66", "scalingo"]
            .iter()
            .all(|name| items.iter().any(|item| item["provider"] == **name));
        (both && items.len() == 200).then(|| items[199]["id"].as_str().unwrap().to_owned())
    });
    let applications = get_json(url, "/api/v1/applications?limit=200", token);
    assert_eq!(applications["items"].as_array().unwrap().len(), 40);
    let seen = event_ids(url, token, None, 3);
    assert_eq!(seen.len(), 3);

    // Gently, with a stream open.
    program.signal(libc::SIGINT);
    let (code, took, rest) = program.end();
    assert_eq!(code, Some(0));
    assert!(took.as_secs() < 10, "{took:?}");
    assert_eq!(rest, "", "one line and nothing else");
    assert_eq!(processes_of(&folder.0), Vec::<String>::new());

    // Tokens, history and the position in the log are as before.
    let (program, second) = start(&folder);
    let url = text(&second, "url");
    assert_eq!(second["read_token"], first["read_token"]);
    assert_eq!(second["admin_token"], first["admin_token"]);
    assert_eq!(get(url, &format!("/api/v1/deployments/{oldest}"), token).0, 200);
    let resumed = event_ids(url, token, Some(&seen[0]), 4);
    assert_eq!(resumed[..2], seen[1..], "no gap and no duplicate over a restart");

    // At once: nothing that was told is lost, and nothing keeps running.
    program.signal(libc::SIGKILL);
    program.end();
    eventually("no process is left", || {
        processes_of(&folder.0).is_empty().then_some(())
    });
    let (program, third) = start(&folder);
    let replayed = event_ids(text(&third, "url"), token, Some(&seen[0]), 6);
    assert_eq!(replayed[..4], resumed[..]);
    program.signal(libc::SIGTERM);
    assert_eq!(program.end().0, Some(0));
}

#[test]
fn people_get_lines_that_they_can_copy() {
    let folder = Folder::new();
    let mut asked = command(&["demo", "--listen", "127.0.0.1:0", "--data-dir", folder.text()]);
    let program = Program::start(&mut asked);
    let text = program.text_until("Ctrl-C stops everything");
    let tokens: Value = serde_json::from_slice(&std::fs::read(folder.0.join("tokens.json")).unwrap()).unwrap();
    assert!(text.contains("Slipway runs at http://127.0.0.1:"), "{text}");
    assert!(text.contains(tokens["read_token"].as_str().unwrap()), "{text}");
    assert!(text.contains("/api/v1/events/stream'"), "{text}");
}

#[test]
fn a_second_demo_on_the_same_folder_is_told_so() {
    let folder = Folder::new();
    let (program, _) = start(&folder);
    let second = crate::harness::failure(&mut command(&["demo", "--listen", ":0", "--data-dir", folder.text()]));
    assert!(second.contains("is in use by process"), "{second}");
    assert!(second.contains(&program.pid().to_string()), "{second}");
}
