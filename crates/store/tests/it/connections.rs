//! What a connection is like when it comes out of the pool.

use std::pin::pin;
use std::task::{Context, Waker};

use slipway_store::{PgPool, pool};
use slipway_test_database::TestDatabase;

/// Begins a transaction and gives up while the server is being asked, as a request does whose client goes away.
async fn begin_and_give_up(pool: &PgPool) {
    // On a busy machine the server may have answered by then: that is no request that was given up.
    for _ in 0..1000 {
        let conn = pool.acquire().await.expect("the only connection");
        drop(conn);
        while pool.num_idle() == 0 {
            tokio::task::yield_now().await;
        }
        let mut begin = pin!(pool::begin_snapshot(pool));
        if begin
            .as_mut()
            .poll(&mut Context::from_waker(Waker::noop()))
            .is_pending()
        {
            return;
        }
    }
    panic!("the server answered at once, a thousand times");
}

#[tokio::test]
async fn a_transaction_that_was_given_up_while_it_began_is_not_left_open() {
    let database = TestDatabase::create().await.expect("a database");
    let pool = pool::connect_lazily(database.options.clone(), 1);
    for round in 0..10 {
        begin_and_give_up(&pool).await;
        // Within the transaction that was given up nothing could be written, or it would not be kept.
        sqlx::query("INSERT INTO unmapped_statuses VALUES ('test', $1, 1, now(), now())")
            .bind(round.to_string())
            .execute(&pool)
            .await
            .expect("a statement of its own");
        begin_and_give_up(&pool).await;
        pool::ping(&pool).await.expect("a statement of its own");
        let snapshot = pool::begin_snapshot(&pool).await.expect("a new transaction");
        snapshot.commit().await.expect("it ends");
    }
    let kept = sqlx::query_scalar::<_, i64>("SELECT count(*) FROM unmapped_statuses")
        .fetch_one(&database.pool)
        .await
        .expect("a count");
    assert_eq!(kept, 10);
}
