//! Every migration on rows that the release before it could have left there, one after the other; and the program of now reads
//! what comes out.

use std::borrow::Cow;
use std::path::Path;

use slipway_core::provider::Write;
use slipway_core::{ApplicationId, DeploymentId, LogState, Status};
use slipway_store::applications::{self, ApplicationQuery};
use slipway_store::deployments::{self, DeploymentFilter, DeploymentQuery};
use slipway_store::schema::{self, MIGRATOR};
use slipway_store::{
    PgConnection, Visibility, audit, event_log, intents, logs, rate_budgets, retention, sync_targets, tokens,
    transitions, unmapped_statuses,
};
use slipway_test_database::TestDatabase;
use sqlx::migrate::Migrator;
use uuid::Uuid;

const SAMPLES: &str = concat!(env!("CARGO_MANIFEST_DIR"), "/tests/it/migrations/samples");

fn id(last: u128) -> Uuid {
    Uuid::from_u128(0x0000_0000_0000_7000_8000_0000_0000_0000 + last)
}

#[tokio::test]
async fn every_migration_works_on_rows_of_the_release_before_it() {
    let database = TestDatabase::create().await.expect("a database");
    let reset = "DROP SCHEMA public CASCADE; CREATE SCHEMA public";
    sqlx::raw_sql(reset)
        .execute(&database.pool)
        .await
        .expect("an empty database");
    let mut conn = database.pool.acquire().await.expect("a connection");
    for migration in MIGRATOR.iter() {
        let step = Migrator {
            migrations: Cow::Borrowed(&MIGRATOR.migrations),
            ..Migrator::DEFAULT
        };
        let applied = step.run_to(migration.version, &mut *conn).await;
        applied.unwrap_or_else(|error| panic!("migration {} on sample rows: {error}", migration.version));
        let sql = migration.sql.as_str();
        let file = Path::new(SAMPLES).join(format!("{:04}.sql", migration.version));
        match std::fs::read_to_string(&file) {
            Ok(sample) => {
                let loaded = sqlx::raw_sql(sqlx::AssertSqlSafe(sample)).execute(&mut *conn).await;
                loaded.unwrap_or_else(|error| panic!("{}: {error}", file.display()));
            }
            Err(_) => assert!(
                !sql.contains("CREATE TABLE") && !sql.contains("ALTER TABLE"),
                "{} is missing: some rows for what migration {} makes or changes",
                file.display(),
                migration.version
            ),
        }
    }
    let state = schema::find_state(&database.pool).await.expect("a state");
    assert_eq!((state.pending, state.unknown), (0, 0));
    read_everything(&mut conn).await;
}

async fn read_everything(conn: &mut PgConnection) {
    let all = Visibility::default();
    let query = DeploymentQuery {
        filter: DeploymentFilter::default(),
        limit: 50,
        ..DeploymentQuery::default()
    };
    let listed = deployments::list(conn, &query, &all).await.expect("a list");
    assert_eq!((listed.bodies.len(), listed.head.seq), (5, 3));
    let found = DeploymentQuery {
        filter: DeploymentFilter {
            words: vec!["cheese".to_owned()],
            git_shas: vec!["abcdef".to_owned()],
            ..DeploymentFilter::default()
        },
        ..query
    };
    // Those that were made from the first one say the same.
    assert_eq!(
        deployments::list(conn, &found, &all)
            .await
            .expect("a search")
            .bodies
            .len(),
        2
    );
    let live = deployments::find(conn, DeploymentId(id(0xd1)))
        .await
        .expect("a read")
        .expect("it is there");
    assert_eq!(
        (live.tracked.status(), live.application_name.as_str()),
        (Status::Succeeded, "shop")
    );
    let failed = deployments::find(conn, DeploymentId(id(0xd4)))
        .await
        .expect("a read")
        .expect("it is there");
    assert_eq!((failed.log, failed.labels["team"].as_str()), (LogState::Missing, "web"));
    for (number, duration, lead_time) in [(0xd1, Some(90_000), Some(3_780_000)), (0xd5, None, Some(7_380_000))] {
        let times: (Option<i64>, Option<i64>) =
            sqlx::query_as("SELECT duration_ms, lead_time_ms FROM deployments WHERE id = $1")
                .bind(id(number))
                .fetch_one(&mut *conn)
                .await
                .expect("a row");
        assert_eq!(times, (duration, lead_time), "{number:x}");
    }
    assert_eq!(
        transitions::list_for_deployment(conn, id(0xd1))
            .await
            .expect("rows")
            .len(),
        2
    );
    assert!(
        deployments::find_payload(conn, id(0xd1))
            .await
            .expect("a read")
            .is_some()
    );

    let asked = ApplicationQuery {
        limit: 10,
        ..ApplicationQuery::default()
    };
    let applications = applications::list(conn, &asked, &all).await;
    assert!(!applications.expect("a list").rows.is_empty());
    let shop = applications::find(conn, ApplicationId(id(0xa)))
        .await
        .expect("a read")
        .expect("it is there");
    assert_eq!(
        (shop.labels["team"].as_str(), shop.observed.owner.as_deref()),
        ("web", Some("somebody"))
    );
    assert_eq!(event_log::list_after(conn, 0, 10).await.expect("events").len(), 3);
    assert_eq!(sync_targets::list_accounts(conn).await.expect("rows").len(), 1);
    assert_eq!(tokens::list(conn, None, 10).await.expect("tokens").len(), 2);
    assert_eq!(audit::list(conn, None, 10).await.expect("entries").len(), 1);
    assert_eq!(unmapped_statuses::list(conn).await.expect("words").len(), 1);
    assert_eq!(rate_budgets::list(conn).await.expect("budgets").len(), 1);
    assert!(logs::find_head(conn, id(0xd2)).await.expect("a read").is_some());
    assert_eq!(
        intents::list_open(conn, ApplicationId(id(0xb)))
            .await
            .expect("intents")
            .len(),
        1
    );
    let source = intents::find_request_of(conn, DeploymentId(id(0xd1)))
        .await
        .expect("a read");
    assert!(matches!(source, Some(Write::Trigger(_))), "{source:?}");
    assert!(retention::find_history_horizon(conn).await.expect("a read").is_some());
}
