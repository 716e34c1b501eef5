//! Migrations are what their rules ask for, and those that were released are what they were.

use std::collections::BTreeMap;
use std::fmt::Write;
use std::fs;
use std::path::Path;

use slipway_store::schema::{self, MIGRATOR};
use slipway_test_database::TestDatabase;
use sqlx::Connection;

use super::rules::faults;

const FOLDER: &str = concat!(env!("CARGO_MANIFEST_DIR"), "/../../migrations");
/// Those before were applied before anybody had history to lose.
const FIRST_WITH_RULES: i64 = 21;

#[test]
fn every_migration_keeps_to_the_rules() {
    for migration in MIGRATOR.iter().filter(|one| one.version >= FIRST_WITH_RULES) {
        let found = faults(migration.sql.as_str());
        assert!(
            found.is_empty(),
            "migration {}: {found:#?}\nmigrations/README.md says what to do instead",
            migration.version
        );
    }
}

#[test]
fn each_rule_finds_what_it_is_for() {
    for (rule, sql) in [
        ("index-holds-up-writes", "CREATE INDEX wide ON deployments (kind);"),
        ("index-holds-up-writes", "CREATE UNIQUE INDEX wide\n ON events(seq);"),
        (
            "concurrent-index-alone",
            "CREATE INDEX CONCURRENTLY IF NOT EXISTS wide ON events (type);",
        ),
        (
            "concurrent-index-alone",
            "-- no-transaction\nCREATE INDEX CONCURRENTLY wide ON events (type);",
        ),
        (
            "concurrent-index-alone",
            "-- no-transaction\nALTER TABLE tokens ADD COLUMN note text;",
        ),
        ("contract-in-two-steps", "ALTER TABLE tokens DROP COLUMN prefix;"),
        (
            "contract-in-two-steps",
            "ALTER TABLE tokens RENAME COLUMN prefix TO start;",
        ),
        ("contract-in-two-steps", "DROP TABLE restamps;"),
        (
            "not-null-without-default",
            "ALTER TABLE tokens ADD COLUMN note text NOT NULL;",
        ),
        (
            "not-null-without-default",
            "ALTER TABLE tokens ALTER COLUMN prefix SET NOT NULL;",
        ),
        (
            "rewrites-a-big-table",
            "ALTER TABLE events ADD COLUMN mark uuid DEFAULT gen_random_uuid();",
        ),
        (
            "rewrites-a-big-table",
            "ALTER TABLE deployments ADD COLUMN n text GENERATED ALWAYS AS (kind) STORED;",
        ),
        (
            "rewrites-a-big-table",
            "ALTER TABLE deployments ALTER COLUMN version TYPE numeric;",
        ),
        (
            "checks-a-big-table",
            "ALTER TABLE events ADD CONSTRAINT some CHECK (seq > 0);",
        ),
        ("writes-a-big-table-at-once", "UPDATE deployments SET kind = 'x';"),
    ] {
        let found: Vec<_> = faults(sql).into_iter().map(|(rule, _)| rule).collect();
        assert_eq!(found, [rule], "{sql}");
        let excused = format!("{sql}\n-- exception {rule}: nobody has rows in it yet");
        assert!(
            faults(&excused).is_empty() || rule == "concurrent-index-alone",
            "{excused}"
        );
        assert_eq!(
            faults(&format!("{sql}\n-- exception {rule}: no")).len(),
            1,
            "a reason has to be given"
        );
    }
    for good in [
        "CREATE TABLE notes (id uuid PRIMARY KEY, text text NOT NULL);\nCREATE INDEX notes_by_text ON notes (text);",
        "-- no-transaction\n-- Why.\nCREATE INDEX CONCURRENTLY IF NOT EXISTS wide ON events (type);",
        "ALTER TABLE deployments ADD COLUMN note text, ADD COLUMN mark boolean NOT NULL DEFAULT false;",
        "ALTER TABLE events ADD CONSTRAINT some CHECK (seq > 0) NOT VALID;",
        "CREATE INDEX tokens_by_name ON tokens (name); -- UPDATE deployments SET kind = 'x';",
        "CREATE FUNCTION one() RETURNS int LANGUAGE sql AS $$ UPDATE deployments SET kind = 'x'; SELECT 1 $$;",
    ] {
        assert!(faults(good).is_empty(), "{good}: {:?}", faults(good));
    }
}

