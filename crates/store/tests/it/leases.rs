//! Sync targets are worked on by one process at a time, and a process that lost its lease writes nothing.

use slipway_core::{FreshnessMode, id};
use slipway_store::sync_targets::{self, Attempt, LeasedTarget};
use slipway_store::{PgConnection, PgPool};
use slipway_test_database::TestDatabase;
use time::Duration;

use crate::rows::{START, insert_application};

async fn with_targets(count: usize) -> TestDatabase {
    let database = TestDatabase::create().await.expect("a database");
    let mut conn = database.pool.acquire().await.expect("a connection");
    for number in 0..count {
        insert_application(&mut conn, "main", &format!("app-{number}")).await;
    }
    database
}

async fn acquire(conn: &mut PgConnection, holder: &str, lease: Duration, limit: i64) -> Vec<LeasedTarget> {
    sync_targets::acquire_due(conn, &["main".to_owned()], holder, lease, limit)
        .await
        .expect("leases")
}

fn succeeded(activity: Option<&str>) -> Attempt {
    Attempt::Succeeded {
        mode: FreshnessMode::Poll,
        read_activity: activity.map(ToOwned::to_owned),
    }
}

async fn release(conn: &mut PgConnection, target: &LeasedTarget, attempt: &Attempt, next_in: Duration) -> bool {
    sync_targets::release(conn, target.id, target.lease_token, attempt, Duration::MINUTE, next_in)
        .await
        .expect("a write")
}

async fn is_due(pool: &PgPool, target: &LeasedTarget) -> bool {
    sqlx::query_scalar("SELECT next_poll_at <= now() FROM sync_targets WHERE id = $1")
        .bind(target.id)
        .fetch_one(pool)
        .await
        .expect("a row")
}

#[tokio::test]
async fn several_processes_share_the_due_targets_without_overlap() {
    let database = with_targets(20).await;
    let mut takers = tokio::task::JoinSet::new();
    for number in 0..5 {
        let pool = database.pool.clone();
        takers.spawn(async move {
            let mut conn = pool.acquire().await.expect("a connection");
            let mut taken = Vec::new();
            loop {
                let batch = acquire(&mut conn, &format!("p{number}"), Duration::MINUTE, 2).await;
                if batch.is_empty() {
                    return taken;
                }
                taken.extend(batch.into_iter().map(|target| target.id));
            }
        });
    }
    let mut taken: Vec<_> = takers.join_all().await.into_iter().flatten().collect();
    taken.sort_unstable();
    taken.dedup();
    assert_eq!(taken.len(), 20);
}

#[tokio::test]
async fn an_expired_lease_is_taken_over_and_the_late_writer_fenced_off() {
    let database = with_targets(1).await;
    let mut conn = database.pool.acquire().await.expect("a connection");
    let paused = acquire(&mut conn, "paused", Duration::milliseconds(-1), 1)
        .await
        .remove(0);
    let taken = acquire(&mut conn, "awake", Duration::MINUTE, 1).await.remove(0);
    assert_eq!(paused.id, taken.id);

    assert!(
        !sync_targets::hold_lease(&mut conn, paused.id, paused.lease_token)
            .await
            .expect("an answer")
    );
    assert!(
        !sync_targets::renew_lease(&mut conn, paused.id, paused.lease_token, Duration::MINUTE)
            .await
            .expect("an answer")
    );
    assert!(!release(&mut conn, &paused, &succeeded(None), Duration::ZERO).await);
    assert!(
        sync_targets::hold_lease(&mut conn, taken.id, taken.lease_token)
            .await
            .expect("an answer")
    );
    assert!(release(&mut conn, &taken, &succeeded(None), Duration::HOUR).await);
    assert!(acquire(&mut conn, "anybody", Duration::MINUTE, 1).await.is_empty());
}

#[tokio::test]
async fn a_lease_cannot_be_taken_over_in_the_middle_of_a_write() {
    let database = with_targets(1).await;
    let mut conn = database.pool.acquire().await.expect("a connection");
    let ours = acquire(&mut conn, "ours", Duration::milliseconds(300), 1)
        .await
        .remove(0);
    let mut write = database.pool.begin().await.expect("a transaction");
    assert!(
        sync_targets::hold_lease(&mut write, ours.id, ours.lease_token)
            .await
            .expect("an answer")
    );
    // The lease expires while the write goes on. SKIP LOCKED passes over the row that the write holds.
    let expired = "SELECT lease_expires_at < clock_timestamp() FROM sync_targets WHERE id = $1";
    loop {
        let is_expired: bool = sqlx::query_scalar(expired)
            .bind(ours.id)
            .fetch_one(&database.pool)
            .await
            .expect("a row");
        if is_expired {
            break;
        }
        tokio::time::sleep(std::time::Duration::from_millis(20)).await;
    }
    assert!(acquire(&mut conn, "other", Duration::MINUTE, 1).await.is_empty());
    write.commit().await.expect("committed");
    assert_eq!(acquire(&mut conn, "other", Duration::MINUTE, 1).await.len(), 1);
}

