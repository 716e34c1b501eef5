//! Backup and restore as docs/OPERATIONS.md describes them, with PostgreSQL's own programs: everything is there again, and no
//! credential is in what was put away.

use std::collections::BTreeMap;
use std::path::PathBuf;
use std::process::Command;

use serde_json::Value;
use slipway_builtin_postgres::SearchPlaces;
use slipway_test_database::TestDatabase;
use slipway_tests::{Api, Case, Gateway, Process, ServeOptions, SimulateOptions};

use super::secrets::World;

/// One of PostgreSQL's programs.
fn program(name: &str) -> PathBuf {
    let found = SearchPlaces::system()
        .locate(None)
        .expect("a PostgreSQL, as for all tests");
    let program = found.bin_dir.join(name);
    assert!(
        program.exists(),
        "{} is missing: install PostgreSQL's client programs (Debian: apt-get install postgresql-client)",
        program.display()
    );
    program
}

async fn run(mut command: Command) -> Vec<u8> {
    let output = tokio::task::spawn_blocking(move || command.output())
        .await
        .expect("a thread");
    let output = output.expect("the program starts");
    let said = String::from_utf8_lossy(&output.stderr);
    assert!(
        output.status.success(),
        "{said}\n(the client programs have to be those of the server's version, or later: postgresql-client)"
    );
    output.stdout
}

/// Every resource that does not move with the clock, by its path: those of one database are the same on every replica.
async fn resources(api: &Api) -> BTreeMap<String, Value> {
    let mut found = BTreeMap::new();
    for application in api.applications().await {
        let path = format!("/api/v1/applications/{}", application.id);
        let mut shown: Value = api.get(&path).await.json();
        shown["freshness"].take();
        found.insert(path, shown);
    }
    for deployment in api.deployments("").await {
        let path = format!("/api/v1/deployments/{}", deployment.id);
        let shown: Value = api.get(&format!("{path}?include=timeline,raw")).await.json();
        found.insert(path.clone(), shown);
        if deployment.logs.complete {
            let log = api.get(&format!("{path}/logs")).await.text;
            found.insert(format!("{path}/logs"), log.into());
        }
    }
    for list in ["tokens", "audit?limit=200"] {
        let shown: Value = api.get(&format!("/api/v1/{list}")).await.json();
        for item in shown["items"].as_array().expect("items") {
            let mut item = item.clone();
            // Written once a minute at most, whenever it is used.
            item["last_used_at"].take();
            found.insert(format!("{list} {}", item["id"]), item);
        }
    }
    found
}

#[tokio::test]
async fn what_was_backed_up_while_it_ran_is_there_again_and_holds_no_credential() {
    let options = SimulateOptions {
        deployment_every: 2.0,
        ..SimulateOptions::default()
    };
    let mut world = World::over(&options).await;
    let gateway = world.gateway("").await;
    gateway.wait_until_synced().await;
    world.credentials(&gateway).await;
    let old_cursor = gateway.api.event_cursor().await;

    // While deployments go on.
    let dump = world.case.path("slipway.dump");
    let mut command = Command::new(program("pg_dump"));
    command
        .args(["--format=custom", "--file"])
        .arg(&dump)
        .arg(&world.database.url);
    run(command).await;
    let wanted = resources(&gateway.admin).await;
    gateway.process.signal(libc::SIGTERM);
    gateway.process.ended().await;

    let mut print = Command::new(program("pg_restore"));
    print.arg("--file=-").arg(&dump);
    let sql = String::from_utf8_lossy(&run(print).await).into_owned();
    assert!(sql.contains("COPY public.deployments "), "the dump can be read");
    let bytes = std::fs::read(&dump).expect("the dump");
    let said = [
        ("the dump".to_owned(), String::from_utf8_lossy(&bytes).into_owned()),
        ("the dump as SQL".to_owned(), sql),
    ];
    let leaks = world.canaries.leaks(&said);
    assert!(leaks.is_empty(), "{leaks:#?}");

    let restored = TestDatabase::create().await.expect("a database to restore to");
    sqlx::raw_sql("DROP SCHEMA public CASCADE; CREATE SCHEMA public")
        .execute(&restored.pool)
        .await
        .expect("an empty database");
    let mut restore = Command::new(program("pg_restore"));
    restore
        .args(["--no-owner", "--exit-on-error"])
        .arg(format!("--dbname={}", restored.url))
        .arg(&dump);
    run(restore).await;

    let options = ServeOptions {
        // What is there comes from the backup alone.
        arguments: vec!["--no-sync".to_owned()],
        ..ServeOptions::on(&restored).named("restored")
    };
    renew_epoch(&world.case, &restored).await;
    let gateway = Gateway::start(&world.case, &options, &world.simulators).await;
    let found = resources(&gateway.admin).await;
    let mut same = 0;
    for (path, shown) in &found {
        let then = wanted
            .get(path)
            .unwrap_or_else(|| panic!("{path} was never there: {shown}"));
        // What went on between the backup and our look has a later version.
        let version = |value: &Value| value["version"].as_i64().unwrap_or_default();
        assert!(version(shown) <= version(then), "{path}: {shown}\n{then}");
        if version(shown) == version(then) {
            assert_eq!(shown, then, "{path}");
            same += 1;
        }
    }
    assert!(
        same > 20 && same * 10 > wanted.len() * 7,
        "{same} of {} are as they were",
        wanted.len()
    );
    let gone = gateway
        .api
        .try_get(&format!("/api/v1/events?after={old_cursor}"))
        .await
        .expect("an answer");
    assert_eq!(gone.status, 410, "a position of the time before: {}", gone.text);
}

async fn renew_epoch(case: &Case, restored: &TestDatabase) {
    let mut migrate = case.command(&["migrate", "--new-epoch"]);
    migrate
        .env("SLIPWAY_DATABASE__URL", &restored.url)
        .env("SLIPWAY_AUTH__READ_TOKEN", "read-token-of-the-tests")
        .env("SLIPWAY_AUTH__ADMIN_TOKEN", "admin-token-of-the-tests");
    let migrated = Process::start(migrate).ended().await;
    assert_eq!(migrated.code, Some(0), "{}", migrated.stderr);
}