#[test]
fn what_was_released_is_what_it_was() {
    let listed = fs::read_to_string(Path::new(FOLDER).join("released.txt")).expect("the list of what was released");
    let listed: BTreeMap<i64, &str> = listed
        .lines()
        .filter_map(|line| line.split_once(' '))
        .map(|(version, sum)| (version.parse().expect("a number"), sum.trim()))
        .collect();
    let newest = listed.keys().next_back().copied().expect("something was released");
    let mut missing = String::new();
    for migration in MIGRATOR.iter() {
        let sum = migration.checksum.iter().take(16).fold(String::new(), |mut sum, byte| {
            let _ = write!(sum, "{byte:02x}");
            sum
        });
        match listed.get(&migration.version) {
            Some(known) => assert_eq!(
                **known, *sum,
                "migration {} was released and is never edited: write another one",
                migration.version
            ),
            None if migration.version < newest => {
                let _ = writeln!(missing, "{:04} {sum}", migration.version);
            }
            None => {}
        }
    }
    assert!(
        missing.is_empty(),
        "a later one was released, so these cannot be new:\n{missing}"
    );
    for version in listed.keys() {
        assert!(
            MIGRATOR.version_exists(*version),
            "migration {version} was released and has to stay"
        );
    }
}

#[tokio::test]
async fn a_migration_that_waits_for_a_lock_gives_up_and_an_index_that_broke_off_is_built_anew() {
    let database = TestDatabase::create().await.expect("a database");
    let undo = "DROP INDEX deployment_payloads_by_age; DELETE FROM _sqlx_migrations WHERE version = 22";
    sqlx::raw_sql(undo)
        .execute(&database.pool)
        .await
        .expect("one is pending");
    let mut conn = database.pool.acquire().await.expect("a connection");
    let mut holder = conn.begin().await.expect("a transaction");
    sqlx::raw_sql("LOCK TABLE deployment_payloads IN ROW EXCLUSIVE MODE")
        .execute(&mut *holder)
        .await
        .expect("locked");
    let error = schema::migrate(&database.pool)
        .await
        .expect_err("somebody writes for too long");
    let cause = std::error::Error::source(&error)
        .map(ToString::to_string)
        .unwrap_or_default();
    assert!(cause.contains("lock timeout"), "{error}: {cause}");
    let state = schema::find_state(&database.pool).await.expect("a state");
    assert_eq!((state.pending, state.unknown), (1, 0));
    holder.rollback().await.expect("given back");

    let valid = "SELECT indisvalid FROM pg_index WHERE indexrelid = 'deployment_payloads_by_age'::regclass";
    let is_valid: bool = sqlx::query_scalar(valid)
        .fetch_one(&database.pool)
        .await
        .expect("it is there");
    assert!(!is_valid, "what broke off stays, and is of no use");
    schema::migrate(&database.pool).await.expect("migrated");
    let is_valid: bool = sqlx::query_scalar(valid)
        .fetch_one(&database.pool)
        .await
        .expect("it is there");
    assert!(is_valid);
}

#[tokio::test]
async fn a_database_of_a_later_release_is_noticed() {
    let database = TestDatabase::create().await.expect("a database");
    let later = "INSERT INTO _sqlx_migrations (version, description, success, checksum, execution_time)
                 VALUES (9999, 'of a later release', true, '\\x00', 0)";
    sqlx::raw_sql(later).execute(&database.pool).await.expect("written");
    let state = schema::find_state(&database.pool).await.expect("a state");
    assert_eq!((state.pending, state.unknown), (0, 1));
    assert!(schema::migrate(&database.pool).await.is_err());
}
