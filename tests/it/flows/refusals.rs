//! What cannot be is told in one clear sentence with the way out, and the exit code says so too.

use std::fs::{self, Permissions};
use std::os::unix::fs::PermissionsExt;
use std::path::Path;
use std::process::Command;

use slipway_tests::{Case, Demo, DemoOptions, Person, Process};

/// The sentence of a demo that must not start.
async fn refusal(command: Command) -> String {
    let ended = Process::start(command).ended().await;
    assert!(ended.code.is_some_and(|code| code != 0), "it fails: {ended:?}");
    assert!(
        ended.stdout.is_empty(),
        "nothing on standard output: {:?}",
        ended.stdout
    );
    let lines: Vec<_> = ended.stderr.lines().collect();
    let [line] = lines.as_slice() else {
        panic!("one line: {}", ended.stderr);
    };
    assert!(line.starts_with("slipway: "), "{line}");
    assert!(
        !line.contains("panicked") && !line.contains("Error {"),
        "for people: {line}"
    );
    (*line).to_owned()
}

fn demo(case: &Case, person: Person, listen: &str, folder: &Path) -> Command {
    let mut command = case.command_as(person, &["demo", "--json", "--listen", listen, "--data-dir"]);
    command.arg(folder);
    command
}

#[tokio::test]
async fn a_port_that_is_in_use() {
    let case = Case::begin().await;
    let taken = std::net::TcpListener::bind("127.0.0.1:0").expect("a free port");
    let address = taken.local_addr().expect("bound").to_string();
    let folder = case.path("data");
    let said = refusal(demo(&case, Person::Myself, &address, &folder)).await;
    assert!(
        said.contains(&address) && said.contains("in use") && said.contains(":0"),
        "{said}"
    );
    assert!(!folder.exists(), "nothing was made for nothing");
}

#[tokio::test]
async fn a_folder_that_cannot_be_written() {
    let case = Case::begin().await;
    let closed = case.folder_of("closed", Person::OrdinaryUser);
    fs::set_permissions(&closed, Permissions::from_mode(0o555)).expect("it is ours");
    let said = refusal(demo(&case, Person::OrdinaryUser, ":0", &closed.join("data"))).await;
    assert!(said.contains("closed") && said.contains("--data-dir"), "{said}");

    let file = case.path("file");
    fs::write(&file, "not a folder").expect("the case's folder is writable");
    let said = refusal(demo(&case, Person::Myself, ":0", &file.join("data"))).await;
    assert!(said.contains("file") && said.contains("--data-dir"), "{said}");
    assert_eq!(case.processes(), []);
}

#[tokio::test]
async fn a_folder_that_another_demo_uses() {
    let case = Case::begin().await;
    let options = DemoOptions::of(&case);
    let first = Demo::start(&case, &options).await;
    let said = refusal(demo(&case, Person::Myself, ":0", &options.data_dir)).await;
    assert!(
        said.contains("in use") && said.contains(&first.process.pid().to_string()),
        "{said}"
    );
    assert!(said.contains("--data-dir"), "{said}");
    // The first one does not mind.
    first.api.assert_ready().await;
    assert_eq!(first.interrupt().await.code, Some(0));
}

#[tokio::test]
async fn no_postgresql_that_fits() {
    let case = Case::begin().await;
    // A folder made by a PostgreSQL that is not on this machine, as after an upgrade of the system.
    let options = DemoOptions::of(&case);
    assert_eq!(Demo::start(&case, &options).await.interrupt().await.code, Some(0));
    let version = options.data_dir.join("postgres/data/PG_VERSION");
    fs::write(&version, "14\n").expect("the version file");
    let said = refusal(demo(&case, Person::Myself, ":0", &options.data_dir)).await;
    assert!(said.contains("PostgreSQL 14") && said.contains("install"), "{said}");
    assert_eq!(case.processes(), []);
}
