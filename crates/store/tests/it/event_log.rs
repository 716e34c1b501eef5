//! Events commit in the order of their numbers: who follows "after number n" loses none.

use std::time::Duration;

use slipway_core::EventType;
use slipway_store::{PgPool, event_log, pool};
use slipway_test_database::TestDatabase;

use crate::rows::{START, event};

async fn follow(pool: &PgPool, after: i64) -> Vec<(i64, String)> {
    let mut conn = pool.acquire().await.expect("a connection");
    let events = event_log::list_after(&mut conn, after, 100).await.expect("events");
    events.into_iter().map(|event| (event.seq, event.r#type)).collect()
}

#[tokio::test]
async fn the_transaction_that_began_later_may_commit_first_and_no_follower_loses_an_event() {
    let database = TestDatabase::create().await.expect("a database");
    let mut early = database.pool.begin().await.expect("a transaction");
    // It is at work, and its event is still to come.
    event_log::find_head(&mut early).await.expect("a head");
    let mut late = database.pool.begin().await.expect("a transaction");
    event_log::append(&mut late, &[event(EventType::DeploymentFinished)], START)
        .await
        .expect("appended");
    late.commit().await.expect("committed");

    let seen = follow(&database.pool, 0).await;
    assert_eq!(seen, [(1, "deployment.finished".to_owned())]);
    event_log::append(&mut early, &[event(EventType::DeploymentCreated)], START)
        .await
        .expect("appended");
    early.commit().await.expect("committed");
    assert_eq!(follow(&database.pool, 1).await, [(2, "deployment.created".to_owned())]);
}

#[tokio::test]
async fn a_transaction_that_has_its_number_holds_up_the_next_so_that_a_follower_gets_both_in_order() {
    let database = TestDatabase::create().await.expect("a database");
    let mut early = database.pool.begin().await.expect("a transaction");
    event_log::append(&mut early, &[event(EventType::DeploymentCreated)], START)
        .await
        .expect("appended");

    let pool = database.pool.clone();
    let late = tokio::spawn(async move {
        let mut late = pool.begin().await.expect("a transaction");
        event_log::append(&mut late, &[event(EventType::DeploymentFinished)], START)
            .await
            .expect("appended");
        late.commit().await.expect("committed");
    });
    wait_until_one_waits_for_a_lock(&database.pool).await;
    assert!(!late.is_finished());
    assert_eq!(follow(&database.pool, 0).await, []);

    early.commit().await.expect("committed");
    late.await.expect("the later writer goes on");
    let seen: Vec<_> = follow(&database.pool, 0).await;
    assert_eq!(
        seen,
        [
            (1, "deployment.created".to_owned()),
            (2, "deployment.finished".to_owned())
        ]
    );
}

#[tokio::test]
async fn a_transaction_that_is_rolled_back_leaves_no_gap() {
    let database = TestDatabase::create().await.expect("a database");
    for is_kept in [true, false, true] {
        let mut transaction = database.pool.begin().await.expect("a transaction");
        let events = [
            event(EventType::DeploymentCreated),
            event(EventType::DeploymentFinished),
        ];
        event_log::append(&mut transaction, &events, START)
            .await
            .expect("appended");
        if is_kept {
            transaction.commit().await.expect("committed");
        }
    }
    let numbers: Vec<_> = follow(&database.pool, 0)
        .await
        .into_iter()
        .map(|(seq, _)| seq)
        .collect();
    assert_eq!(numbers, [1, 2, 3, 4]);
}

#[tokio::test]
async fn many_writers_make_one_log_without_gaps_in_the_order_of_each_batch() {
    let database = TestDatabase::create().await.expect("a database");
    let mut writers = tokio::task::JoinSet::new();
    for _ in 0..8 {
        let pool = database.pool.clone();
        writers.spawn(async move {
            for _ in 0..10 {
                let mut transaction = pool.begin().await.expect("a transaction");
                let batch = [event(EventType::DeploymentCreated), event(EventType::DeploymentQueued)];
                let last = event_log::append(&mut transaction, &batch, START)
                    .await
                    .expect("appended");
                assert!(last.is_some());
                transaction.commit().await.expect("committed");
            }
        });
    }
    writers.join_all().await;
    let mut conn = database.pool.acquire().await.expect("a connection");
    let events = event_log::list_after(&mut conn, 0, 1_000).await.expect("events");
    assert_eq!(
        events.iter().map(|event| event.seq).collect::<Vec<_>>(),
        (1..=160).collect::<Vec<_>>()
    );
    for pair in events.chunks(2) {
        assert_eq!(
            (pair[0].r#type.as_str(), pair[1].r#type.as_str()),
            ("deployment.created", "deployment.queued")
        );
    }
    assert_eq!(event_log::find_head(&mut conn).await.expect("a head").seq, 160);
}

async fn wait_until_one_waits_for_a_lock(pool: &PgPool) {
    let waiting =
        "SELECT count(*) FROM pg_stat_activity WHERE wait_event_type = 'Lock' AND datname = current_database()";
    for _ in 0..400 {
        let count: i64 = sqlx::query_scalar(waiting).fetch_one(pool).await.expect("a count");
        if count > 0 {
            return;
        }
        tokio::time::sleep(Duration::from_millis(25)).await;
    }
    panic!("nobody waits for the counter row");
}

#[tokio::test]
async fn who_stops_in_the_middle_of_a_transaction_does_not_hold_up_the_others_for_ever() {
    let database = TestDatabase::create().await.expect("a database");
    let replicas = [(); 2].map(|()| pool::connect_lazily(database.options.clone(), 1));
    let mut stopped = replicas[0].begin().await.expect("a transaction");
    event_log::append(&mut stopped, &[event(EventType::DeploymentCreated)], START)
        .await
        .expect("appended");
    let mut other = replicas[1].begin().await.expect("a transaction");
    let events = [event(EventType::DeploymentFinished)];
    let appending = event_log::append(&mut other, &events, START);
    tokio::time::timeout(Duration::from_secs(60), appending)
        .await
        .expect("the lock is given back")
        .expect("appended");
    other.commit().await.expect("committed");
    let error = stopped.commit().await.map_err(slipway_store::StoreError::from);
    assert!(error.expect_err("it was given up").is_transient());
    assert_eq!(follow(&database.pool, 0).await, [(1, "deployment.finished".to_owned())]);
}
