//! The client's commands against a gateway that misbehaves on purpose.
#![expect(clippy::unwrap_used, reason = "a test stops at what it did not expect")]

use std::process::{Command, Output};

use serde_json::{Value, json};

use crate::harness::{command, run};
use crate::script::{
    APPLICATION, Asked, DEPLOYMENT, Said, Script, application, deployment, event, event_json, list, problem,
};

const TOKEN: &str = "a-token-that-is-never-printed";

fn slipway(script: &Script, arguments: &[&str]) -> Command {
    let mut asked = command(arguments);
    asked
        .env("SLIPWAY_URL", &script.url)
        .env("SLIPWAY_TOKEN", TOKEN)
        .env("HOME", "/nowhere");
    asked.env_remove("XDG_CONFIG_HOME").env_remove("SLIPWAY_PROFILE");
    asked
}

/// Exit code, standard output, standard error. The token is in none of them.
fn said(command: &mut Command) -> (i32, String, String) {
    let Output { status, stdout, stderr } = run(command);
    let (stdout, stderr) = (String::from_utf8(stdout).unwrap(), String::from_utf8(stderr).unwrap());
    assert!(!stdout.contains(TOKEN) && !stderr.contains(TOKEN), "{stdout}{stderr}");
    (status.code().unwrap(), stdout, stderr)
}

/// What reads ask for; the rest is the test's.
fn reads(asked: &Asked) -> Said {
    let (path, query) = asked.path.split_once('?').unwrap_or((&asked.path, ""));
    let shop = application(APPLICATION, "shop", Some("production"));
    let parts: Vec<&str> = path.trim_start_matches("/api/v1/").split('/').collect();
    match parts.as_slice() {
        ["applications"] if query.contains("name=shop") || !query.contains("name=") => {
            Said::Json(200, "", list(&[shop]))
        }
        ["applications"] => Said::Json(200, "", list(&[])),
        ["applications", APPLICATION] => Said::Json(200, "", shop),
        ["applications", APPLICATION, "deployments"] => Said::Json(200, "", list(&[])),
        ["deployments", DEPLOYMENT] => Said::Json(200, "", deployment("in_progress", false, 1)),
        ["events"] => Said::Json(200, "", json!({"items": [], "next_cursor": "e1-1"})),
        _ => Said::Json(
            404,
            "",
            problem(404, "not_found", "there is nothing at this path", false),
        ),
    }
}

#[test]
fn one_run_of_a_write_has_one_key_however_often_it_must_ask() {
    let script = Script::new(|asked, before| match (asked.method.as_str(), before) {
        ("POST", 0) => Said::Json(
            503,
            "Retry-After: 0\r\n",
            problem(503, "database_unavailable", "busy", true),
        ),
        ("POST", 1) => Said::Nothing,
        ("POST", 2) => Said::Json(
            409,
            "Retry-After: 0\r\n",
            problem(409, "any_code", "not settled yet", false),
        ),
        ("POST", 3) => Said::Text(502, "", "<html>a proxy</html>".to_owned()),
        ("POST", _) => Said::Json(202, "", deployment("queued", false, 1)),
        _ => reads(asked),
    });
    let trigger = ["trigger", "shop", "--ref", "main", "--service", "web,worker", "--yes"];
    let (code, stdout, stderr) = said(&mut slipway(&script, &trigger));
    assert_eq!(
        (code, stdout.as_str()),
        (0, format!("queued  {DEPLOYMENT}\n").as_str()),
        "{stderr}"
    );
    assert_eq!(stderr.matches("asking again with the same key").count(), 1, "{stderr}");
    let writes = script.writes();
    assert_eq!(writes.len(), 5);
    let keys: Vec<_> = writes
        .iter()
        .map(|asked| asked.headers["idempotency-key"].clone())
        .collect();
    assert!(keys.iter().all(|key| *key == keys[0]), "{keys:?}");
    assert!(
        writes
            .iter()
            .all(|asked| asked.path == format!("/api/v1/applications/{APPLICATION}/deployments"))
    );
    let body: Value = serde_json::from_str(&writes[0].body).unwrap();
    assert_eq!(body, json!({"git_ref": "main", "services": ["web", "worker"]}));

    // Another run is another thing to do, unless it is told otherwise.
    let mut named = slipway(&script, &trigger);
    assert_eq!(said(named.args(["--json", "--idempotency-key", "build-17"])).0, 0);
    assert_eq!(script.writes()[5].headers["idempotency-key"], "build-17");
    said(&mut slipway(&script, &trigger));
    let last = script.writes().pop().unwrap();
    assert!(!keys.contains(&last.headers["idempotency-key"]) && last.headers["idempotency-key"] != "build-17");
}

