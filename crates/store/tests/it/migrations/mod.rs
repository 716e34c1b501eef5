//! The schema comes up from nothing, once, however many processes try; and from rows of every release.

mod lint;
mod rules;
mod samples;

use slipway_store::schema;
use slipway_test_database::TestDatabase;

#[tokio::test]
async fn several_processes_may_migrate_at_once_and_nothing_is_pending_afterwards() {
    let database = TestDatabase::create().await.expect("a database");
    let reset = "DROP SCHEMA public CASCADE; CREATE SCHEMA public";
    sqlx::raw_sql(reset)
        .execute(&database.pool)
        .await
        .expect("an empty database");
    assert!(schema::find_state(&database.pool).await.expect("a state").pending > 0);
    let mut tries = tokio::task::JoinSet::new();
    for _ in 0..4 {
        let pool = database.pool.clone();
        tries.spawn(async move { schema::migrate(&pool).await.expect("migrated") });
    }
    tries.join_all().await;
    let state = schema::find_state(&database.pool).await.expect("a state");
    assert_eq!((state.pending, state.unknown), (0, 0));
}
