//! What goes wrong at the start: one clear sentence with the way out, and an exit code that is not 0.

use std::net::TcpListener;

use crate::harness::{Folder, command, failure, run};

#[test]
fn a_busy_port() {
    let folder = Folder::new();
    let taken = TcpListener::bind("127.0.0.1:0").unwrap();
    let address = taken.local_addr().unwrap().to_string();
    let text = failure(&mut command(&[
        "demo",
        "--json",
        "--listen",
        &address,
        "--data-dir",
        folder.text(),
    ]));
    assert!(
        text.starts_with(&format!("slipway: cannot listen on {address}: it is in use;")),
        "{text}"
    );
    assert!(text.contains("`:0` takes a free port"), "{text}");
    assert_eq!(text.lines().count(), 1, "{text}");
    assert!(!folder.0.exists(), "nothing was made for nothing");
}

#[test]
fn a_folder_that_cannot_be_made() {
    let text = failure(&mut command(&[
        "demo",
        "--listen",
        ":0",
        "--data-dir",
        "/proc/nowhere/slipway",
    ]));
    assert!(text.contains("/proc/nowhere") && text.contains("--data-dir"), "{text}");
    assert_eq!(text.lines().count(), 1, "{text}");
}

#[test]
fn a_database_that_is_not_there() {
    let mut asked = command(&["migrate"]);
    asked
        .env("SLIPWAY_AUTH__READ_TOKEN", "read-read-read-read")
        .env("SLIPWAY_AUTH__ADMIN_TOKEN", "admin-admin-admin");
    asked.env(
        "SLIPWAY_DATABASE__URL",
        "postgres://user:hidden-password@127.0.0.1:1/slipway",
    );
    asked.env("SLIPWAY_LOG__FILTER", "error");
    let text = failure(&mut asked);
    assert!(text.contains("the PostgreSQL of database.url cannot be used"), "{text}");
    assert!(text.contains("leave database.url out for the built-in one"), "{text}");
    assert!(!text.contains("hidden-password"), "{text}");
}

#[test]
fn a_configuration_with_faults_tells_them_all() {
    let folder = Folder::new();
    std::fs::create_dir(&folder.0).unwrap();
    let file = folder.0.join("slipway.toml");
    let accounts = "[[accounts]]\nname = 'a'\nprovider = 'cloud66'\ntoken = 'secret-of-a'\nbase_url = 'not a url'\n\
        [[accounts]]\nname = 'b'\nprovider = 'scalingo'\ntoken = 'secret-of-b'\napi_url = 'http://example.com'\n";
    std::fs::write(&file, format!("[auth]\nread_token = 'r'\n{accounts}[serve]\n")).unwrap();
    let mut asked = command(&["serve", "--config", file.to_str().unwrap()]);
    let text = failure(&mut asked);
    for wanted in ["auth.read_token: must have at least 16", "did you mean `server`?"] {
        assert!(text.contains(wanted), "{text}");
    }
    let auth = "[auth]\nread_token = 'read-read-read-read'\nadmin_token = 'admin-admin-admin'\n";
    std::fs::write(&file, format!("{auth}{accounts}")).unwrap();
    let text = failure(&mut asked);
    assert!(
        text.contains("slipway.toml:8: account a: base_url: is not a URL"),
        "{text}"
    );
    assert!(
        text.contains("slipway.toml:9: account b:") && text.contains("unencrypted"),
        "{text}"
    );
    assert!(!text.contains("secret-of"), "{text}");
}

#[test]
fn a_wrong_option_is_explained() {
    let output = run(&mut command(&["demo", "--listen", "8080"]));
    assert_eq!(output.status.code(), Some(64));
    assert!(
        String::from_utf8(output.stderr)
            .unwrap()
            .contains("an address with a port is needed")
    );
}