#[test]
fn nothing_is_changed_without_a_yes() {
    let script = Script::new(|asked, _| reads(asked));
    for arguments in [
        ["trigger", "shop"].as_slice(),
        &["cancel", DEPLOYMENT],
        &["redeploy", "--app", "shop"],
        &["rollback", DEPLOYMENT, "--wait"],
    ] {
        let (code, stdout, stderr) = said(&mut slipway(&script, arguments));
        assert_eq!((code, stdout.as_str()), (64, ""));
        assert!(stderr.contains("add --yes"), "{stderr}");
    }
    assert!(script.writes().is_empty());
}

#[test]
fn a_dry_run_shows_the_call_and_makes_none() {
    let script = Script::new(|asked, _| match asked.path.as_str() {
        "/api/v1/previews" => Said::Json(
            200,
            "",
            json!({"provider": "scalingo", "method": "POST", "url": "https://api.example/v1/apps/shop/deployments",
                "body": {"deployment": {"git_ref": "main"}}, "warnings": ["a freeze is in force"]}),
        ),
        _ => reads(asked),
    });
    let (code, stdout, _) = said(&mut slipway(&script, &["rollback", DEPLOYMENT, "--dry-run"]));
    assert_eq!(code, 0);
    for wanted in [
        "POST https://api.example/v1/apps/shop/deployments",
        "\"git_ref\": \"main\"",
        "a freeze is in force",
    ] {
        assert!(stdout.contains(wanted), "{stdout}");
    }
    let writes = script.writes();
    assert_eq!(writes.len(), 1);
    let body: Value = serde_json::from_str(&writes[0].body).unwrap();
    assert_eq!(body, json!({"action": "rollback", "deployment_id": DEPLOYMENT}));
}

#[test]
fn a_refused_write_says_why_and_is_not_tried_again() {
    let script = Script::new(|asked, _| match asked.method.as_str() {
        "POST" => Said::Json(
            409,
            "",
            problem(409, "already_finished", "it has ended: redeploy it instead", false),
        ),
        _ => reads(asked),
    });
    let (code, stdout, stderr) = said(&mut slipway(&script, &["cancel", DEPLOYMENT, "--yes"]));
    assert_eq!(
        (code, stdout.as_str(), stderr.as_str()),
        (1, "", "slipway: it has ended: redeploy it instead\n")
    );
    assert_eq!(script.writes().len(), 1);
    assert_eq!(
        script.writes()[0].path,
        format!("/api/v1/deployments/{DEPLOYMENT}/cancel")
    );
}