#[tokio::test]
async fn what_moved_while_it_was_read_is_due_again_at_once() {
    let database = with_targets(1).await;
    let mut conn = database.pool.acquire().await.expect("a connection");
    let target = acquire(&mut conn, "ours", Duration::MINUTE, 1).await.remove(0);
    let id = target.application_id.expect("an application");
    // The account's list moves on while the deployments are read: the read covers "1" only.
    sync_targets::note_activity(&mut conn, &[id], &[Some("2".to_owned())], &[false])
        .await
        .expect("noted");
    assert!(release(&mut conn, &target, &succeeded(Some("1")), Duration::HOUR).await);
    assert!(is_due(&database.pool, &target).await);

    let target = acquire(&mut conn, "ours", Duration::MINUTE, 1).await.remove(0);
    assert!(release(&mut conn, &target, &succeeded(Some("2")), Duration::HOUR).await);
    assert!(!is_due(&database.pool, &target).await);
    sync_targets::note_activity(&mut conn, &[id], &[Some("2".to_owned())], &[false])
        .await
        .expect("noted");
    assert!(!is_due(&database.pool, &target).await, "the same mark is no news");
    sync_targets::note_activity(&mut conn, &[id], &[Some("3".to_owned())], &[false])
        .await
        .expect("noted");
    assert!(is_due(&database.pool, &target).await);
}

#[tokio::test]
async fn a_failing_target_is_not_hurried_by_the_account_list() {
    let database = with_targets(1).await;
    let mut conn = database.pool.acquire().await.expect("a connection");
    let target = acquire(&mut conn, "ours", Duration::MINUTE, 1).await.remove(0);
    let failed = Attempt::Failed {
        code: "unavailable".to_owned(),
        message: "no answer".to_owned(),
    };
    assert!(release(&mut conn, &target, &failed, Duration::HOUR).await);
    let id = target.application_id.expect("an application");
    sync_targets::note_activity(&mut conn, &[id], &[Some("3".to_owned())], &[false])
        .await
        .expect("noted");
    assert!(!is_due(&database.pool, &target).await);
}

#[tokio::test]
async fn a_target_that_was_held_back_keeps_its_turn_until_its_mark_is_a_new_one() {
    let database = with_targets(1).await;
    let mut conn = database.pool.acquire().await.expect("a connection");
    let postponed = |is_held_back| Attempt::Postponed {
        is_hinted: false,
        is_requested: false,
        is_held_back,
    };
    let target = acquire(&mut conn, "ours", Duration::MINUTE, 1).await.remove(0);
    let ids = [target.application_id.expect("an application")];
    let list = |mark: &str| [Some(mark.to_owned())];
    sync_targets::note_activity(&mut conn, &ids, &list("1"), &[false])
        .await
        .expect("noted");
    assert!(release(&mut conn, &target, &postponed(true), Duration::HOUR).await);
    let noted = sync_targets::note_activity(&mut conn, &ids, &list("1"), &[false]).await;
    assert_eq!(noted.expect("noted"), 0, "a walk that shows nothing new writes nothing");
    assert!(!is_due(&database.pool, &target).await);
    sync_targets::note_activity(&mut conn, &ids, &list("2"), &[false])
        .await
        .expect("noted");
    assert!(is_due(&database.pool, &target).await);

    let target = acquire(&mut conn, "ours", Duration::MINUTE, 1).await.remove(0);
    assert!(release(&mut conn, &target, &postponed(false), Duration::HOUR).await);
    sync_targets::note_activity(&mut conn, &ids, &list("2"), &[false])
        .await
        .expect("noted");
    assert!(
        is_due(&database.pool, &target).await,
        "what else was put off is hurried"
    );
}

#[tokio::test]
async fn leases_of_a_process_that_stops_are_free_at_once() {
    let database = with_targets(3).await;
    let mut conn = database.pool.acquire().await.expect("a connection");
    acquire(&mut conn, "stopping", Duration::HOUR, 2).await;
    acquire(&mut conn, "staying", Duration::HOUR, 1).await;
    assert_eq!(
        sync_targets::release_all(&mut conn, Some("stopping"))
            .await
            .expect("released"),
        2
    );
    assert_eq!(acquire(&mut conn, "next", Duration::MINUTE, 9).await.len(), 2);
    assert_eq!(sync_targets::release_all(&mut conn, None).await.expect("released"), 3);
}

#[tokio::test]
async fn an_account_is_taken_even_when_there_is_no_room_for_applications() {
    let database = with_targets(2).await;
    let mut conn = database.pool.acquire().await.expect("a connection");
    sync_targets::insert_account(&mut conn, id::new_id(START), "main", "scalingo")
        .await
        .expect("registered");
    let taken = acquire(&mut conn, "busy", Duration::MINUTE, 0).await;
    assert_eq!(
        taken.iter().map(|target| target.application_id).collect::<Vec<_>>(),
        [None]
    );
}

#[tokio::test]
async fn an_account_has_one_target_however_often_it_is_registered() {
    let database = TestDatabase::create().await.expect("a database");
    let mut conn = database.pool.acquire().await.expect("a connection");
    for _ in 0..3 {
        sync_targets::insert_account(&mut conn, id::new_id(START), "main", "scalingo")
            .await
            .expect("registered");
    }
    assert_eq!(sync_targets::list_accounts(&mut conn).await.expect("accounts").len(), 1);
}
