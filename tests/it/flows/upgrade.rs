//! A database whose schema is not that of the program: nobody starts on it unless told to bring it up to date.

use serde_json::Value;
use slipway_test_database::TestDatabase;
use slipway_tests::{Case, Gateway, Process, ServeOptions, SimulateOptions, Simulators};

async fn run(database: &TestDatabase, sql: &'static str) {
    sqlx::raw_sql(sql).execute(&database.pool).await.expect(sql);
}

#[tokio::test]
async fn nobody_starts_without_its_schema_unless_told_to_apply_it() {
    let case = Case::begin().await;
    let database = TestDatabase::create().await.expect("a database for the test");
    let simulators = Simulators::start(&case, &SimulateOptions::default()).await;
    let options = ServeOptions::on(&database);
    let gateway = Gateway::start(&case, &options, &simulators).await;
    gateway.wait_until_synced().await;
    let known = gateway.api.deployments("").await.len();
    gateway.process.signal(libc::SIGTERM);
    gateway.process.ended().await;
    let file = Gateway::config_file(&case, &options);
    let ask = async |arguments: &[&str]| {
        let mut command = case.command(arguments);
        command.arg("--config").arg(&file);
        Process::start(command).ended().await
    };
    let refused = async |arguments: &[&str], sentence: &str| {
        let ended = ask(arguments).await;
        assert_ne!(ended.code, Some(0), "{arguments:?}: {}", ended.stderr);
        assert!(ended.stderr.contains(sentence), "{arguments:?}: {}", ended.stderr);
    };

    // As the release before would have left it.
    run(
        &database,
        "DROP TABLE account_renames; DELETE FROM _sqlx_migrations WHERE version = 23",
    )
    .await;
    for arguments in [&["serve"][..], &["sync"], &["token", "list"]] {
        refused(
            arguments,
            "the database lacks 1 migration of this release: run `slipway migrate`",
        )
        .await;
    }
    let shown = ask(&["check"]).await;
    assert!(
        shown.stdout.join("\n").contains("1 migrations are not applied yet"),
        "{:?}",
        shown.stdout
    );
    let told = ServeOptions {
        arguments: vec!["--migrate".to_owned()],
        ..options.clone()
    };
    let gateway = Gateway::start(&case, &told, &simulators).await;
    assert_eq!(gateway.api.deployments("").await.len(), known);
    gateway.process.signal(libc::SIGTERM);
    gateway.process.ended().await;

    // By the configuration, and on a database without anything; by `migrate`, too.
    run(&database, "DROP SCHEMA public CASCADE; CREATE SCHEMA public").await;
    refused(&["serve"], "the database lacks ").await;
    let by_key = options.with_environment("SLIPWAY_DATABASE__MIGRATE_ON_START", "true");
    let gateway = Gateway::start(&case, &by_key, &simulators).await;
    gateway.process.signal(libc::SIGTERM);
    gateway.process.ended().await;
    run(&database, "DROP SCHEMA public CASCADE; CREATE SCHEMA public").await;
    let migrated = ask(&["migrate"]).await;
    assert_eq!(migrated.code, Some(0), "{}", migrated.stderr);
    let gateway = Gateway::start(&case, &options, &simulators).await;
    gateway.api.assert_ready().await;
    gateway.process.signal(libc::SIGTERM);
    gateway.process.ended().await;

    let later = "INSERT INTO _sqlx_migrations (version, description, success, checksum, execution_time)
                 VALUES (9999, 'of a later release', true, '\\x00', 0)";
    run(&database, later).await;
    let newer = "the database was migrated by a later release of slipway (1 migration that this one does not know)";
    for arguments in [
        &["serve"][..],
        &["serve", "--migrate"],
        &["migrate"],
        &["token", "list"],
    ] {
        refused(arguments, newer).await;
    }
    let ended = ask(&["check", "--json"]).await;
    let report: Value = serde_json::from_str(&ended.stdout[0]).expect("one JSON object");
    assert!(report["faults"].to_string().contains("a later release"), "{report}");
}