#[test]
fn who_is_asked_and_why_it_fails_is_said() {
    let elsewhere = Script::new(|asked, _| reads(asked));
    let target = elsewhere.url.clone();
    let script = Script::new(move |asked, _| {
        let name = asked
            .path
            .split("name=")
            .nth(1)
            .and_then(|rest| rest.split('&').next())
            .unwrap_or_default();
        match name {
            "html" => Said::Text(200, "", "<html>an intranet</html>".to_owned()),
            "teapot" => Said::Text(418, "", "a teapot".to_owned()),
            "moved" => Said::Text(
                302,
                Box::leak(format!("Location: {target}/api/v1/applications\r\n").into_boxed_str()),
                String::new(),
            ),
            "expired" => Said::Json(401, "", problem(401, "token_expired", "the token has ended", false)),
            "scope" => Said::Json(
                403,
                "",
                problem(
                    403,
                    "insufficient_scope",
                    "the scope `deployments:read` is needed",
                    false,
                ),
            ),
            "evil" => Said::Json(422, "", problem(422, "invalid_body", "\u{1b}[2Jwiped", false)),
            _ => reads(asked),
        }
    });
    for (name, code, expected) in [
        ("html", 69, "does not speak this release's API"),
        ("teapot", 69, "is no Slipway gateway"),
        ("moved", 69, "is no Slipway gateway"),
        (
            "expired",
            69,
            "refuses the token that SLIPWAY_TOKEN gives: the token has ended (token_expired)",
        ),
        (
            "scope",
            69,
            "does not allow this: the scope `deployments:read` is needed",
        ),
        ("evil", 64, "[2Jwiped"),
        ("shopp", 64, "did you mean:\n  scalingo/main/shop  (production)"),
    ] {
        let (told, stdout, stderr) = said(&mut slipway(&script, &["list", "--app", name]));
        assert_eq!((told, stdout.as_str()), (code, ""), "{name}: {stderr}");
        assert!(stderr.contains(expected), "{name}: {stderr}");
        assert!(!stderr.contains('\u{1b}'), "{stderr:?}");
    }
    assert!(elsewhere.asked().is_empty(), "a token goes nowhere else");
    assert!(
        script
            .asked()
            .iter()
            .all(|asked| asked.headers["authorization"] == format!("Bearer {TOKEN}"))
    );

    let mut nobody = Script::new(|asked, _| reads(asked));
    nobody.url = "http://127.0.0.1:1".to_owned();
    for arguments in [
        ["list"].as_slice(),
        &["watch"],
        &["wait", DEPLOYMENT],
        &["logs", "-f", DEPLOYMENT],
    ] {
        let (code, _, stderr) = said(&mut slipway(&nobody, arguments));
        assert_eq!(code, 69, "{arguments:?}: {stderr}");
        assert!(
            stderr.contains("no gateway answers at http://127.0.0.1:1 (connection refused)"),
            "{stderr}"
        );
        assert!(
            stderr.contains("--url, SLIPWAY_URL") && stderr.contains("slipway demo"),
            "{stderr}"
        );
    }
    let mut without = slipway(
        &Script::new(|_, _| Said::Json(401, "", problem(401, "unauthenticated", "no", false))),
        &["apps"],
    );
    let (code, _, stderr) = said(without.env_remove("SLIPWAY_TOKEN"));
    assert_eq!(code, 69);
    assert!(
        stderr.contains("wants a token: set SLIPWAY_TOKEN or SLIPWAY_TOKEN_FILE"),
        "{stderr}"
    );
}

#[test]
fn wrong_usage_is_64_and_help_is_not() {
    for arguments in [
        ["list", "--bogus"].as_slice(),
        &["wait"],
        &["wait", "not-an-id"],
        &["wait", DEPLOYMENT, "--app", "shop"],
        &["wait", DEPLOYMENT, "--timeout", "soon"],
        &["get", DEPLOYMENT, "--include", "raw"],
        &["list", "--limit", "0"],
        &["completions", "tcl"],
        &[],
    ] {
        let output = run(&mut command(arguments));
        assert_eq!(output.status.code(), Some(64), "{arguments:?}");
        assert!(output.stdout.is_empty(), "{arguments:?}");
    }
    for arguments in [
        ["--help"].as_slice(),
        &["wait", "--help"],
        &["--version"],
        &["completions", "bash"],
        &["completions", "zsh"],
        &["completions", "fish"],
    ] {
        let output = run(&mut command(arguments));
        assert_eq!(output.status.code(), Some(0), "{arguments:?}");
        assert!(!output.stdout.is_empty());
    }
}

#[test]
fn two_of_one_name_are_told_apart() {
    const OTHER: &str = "018f0000-0000-7000-8000-00000000000b";
    let script = Script::new(|asked, _| {
        let both = [
            application(APPLICATION, "shop", Some("production")),
            application(OTHER, "shop", Some("staging")),
        ];
        match asked.path.as_str() {
            path if path.starts_with("/api/v1/applications?") => Said::Json(200, "", list(&both)),
            path if path.contains(OTHER) => Said::Json(202, "", deployment("queued", false, 1)),
            _ => reads(asked),
        }
    });
    let (code, _, stderr) = said(&mut slipway(&script, &["trigger", "shop", "--yes"]));
    assert_eq!(code, 64);
    for wanted in [
        "2 applications are called `shop`",
        "--environment",
        "(production)",
        "(staging)",
        OTHER,
    ] {
        assert!(stderr.contains(wanted), "{stderr}");
    }
    assert!(script.writes().is_empty());
    let (code, _, stderr) = said(&mut slipway(
        &script,
        &["trigger", "main/shop", "--environment", "staging", "--yes"],
    ));
    assert_eq!(code, 0, "{stderr}");
    assert!(script.writes()[0].path.contains(OTHER));
}

