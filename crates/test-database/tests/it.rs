//! A database a test, whatever the runtimes.
#![expect(clippy::unwrap_used, reason = "a test stops at what it did not expect")]

use std::collections::HashSet;

use slipway_test_database::TestDatabase;

async fn count_applications(database: &TestDatabase) -> i64 {
    sqlx::query_scalar("SELECT count(*) FROM applications")
        .fetch_one(&database.pool)
        .await
        .unwrap()
}

#[tokio::test]
async fn it_has_the_schema_and_is_empty() {
    let database = TestDatabase::create().await.unwrap();
    assert_eq!(count_applications(&database).await, 0);
}

#[test]
fn the_server_outlives_the_runtime_of_the_test_that_asked_first() {
    let mut names = HashSet::new();
    for _ in 0..3 {
        let runtime = tokio::runtime::Builder::new_current_thread()
            .enable_all()
            .build()
            .unwrap();
        runtime.block_on(async {
            let database = TestDatabase::create().await.unwrap();
            assert_eq!(count_applications(&database).await, 0);
            names.insert(database.name.clone());
        });
    }
    assert_eq!(names.len(), 3);
}

#[tokio::test(flavor = "multi_thread")]
async fn what_one_writes_no_other_sees_and_it_is_dropped_while_in_use() {
    let (first, second) = tokio::join!(TestDatabase::create(), TestDatabase::create());
    let (first, second) = (first.unwrap(), second.unwrap());
    sqlx::query("CREATE TABLE mine (id int)")
        .execute(&first.pool)
        .await
        .unwrap();
    assert!(sqlx::query("SELECT * FROM mine").execute(&second.pool).await.is_err());

    let held = first.pool.clone();
    let _connection = held.acquire().await.unwrap();
    let name = first.name.clone();
    drop(first);
    // Requests are served in turn: when a new database is there, the old one is gone.
    let third = TestDatabase::create().await.unwrap();
    let exists = "SELECT EXISTS (SELECT FROM pg_database WHERE datname = $1)";
    let exists: bool = sqlx::query_scalar(exists)
        .bind(&name)
        .fetch_one(&third.pool)
        .await
        .unwrap();
    assert!(!exists);
}
