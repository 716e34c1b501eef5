//! The database goes away at the moments that matter, and comes back.

use std::time::Duration;

use slipway_engine::writes::{Order, Reply, WriteError};

use super::{Script, Site, request};

impl Site {
    /// From now on no statement on intents succeeds, as if the database were going down.
    async fn break_intents(&self) {
        self.run(
            "CREATE FUNCTION away() RETURNS trigger LANGUAGE plpgsql AS $$
             BEGIN RAISE 'going down' USING ERRCODE = 'admin_shutdown'; END $$;
             CREATE TRIGGER away BEFORE UPDATE ON intents FOR EACH STATEMENT EXECUTE FUNCTION away()",
        )
        .await;
    }

    async fn mend_intents(&self) {
        self.run("DROP TRIGGER away ON intents; DROP FUNCTION away()").await;
    }
}

#[tokio::test]
async fn a_database_that_is_away_between_commit_and_call_delays_the_call() {
    let site = Site::new(false).await;
    site.break_intents().await;
    let (writes, order) = (site.writes.clone(), site.trigger("main"));
    let call = tokio::spawn(async move { writes.make(order, request(None)).await });
    crate::world::until("the intent is committed", async || {
        site.number("SELECT count(*) FROM intents").await == 1
    })
    .await;
    tokio::time::sleep(Duration::from_millis(300)).await;
    assert_eq!(
        site.provider.count(),
        0,
        "nothing is asked before it is noted that it will be"
    );
    site.mend_intents().await;
    let answer = call.await.expect("no panic");
    assert!(matches!(answer, Ok(Reply::Deployment { .. })), "{answer:?}");
    assert_eq!((site.count_rows().await, site.provider.count()), (1, 1));
}

#[tokio::test]
async fn a_database_that_is_away_after_the_call_delays_the_answer() {
    let site = Site::new(false).await;
    let permits = site.provider.gate.forget_permits(usize::MAX);
    let (writes, order) = (site.writes.clone(), site.trigger("main"));
    let call = tokio::spawn(async move { writes.make(order, request(None)).await });
    crate::world::until("the call arrived", async || site.provider.count() == 1).await;
    site.break_intents().await;
    site.provider.gate.add_permits(permits.min(1_000));
    tokio::time::sleep(Duration::from_millis(300)).await;
    assert_eq!(site.count_rows().await, 0, "the row comes with the settling");
    site.mend_intents().await;
    let answer = call.await.expect("no panic");
    assert!(matches!(answer, Ok(Reply::Deployment { .. })), "{answer:?}");
    assert_eq!((site.count_rows().await, site.provider.count()), (1, 1));
    assert_eq!(site.poll().await.created, 0);
}

#[tokio::test]
async fn an_answer_that_cannot_be_stored_is_not_told_as_a_failure_and_ended_later() {
    let site = Site::new(true).await;
    // Not as if it were away: there is something wrong with what is stored.
    site.run(
        "CREATE FUNCTION broken() RETURNS trigger LANGUAGE plpgsql AS $$ BEGIN RAISE 'broken'; END $$;
         CREATE TRIGGER broken BEFORE UPDATE ON intents FOR EACH ROW WHEN (NEW.settled_at IS NOT NULL)
         EXECUTE FUNCTION broken()",
    )
    .await;
    for key in [None, Some(("key", "body"))] {
        let answer = site.writes.make(site.trigger("main"), request(key)).await;
        assert!(matches!(answer, Err(WriteError::InFlight)), "{answer:?}");
    }
    assert_eq!((site.count_rows().await, site.provider.count()), (0, 2));
    site.run("DROP TRIGGER broken ON intents").await;
    site.end_leases().await;
    site.reconcile().await;
    let answer = site
        .writes
        .make(site.trigger("main"), request(Some(("key", "body"))))
        .await;
    assert!(
        matches!(answer, Ok(Reply::Deployment { is_replay: true, .. })),
        "{answer:?}"
    );
    site.poll().await;
    assert_eq!((site.count_rows().await, site.provider.count()), (2, 2));
}

#[tokio::test]
async fn the_same_request_waits_for_the_lock_and_gets_the_answer_not_what_it_changed() {
    let site = Site::new(false).await;
    let id = site.made(site.trigger("main")).await;
    let version = site.row(id).await.version;
    let asked = || {
        let mut asked = request(Some(("key", "body")));
        asked.if_version = Some(version);
        asked
    };
    // The first is answered while the second is already past its first look at the key, and waits for the application.
    let mut blocking = site.world.context.pool.begin().await.expect("a transaction");
    sqlx::query("SELECT FROM applications FOR UPDATE")
        .execute(&mut *blocking)
        .await
        .expect("locked");
    let spawn = |order: Order| {
        let writes = site.writes.clone();
        let request = asked();
        tokio::spawn(async move { writes.make(order, request).await })
    };
    let calls = [spawn(Order::Cancel(id)), spawn(Order::Cancel(id))];
    crate::world::until("both wait", async || {
        site.number(
            "SELECT count(*) FROM pg_stat_activity WHERE wait_event_type = 'Lock' AND datname = current_database()",
        )
        .await
            == 2
    })
    .await;
    site.provider.plays(Script::Accept);
    blocking.rollback().await.expect("unlocked");
    let mut made = 0;
    for call in calls {
        match call.await.expect("no panic") {
            Ok(Reply::Deployment { .. }) => made += 1,
            Err(WriteError::InFlight) => {}
            other => panic!("{other:?}"),
        }
    }
    assert!(made >= 1);
    let again = site.writes.make(Order::Cancel(id), asked()).await;
    assert!(
        matches!(again, Ok(Reply::Deployment { is_replay: true, .. })),
        "{again:?}"
    );
    assert_eq!(site.provider.site().writes.len(), 2, "one trigger, one cancel");
}