#[test]
fn wait_sees_what_happens_between_its_look_and_its_stream() {
    for (status, code) in [("succeeded", 0), ("failed", 1), ("canceled", 2), ("unknown", 3)] {
        // The first stream brings nothing and is cut; the second look still shows the old state; then the end comes.
        let script = Script::new(move |asked, before| {
            if !asked.path.contains("/events/stream") {
                return reads(asked);
            }
            match before {
                0 => Said::Stream("retry: 10\nid: e1-4\n\n".to_owned()),
                _ => Said::OpenStream(
                    // An older state that was on its way is no news.
                    event("e1-5", "deployment.updated", &deployment("queued", false, 0))
                        + &event("e1-6", "deployment.finished", &deployment(status, true, 2)),
                ),
            }
        });
        let (told, stdout, stderr) = said(&mut slipway(&script, &["wait", DEPLOYMENT, "--timeout", "60s"]));
        assert_eq!(told, code, "{stderr}");
        assert!(stdout.starts_with(&format!("{status}  shop  01234567")), "{stdout}");
        assert!(
            stderr.contains("shop: in_progress") && !stderr.contains("queued"),
            "{stderr}"
        );
        let streams: Vec<_> = script
            .asked()
            .into_iter()
            .filter(|asked| asked.path.contains("/events/stream"))
            .collect();
        assert_eq!(streams.len(), 2);
        assert_eq!(
            streams[0].headers["last-event-id"], "e1-1",
            "from the position that was asked for first"
        );
        assert_eq!(
            streams[1].headers["last-event-id"], "e1-4",
            "and on from the last one seen"
        );
    }
}

#[test]
fn wait_gives_up_in_time_and_waits_for_what_is_still_to_come() {
    let script = Script::new(|asked, _| {
        if asked.path.contains("/events/stream") {
            Said::OpenStream(": alive\n\n".to_owned())
        } else {
            reads(asked)
        }
    });
    let (code, stdout, stderr) = said(&mut slipway(&script, &["wait", DEPLOYMENT, "--timeout", "1s"]));
    assert_eq!((code, stdout.as_str()), (3, ""), "{stderr}");
    assert!(stderr.contains("timed out; shop: in_progress"), "{stderr}");
    let (code, stdout, _) = said(&mut slipway(
        &script,
        &["wait", DEPLOYMENT, "--timeout", "1s", "--json"],
    ));
    let state: Value = serde_json::from_str(&stdout).unwrap();
    assert_eq!((code, &state["status"]), (3, &json!("in_progress")));
    let (code, _, stderr) = said(&mut slipway(
        &script,
        &["wait", "--app", "shop", "--ref", "0123456", "--timeout", "1s"],
    ));
    assert_eq!(code, 3);
    assert!(stderr.contains("no such deployment has come"), "{stderr}");

    // Another commit is not the one; the beginning of a hash, in any case, is enough.
    let script = Script::new(|asked, _| {
        if !asked.path.contains("/events/stream") {
            return reads(asked);
        }
        let mut other = deployment("failed", true, 9);
        other["id"] = json!(APPLICATION);
        other["git"]["sha"] = json!("ffffffffffff");
        Said::OpenStream(
            event("e1-5", "deployment.finished", &other)
                + &event("e1-6", "deployment.created", &deployment("queued", false, 1))
                + &event("e1-7", "deployment.finished", &deployment("succeeded", true, 2)),
        )
    });
    let (code, stdout, stderr) = said(&mut slipway(
        &script,
        &["wait", "--app", "shop", "--ref", "0123456789ABC", "--timeout", "60s"],
    ));
    assert_eq!(code, 0, "{stderr}");
    assert!(stdout.contains(DEPLOYMENT), "{stdout}");
}

#[test]
fn watch_goes_on_behind_the_last_event_and_says_when_something_is_missing() {
    let running = deployment("in_progress", false, 1);
    let reset = json!({"type": "reset", "reason": "expired", "cursor": "e1-9"});
    let script = Script::new(move |asked, before| {
        if !asked.path.contains("/events/stream") {
            return reads(asked);
        }
        let one = |id: &str| event(id, "deployment.started", &running);
        match before {
            // Cut in the middle of a block: it was not received.
            0 => Said::Stream(format!("retry: 1\nid: e1-1\n\n{}{}", one("e1-2"), &one("e1-3")[..40])),
            1 => Said::Stream(format!("retry: 1\n\n{}: alive\n\nid: e1-4\n\n", one("e1-3"))),
            2 => Said::Json(503, "Retry-After: 0\r\n", problem(503, "not_ready", "starting", true)),
            3 => Said::Stream(format!("event: reset\ndata: {reset}\n\nid: e1-9\n\nretry: 1\n\n")),
            4 => Said::Stream(format!(
                "{}event: auth_expired\ndata: {}\n\nretry: 1\n\n",
                one("e1-10"),
                json!({"type": "auth_expired"})
            )),
            _ => Said::Json(401, "", problem(401, "token_expired", "the token has ended", false)),
        }
    });
    let (code, stdout, stderr) = said(&mut slipway(
        &script,
        &["watch", "--json", "--type", "deployment.started"],
    ));
    assert_eq!(code, 69, "{stderr}");
    let lines: Vec<Value> = stdout.lines().map(|line| serde_json::from_str(line).unwrap()).collect();
    let ids: Vec<_> = lines
        .iter()
        .map(|line| line["id"].as_str().unwrap_or("reset"))
        .collect();
    assert_eq!(ids, ["e1-2", "e1-3", "reset", "e1-10"]);
    let streams: Vec<_> = script
        .asked()
        .into_iter()
        .filter(|asked| asked.path.contains("/events/stream"))
        .collect();
    let from: Vec<_> = streams
        .iter()
        .map(|asked| asked.headers["last-event-id"].as_str())
        .collect();
    assert_eq!(from, ["e1-1", "e1-2", "e1-4", "e1-4", "e1-9", "e1-10"]);
    assert!(
        streams
            .iter()
            .all(|asked| asked.path.ends_with("?type=deployment.started"))
    );
    assert!(stderr.contains("cannot tell what happened meanwhile"), "{stderr}");
}

#[test]
fn logs_are_printed_as_they_are_and_followed_to_their_end() {
    let line = |number: u32, epoch: u32, text: &str| {
        let data = json!({"id": format!("{epoch}:{number}"), "type": "line", "line": number, "text": text, "cursor": null, "reason": null});
        format!("id: {epoch}:{number}\nevent: line\ndata: {data}\n\n")
    };
    let control = |r#type: &str| {
        let data =
            json!({"id": null, "type": r#type, "line": null, "text": null, "cursor": null, "reason": "complete"});
        format!("event: {type}\ndata: {data}\n\n")
    };
    let script = Script::new(move |asked, before| {
        let path = asked
            .path
            .strip_prefix(&format!("/api/v1/deployments/{DEPLOYMENT}/logs"))
            .unwrap_or("elsewhere");
        match path {
            "" => Said::Text(200, "X-Log-Cursor: 1:2\r\n", "one\n\u{1b}[31mtwo\u{1b}[0m\n".to_owned()),
            "?tail=1" => Said::Text(200, "X-Log-Cursor: 1:2\r\n", "two\n".to_owned()),
            "/stream" if before == 0 => Said::Stream(format!("retry: 1\n{}{}", line(1, 1, "one"), line(2, 1, "two"))),
            "/stream" if before == 1 => Said::Stream(format!(
                "{}{}id: 2:0\n\n{}",
                line(3, 1, "three"),
                control("reset"),
                line(1, 2, "uno")
            )),
            "/stream" => Said::Stream(format!("{}{}", line(2, 2, "due"), control("end"))),
            _ => reads(asked),
        }
    });
    let (code, stdout, _) = said(&mut slipway(&script, &["logs", DEPLOYMENT]));
    assert_eq!(
        (code, stdout.as_str()),
        (0, "one\n\u{1b}[31mtwo\u{1b}[0m\n"),
        "a pipe gets it byte for byte"
    );
    let (code, stdout, _) = said(&mut slipway(&script, &["logs", "--json", "--tail", "1", DEPLOYMENT]));
    assert_eq!(code, 0);
    let object: Value = serde_json::from_str(&stdout).unwrap();
    assert_eq!(
        object,
        json!({"id": "1:2", "type": "line", "line": 2, "text": "two", "cursor": null, "reason": null})
    );

    let (code, stdout, stderr) = said(&mut slipway(&script, &["logs", "-f", "--app", "shop"]));
    assert_eq!((code, stdout.as_str()), (0, "one\ntwo\nthree\nuno\ndue\n"), "{stderr}");
    assert!(stderr.contains("another text now"), "{stderr}");
    let from = script
        .asked()
        .into_iter()
        .filter(|asked| asked.path.ends_with("/stream"));
    let from: Vec<_> = from
        .map(|asked| asked.headers.get("last-event-id").cloned().unwrap_or_default())
        .collect();
    assert_eq!(from, ["", "1:2", "2:1"]);
}

#[test]
fn where_no_stream_comes_through_the_same_is_asked_for_otherwise() {
    let finished = deployment("succeeded", true, 2);
    let last: Value = event_json("e1-2", "deployment.finished", &finished);
    let script = Script::new(move |asked, before| {
        let (path, query) = asked.path.split_once('?').unwrap_or((&asked.path, ""));
        let one = json!({"items": [last], "next_cursor": "e1-2"});
        match path.strip_prefix("/api/v1/").unwrap_or_default() {
            "events/stream" if before == 0 => Said::Text(403, "", "<html>no streams here</html>".to_owned()),
            "events/stream" => Said::Text(200, "", "what a portal says to everything".to_owned()),
            "events" if query.contains("after=e1-1") => Said::Json(200, "", one),
            path if path.ends_with("/logs/stream") => Said::Stream(String::new()),
            // Another text between two looks, and the end.
            path if path.ends_with("/logs") && query == "after_line=0" && before == 0 => {
                Said::Text(200, "X-Log-Cursor: 1:2\r\n", "one\ntwo\n".to_owned())
            }
            path if path.ends_with("/logs") && query == "after_line=0" => {
                Said::Text(200, "X-Log-Cursor: 2:1\r\n", "uno\n".to_owned())
            }
            path if path.ends_with("/logs") => Said::Text(200, "X-Log-Cursor: 2:1\r\n", String::new()),
            path if path == format!("deployments/{DEPLOYMENT}") && before > 2 => {
                let mut whole = deployment("succeeded", true, 2);
                whole["logs"]["complete"] = json!(true);
                Said::Json(200, "", whole)
            }
            _ => reads(asked),
        }
    });
    let (code, stdout, stderr) = said(&mut slipway(&script, &["logs", "-f", "--json", DEPLOYMENT]));
    assert_eq!(code, 0, "{stderr}");
    assert!(stderr.contains("streams do not come through"), "{stderr}");
    let told: Vec<Value> = stdout.lines().map(|line| serde_json::from_str(line).unwrap()).collect();
    let told: Vec<_> = told
        .iter()
        .map(|event| (event["type"].as_str().unwrap(), &event["id"], &event["text"]))
        .collect();
    let none = Value::Null;
    assert_eq!(
        told,
        [
            ("line", &json!("1:1"), &json!("one")),
            ("line", &json!("1:2"), &json!("two")),
            ("reset", &none, &none),
            ("line", &json!("2:1"), &json!("uno")),
            ("end", &none, &none),
        ]
    );
    let (code, stdout, stderr) = said(&mut slipway(&script, &["wait", DEPLOYMENT, "--timeout", "60s"]));
    assert_eq!(code, 0, "{stderr}");
    assert!(stdout.starts_with("succeeded"), "{stdout}");
    assert_eq!(
        script
            .asked()
            .iter()
            .filter(|asked| asked.path.contains("events/stream"))
            .count(),
        2,
        "two streams are tried"
    );
}

#[test]
fn a_freeze_is_broken_only_with_the_flag() {
    let script = Script::new(
        |asked, _| match (asked.method.as_str(), asked.headers.get("x-freeze-override")) {
            ("POST", None) => Said::Json(
                409,
                "",
                problem(409, "frozen", "the freeze `year-end` is in force", false),
            ),
            ("POST", Some(_)) => Said::Json(202, "", deployment("queued", false, 1)),
            _ => reads(asked),
        },
    );
    let trigger = ["trigger", "shop", "--ref", "main", "--yes"];
    let (code, stdout, stderr) = said(&mut slipway(&script, &trigger));
    assert_eq!((code, stdout.as_str()), (1, ""));
    assert_eq!(
        stderr,
        "slipway: the freeze `year-end` is in force; here that is --override-freeze\n"
    );
    let (code, _, stderr) = said(slipway(&script, &trigger).arg("--override-freeze"));
    assert_eq!(code, 0, "{stderr}");
    assert_eq!(script.writes()[1].headers["x-freeze-override"], "true");
    let refused = run(slipway(&script, &trigger[..4]).args(["--dry-run", "--override-freeze"]));
    assert_eq!(refused.status.code(), Some(64));
}
