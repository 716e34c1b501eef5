//! The feed against a real PostgreSQL.

use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Arc, Mutex};
use std::task::{Context, Wake, Waker};
use std::time::Duration;

use rand::rngs::StdRng;
use rand::{RngExt, SeedableRng};
use slipway_api::{Cursor, EventView};
use slipway_core::{ApplicationId, DeploymentId, EventType, Status, SystemClock};
use slipway_feed::{Feed, FeedSettings, Filter, Frame, Next, ResetReason, Sink, Subscription};
use slipway_store::PgConnection;
use slipway_store::event_log::{self, NewEvent};
use slipway_test_database::TestDatabase;
use time::macros::datetime;
use tokio::task::JoinSet;
use tokio_util::sync::{CancellationToken, DropGuard};
use uuid::Uuid;

const PATIENCE: Duration = Duration::from_secs(20);

/// A feed over a database of its own.
struct Fixture {
    db: TestDatabase,
    feed: Feed,
    _stop: DropGuard,
}

impl Fixture {
    async fn new(settings: FeedSettings) -> Self {
        let db = TestDatabase::create().await.expect("a database");
        let (feed, stop) = start(&db, settings).await;
        Self { db, feed, _stop: stop }
    }

    async fn write(&self, accounts: &[&str]) -> Cursor {
        let mut tx = self.db.pool.begin().await.expect("a transaction");
        let seq = append(&mut tx, accounts).await;
        tx.commit().await.expect("committed");
        Cursor {
            epoch: self.epoch(),
            seq,
        }
    }

    fn epoch(&self) -> String {
        self.feed.head().expect("a head").epoch
    }

    fn at(&self, seq: i64) -> Cursor {
        Cursor {
            epoch: self.epoch(),
            seq,
        }
    }
}

/// Another replica over the same database.
async fn start(db: &TestDatabase, settings: FeedSettings) -> (Feed, DropGuard) {
    // As the gateway's: one that is given up while it begins a transaction is not left in it.
    let pool = slipway_store::pool::connect_lazily(db.options.clone(), 5);
    let feed = Feed::start(pool, db.options.clone(), settings, Arc::new(SystemClock))
        .await
        .expect("a feed");
    let stop = CancellationToken::new();
    let (running, token) = (feed.clone(), stop.clone());
    tokio::spawn(async move { running.run(token).await.expect("the reader") });
    (feed, stop.drop_guard())
}

fn event(account: &str) -> NewEvent {
    NewEvent {
        r#type: EventType::DeploymentFinished,
        occurred_at: None,
        application_id: None,
        deployment_id: None,
        provider: Some("scalingo".to_owned()),
        account: Some(account.to_owned()),
        environment: None,
        status: Some(Status::Succeeded),
        previous_status: Some(Status::InProgress),
        observed_via: None,
        reason: None,
        deployment: None,
    }
}

async fn append(conn: &mut PgConnection, accounts: &[&str]) -> i64 {
    let events: Vec<NewEvent> = accounts.iter().map(|account| event(account)).collect();
    let at = datetime!(2026-01-02 03:04:05 UTC);
    event_log::append(conn, &events, at)
        .await
        .expect("appended")
        .expect("some")
}

/// Takes batches until `count` events came.
async fn take(subscription: &mut Subscription, count: usize) -> Vec<i64> {
    let mut taken = Vec::new();
    let all = async {
        while taken.len() < count {
            match subscription.next_batch().await.expect("a batch") {
                Next::Batch(batch) => taken.extend(batch.frames.iter().map(|frame| frame.seq())),
                Next::Reset(reset) => panic!("{reset:?}"),
            }
        }
    };
    tokio::time::timeout(PATIENCE, all).await.expect("in time");
    taken
}

async fn reset(subscription: &mut Subscription) -> (ResetReason, Cursor) {
    match tokio::time::timeout(PATIENCE, subscription.next_batch())
        .await
        .expect("in time")
        .expect("a batch")
    {
        Next::Reset(reset) => (reset.reason, reset.cursor),
        Next::Batch(batch) => panic!("{batch:?}"),
    }
}

async fn eventually(what: &str, mut is_true: impl FnMut() -> bool) {
    let wait = async {
        while !is_true() {
            tokio::time::sleep(Duration::from_millis(20)).await;
        }
    };
    tokio::time::timeout(PATIENCE, wait)
        .await
        .unwrap_or_else(|_| panic!("{what}"));
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_later_transaction_that_commits_first_hides_nothing() {
    let fixture = Fixture::new(FeedSettings::default()).await;
    let mut follower = fixture.feed.subscribe(Filter::default(), None);
    let mut first = fixture.db.pool.begin().await.unwrap();
    let mut second = fixture.db.pool.begin().await.unwrap();
    // Both are open and have worked; the one that began later appends and commits first.
    for tx in [&mut first, &mut second] {
        event_log::find_head(tx).await.unwrap();
    }
    let of_second = append(&mut second, &["second"]).await;
    // The other has to wait for its number until that is committed, which is what keeps the order.
    let waiting = tokio::spawn(async move {
        let seq = append(&mut first, &["first"]).await;
        (first, seq)
    });
    second.commit().await.unwrap();
    assert_eq!(take(&mut follower, 1).await, [of_second]);
    let (first, of_first) = waiting.await.unwrap();
    first.commit().await.unwrap();
    assert_eq!(take(&mut follower, 1).await, [of_first]);
    assert_eq!(of_first, of_second + 1);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn resuming_after_any_event_gives_the_rest_without_gap_or_duplicate() {
    let fixture = Fixture::new(FeedSettings {
        ring_capacity: 5,
        ..FeedSettings::default()
    })
    .await;
    for _ in 0..4 {
        fixture.write(&["main", "other", "main"]).await;
    }
    eventually("the reader has seen all", || {
        fixture.feed.head() == Some(fixture.at(12))
    })
    .await;
    // Most of it is past the ring, some is in it; another replica has none of it in memory.
    let (replica, _stop) = start(&fixture.db, FeedSettings::default()).await;
    for seq in 0..12 {
        for feed in [&fixture.feed, &replica] {
            let mut rest = feed.subscribe(Filter::default(), Some(fixture.at(seq)));
            let expected: Vec<i64> = (seq + 1..=12).collect();
            assert_eq!(take(&mut rest, expected.len()).await, expected, "after {seq}");
            assert!(rest.next_ready().await.unwrap().is_none());
        }
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_slow_reader_falls_back_to_the_database_in_bounded_batches() {
    let fixture = Fixture::new(FeedSettings {
        ring_capacity: 10,
        ..FeedSettings::default()
    })
    .await;
    let mut slow = fixture.feed.subscribe(Filter::default(), None);
    let accounts = vec!["main"; 700];
    let last = fixture.write(&accounts).await;
    eventually("the reader has seen all", || fixture.feed.head() == Some(last.clone())).await;
    let mut taken = Vec::new();
    while taken.len() < 700 {
        let Some(Next::Batch(batch)) = slow.next_ready().await.unwrap() else {
            panic!("a batch")
        };
        assert!(batch.frames.len() <= 256, "{}", batch.frames.len());
        taken.extend(batch.frames.iter().map(|frame| frame.seq()));
    }
    assert_eq!(taken, (1..=700).collect::<Vec<i64>>());
    assert_eq!(fixture.feed.subscriber_count(), 1);
    drop(slow);
    assert_eq!(fixture.feed.subscriber_count(), 0);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_filter_moves_the_position_over_what_it_hides() {
    let fixture = Fixture::new(FeedSettings::default()).await;
    let filter = Filter {
        accounts: vec!["rare".to_owned()],
        ..Filter::default()
    };
    let mut rare = fixture.feed.subscribe(filter, None);
    let hidden = fixture.write(&["main"; 5]).await;
    eventually("the reader has seen all", || {
        fixture.feed.head() == Some(hidden.clone())
    })
    .await;
    assert!(rare.next_ready().await.unwrap().is_none());
    assert_eq!(rare.position(), Some(hidden));
    let seen = fixture.write(&["main", "rare", "main"]).await;
    assert_eq!(take(&mut rare, 1).await, [seen.seq - 1]);
    assert!(rare.next_ready().await.unwrap().is_none());
    assert_eq!(rare.position(), Some(seen));
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_position_that_cannot_be_resumed_from_is_answered_with_a_reset() {
    let fixture = Fixture::new(FeedSettings::default()).await;
    let head = fixture.write(&["main"; 6]).await;
    eventually("the reader has seen all", || fixture.feed.head() == Some(head.clone())).await;
    let (other_log, _stop) = start(&fixture.db, FeedSettings::default()).await;

    let unknown = Cursor {
        epoch: "other".to_owned(),
        seq: 3,
    };
    let mut subscription = fixture.feed.subscribe(Filter::default(), Some(unknown));
    assert_eq!(
        reset(&mut subscription).await,
        (ResetReason::UnknownEpoch, head.clone())
    );
    let mut subscription = fixture.feed.subscribe(Filter::default(), Some(fixture.at(7)));
    assert_eq!(reset(&mut subscription).await, (ResetReason::BeyondHead, head.clone()));

    sqlx::query("DELETE FROM events WHERE seq <= 3")
        .execute(&fixture.db.pool)
        .await
        .unwrap();
    let mut subscription = other_log.subscribe(Filter::default(), Some(fixture.at(2)));
    assert_eq!(reset(&mut subscription).await, (ResetReason::Expired, head.clone()));
    let mut subscription = other_log.subscribe(Filter::default(), Some(fixture.at(3)));
    assert_eq!(take(&mut subscription, 3).await, [4, 5, 6]);
    sqlx::query("DELETE FROM events")
        .execute(&fixture.db.pool)
        .await
        .unwrap();
    // One that has nothing of it in memory.
    let (third, _third_stop) = start(&fixture.db, FeedSettings::default()).await;
    let mut subscription = third.subscribe(Filter::default(), Some(fixture.at(5)));
    assert_eq!(reset(&mut subscription).await, (ResetReason::Expired, head.clone()));
    // After a reset it goes on live.
    let next = fixture.write(&["main"]).await;
    assert_eq!(take(&mut subscription, 1).await, [next.seq]);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn another_log_resets_everybody() {
    let fixture = Fixture::new(FeedSettings::default()).await;
    fixture.write(&["main"; 3]).await;
    let mut follower = fixture.feed.subscribe(Filter::default(), Some(fixture.at(0)));
    assert_eq!(take(&mut follower, 3).await, [1, 2, 3]);
    sqlx::query("UPDATE event_head SET epoch = 'restored', seq = 2")
        .execute(&fixture.db.pool)
        .await
        .unwrap();
    sqlx::query("DELETE FROM events WHERE seq > 2")
        .execute(&fixture.db.pool)
        .await
        .unwrap();
    let fresh = Cursor {
        epoch: "restored".to_owned(),
        seq: 2,
    };
    assert_eq!(reset(&mut follower).await, (ResetReason::UnknownEpoch, fresh));
    fixture.write(&["main"]).await;
    assert_eq!(take(&mut follower, 1).await, [3]);
    // The ring does not mix the two.
    eventually("the reader follows the new log", || fixture.epoch() == "restored").await;
    let mut from_two = fixture.feed.subscribe(Filter::default(), Some(fixture.at(2)));
    let Next::Batch(batch) = from_two.next_batch().await.unwrap() else {
        panic!("a batch")
    };
    let view: EventView = serde_json::from_slice(batch.frames[0].json()).unwrap();
    assert_eq!(view.id.as_deref(), Some("restored-3"));
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_reader_whose_connections_are_cut_goes_on_without_a_gap() {
    let fixture = Fixture::new(FeedSettings {
        poll_interval: Duration::from_millis(100),
        ..FeedSettings::default()
    })
    .await;
    let mut follower = fixture.feed.subscribe(Filter::default(), None);
    for round in 0..3 {
        fixture.write(&["main"]).await;
        sqlx::query("SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE datname = current_database() AND pid <> pg_backend_pid()")
            .execute(&fixture.db.pool)
            .await
            .unwrap();
        // The pool's own connections were cut as well: write until one gets through.
        eventually_written(&fixture).await;
        let expected: Vec<i64> = (round * 2 + 1..=round * 2 + 2).collect();
        assert_eq!(take(&mut follower, 2).await, expected);
    }
    eventually("healthy again", || fixture.feed.is_healthy()).await;
}

async fn eventually_written(fixture: &Fixture) {
    let wait = async {
        loop {
            if let Ok(mut tx) = fixture.db.pool.begin().await
                && event_log::append(&mut tx, &[event("main")], datetime!(2026-01-02 03:04:05 UTC))
                    .await
                    .is_ok()
                && tx.commit().await.is_ok()
            {
                return;
            }
            tokio::time::sleep(Duration::from_millis(50)).await;
        }
    };
    tokio::time::timeout(PATIENCE, wait).await.expect("in time");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_replica_waits_for_a_position_that_another_has_written() {
    let fixture = Fixture::new(FeedSettings::default()).await;
    let ahead = fixture.at(1);
    let (feed, wanted) = (fixture.feed.clone(), ahead.clone());
    let waiting = tokio::spawn(async move { feed.wait_for(&wanted).await });
    fixture.write(&["main"]).await;
    assert!(tokio::time::timeout(PATIENCE, waiting).await.unwrap().unwrap());
    let unknown = Cursor {
        epoch: "other".to_owned(),
        seq: 1,
    };
    assert!(!fixture.feed.wait_for(&unknown).await);
}

/// Counts how often a subscription that waits is woken.
#[derive(Default)]
struct Wakes(AtomicUsize);

impl Wake for Wakes {
    fn wake(self: Arc<Self>) {
        self.0.fetch_add(1, Ordering::SeqCst);
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn an_event_wakes_only_whom_it_concerns() {
    let fixture = Fixture::new(FeedSettings::default()).await;
    let mut subscriptions = ["busy", "quiet"].map(|account| {
        let accounts = vec![account.to_owned()];
        fixture.feed.subscribe(
            Filter {
                accounts,
                ..Filter::default()
            },
            None,
        )
    });
    let wakes = [(); 2].map(|()| Arc::new(Wakes::default()));
    {
        let mut waits = Vec::new();
        for (subscription, wakes) in subscriptions.iter_mut().zip(&wakes) {
            let mut wait = Box::pin(subscription.next_batch());
            let waker = Waker::from(Arc::clone(wakes));
            assert!(wait.as_mut().poll(&mut Context::from_waker(&waker)).is_pending());
            waits.push(wait);
        }
        fixture.write(&["busy"; 3]).await;
        eventually("the busy one is woken", || wakes[0].0.load(Ordering::SeqCst) > 0).await;
    }
    assert_eq!(wakes[1].0.load(Ordering::SeqCst), 0);
    let last = fixture.write(&["busy"]).await;
    assert!(fixture.feed.wait_for(&last).await);
    assert_eq!(subscriptions[1].position(), Some(last), "nothing is left to look at");
    assert_eq!(wakes[1].0.load(Ordering::SeqCst), 0);
}

struct Follower {
    subscription: Subscription,
    filter: Filter,
    from: i64,
    seen: Vec<i64>,
}

impl Follower {
    async fn take_what_is_ready(&mut self) {
        while let Some(next) = self.subscription.next_ready().await.expect("a look") {
            match next {
                Next::Batch(batch) => self.seen.extend(batch.frames.iter().map(|frame| frame.seq())),
                Next::Reset(reset) => panic!("{reset:?}"),
            }
        }
    }
}

fn some_of<T: Clone>(random: &mut StdRng, values: &[T]) -> Vec<T> {
    values.iter().filter(|_| random.random_bool(0.25)).cloned().collect()
}

/// Followers that come and go at any position, with any filter, see what a plain look at the whole log would show them.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn every_follower_sees_exactly_what_matches() {
    let accounts = ["a", "b", "c"].map(str::to_owned);
    let ids = [1, 2, 3, 4].map(Uuid::from_u128);
    for seed in 0..4 {
        let mut random = StdRng::seed_from_u64(seed);
        let fixture = Fixture::new(FeedSettings {
            ring_capacity: if seed % 2 == 0 { 6 } else { 1_000 },
            ..FeedSettings::default()
        })
        .await;
        let mut log: Vec<NewEvent> = Vec::new();
        let mut followers: Vec<Follower> = Vec::new();
        for _ in 0..250 {
            match random.random_range(0..10) {
                0..4 => {
                    let events: Vec<_> = (0..random.random_range(1..4))
                        .map(|_| NewEvent {
                            application_id: Some(ApplicationId(ids[random.random_range(0..4)])),
                            deployment_id: Some(DeploymentId(ids[random.random_range(0..4)])),
                            ..event(&accounts[random.random_range(0..3)])
                        })
                        .collect();
                    let at = datetime!(2026-01-02 03:04:05 UTC);
                    let mut tx = fixture.db.pool.begin().await.expect("a transaction");
                    event_log::append(&mut tx, &events, at).await.expect("appended");
                    tx.commit().await.expect("committed");
                    log.extend(events);
                }
                4..6 => {
                    let filter = Filter {
                        accounts: some_of(&mut random, &accounts),
                        applications: some_of(&mut random, &ids),
                        deployments: some_of(&mut random, &ids),
                        ..Filter::default()
                    };
                    let back = random
                        .random_range(0..=10)
                        .min(fixture.feed.head().expect("a head").seq);
                    let from = random
                        .random_bool(0.5)
                        .then(|| fixture.at(fixture.feed.head().expect("a head").seq - back));
                    let subscription = fixture.feed.subscribe(filter.clone(), from);
                    let from = subscription.position().expect("a position").seq;
                    followers.push(Follower {
                        subscription,
                        filter,
                        from,
                        seen: Vec::new(),
                    });
                }
                6..9 if !followers.is_empty() => {
                    let index = random.random_range(0..followers.len());
                    followers[index].take_what_is_ready().await;
                }
                _ if !followers.is_empty() && random.random_bool(0.2) => {
                    followers.swap_remove(random.random_range(0..followers.len()));
                }
                _ => {}
            }
        }
        let last = fixture.at(i64::try_from(log.len()).expect("a number"));
        assert!(fixture.feed.wait_for(&last).await);
        for follower in &mut followers {
            follower.take_what_is_ready().await;
            let wants =
                |wanted: &[Uuid], id: Option<Uuid>| wanted.is_empty() || id.is_some_and(|id| wanted.contains(&id));
            let filter = &follower.filter;
            let expected: Vec<_> = (1..)
                .zip(&log)
                .filter(|(seq, event)| {
                    *seq > follower.from
                        && (filter.accounts.is_empty()
                            || filter.accounts.contains(event.account.as_ref().expect("one")))
                        && wants(&filter.applications, event.application_id.map(|id| id.0))
                        && wants(&filter.deployments, event.deployment_id.map(|id| id.0))
                })
                .map(|(seq, _)| seq)
                .collect();
            assert_eq!(follower.seen, expected, "seed {seed}, {filter:?}");
            assert_eq!(follower.subscription.position(), Some(last.clone()), "seed {seed}");
        }
        assert!(!followers.is_empty());
    }
}

#[tokio::test]
async fn figures_tell_who_is_behind_and_by_how_much() {
    let settings = FeedSettings {
        ring_capacity: 5,
        ..FeedSettings::default()
    };
    let fixture = Fixture::new(settings).await;
    let feed = &fixture.feed;
    let mut slow = feed.subscribe(Filter::default(), None);
    let quiet = Filter {
        accounts: vec!["nobody".to_owned()],
        ..Filter::default()
    };
    let quiet = feed.subscribe(quiet, None);
    let written = fixture.write(&["one"; 8]).await;
    tokio::time::timeout(PATIENCE, feed.wait_for(&written))
        .await
        .expect("read");
    let figures = feed.figures();
    assert_eq!((figures.subscribers, figures.subscribers_behind), (2, 1), "{figures:?}");
    assert_eq!((figures.backlog, figures.backlog_max), (8, 8), "{figures:?}");
    assert_eq!((figures.events_read, figures.ring_events), (8, 5), "{figures:?}");
    take(&mut slow, 8).await;
    // Who comes back from before reads again, and is behind until it has.
    let returned = feed.subscribe(Filter::default(), Some(fixture.at(written.seq - 2)));
    let figures = feed.figures();
    assert_eq!((figures.backlog, figures.subscribers_behind), (2, 1), "{figures:?}");
    assert!(figures.replays > 0, "the ring was too small: {figures:?}");
    drop((slow, quiet, returned));
    let figures = feed.figures();
    assert_eq!((figures.subscribers, figures.backlog), (0, 0), "{figures:?}");
}

/// Takes what it is given, or refuses as a socket without room does.
#[derive(Debug)]
struct Moody {
    random: Mutex<StdRng>,
    seen: Mutex<Vec<i64>>,
    taken: AtomicUsize,
}

impl Sink for Moody {
    fn take(&self, frames: &[Arc<Frame>]) -> bool {
        let is_willing = self.random.lock().expect("a lock").random_bool(0.8);
        if is_willing {
            let seqs = frames.iter().map(|frame| frame.seq());
            self.seen.lock().expect("a lock").extend(seqs);
            self.taken.fetch_add(frames.len(), Ordering::SeqCst);
        }
        is_willing
    }
}

/// Follows with a sink, and is called away again and again, until it has seen `last`.
async fn follow_with_sink(mut subscription: Subscription, sink: Arc<Moody>, last: i64, seed: u64) {
    let mut random = StdRng::seed_from_u64(seed);
    subscription.attach(Arc::clone(&sink) as _);
    let newest = || sink.seen.lock().expect("a lock").last().copied().unwrap_or(0);
    while newest() < last {
        // Now and then there is time enough to read the database.
        let longest = if random.random_bool(0.3) { 1_000_000 } else { 5_000 };
        let called_away = Duration::from_micros(random.random_range(0..longest));
        let next = tokio::time::timeout(called_away, subscription.next_batch()).await;
        if let Some(pushed) = subscription.take_pushed() {
            assert_eq!(pushed.seq, newest(), "nothing is pushed any more");
        }
        match next {
            Ok(Ok(Next::Batch(batch))) => {
                let seqs = batch.frames.iter().map(|frame| frame.seq());
                sink.seen.lock().expect("a lock").extend(seqs);
            }
            Ok(other) => panic!("{other:?}"),
            Err(_) => {}
        }
    }
}

/// Sinks that refuse at times, tasks that are called away at times, and a ring that is too small: all see all, in its order.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn what_is_pushed_and_what_is_taken_make_one_log() {
    const EVENTS: usize = 1_200;
    for ring_capacity in [8, 10_000] {
        let fixture = Fixture::new(FeedSettings {
            ring_capacity,
            ..FeedSettings::default()
        })
        .await;
        let last = i64::try_from(EVENTS).expect("a number");
        let mut followers = JoinSet::new();
        let mut sinks = Vec::new();
        for seed in 0..24 {
            let is_picky = seed % 3 == 0;
            let filter = Filter {
                accounts: if is_picky { vec!["b".to_owned()] } else { Vec::new() },
                ..Filter::default()
            };
            let sink = Arc::new(Moody {
                random: Mutex::new(StdRng::seed_from_u64(seed)),
                seen: Mutex::default(),
                taken: AtomicUsize::new(0),
            });
            sinks.push((is_picky, Arc::clone(&sink)));
            let subscription = fixture.feed.subscribe(filter, Some(fixture.at(0)));
            followers.spawn(follow_with_sink(subscription, sink, last, seed));
        }
        let mut random = StdRng::seed_from_u64(1);
        let mut log = Vec::new();
        while log.len() < EVENTS {
            let count = random.random_range(1..=20).min(EVENTS - log.len());
            let mut accounts: Vec<_> = (0..count).map(|_| ["a", "b"][random.random_range(0..2)]).collect();
            if log.len() + count == EVENTS {
                // Everybody sees the last.
                accounts[count - 1] = "b";
            }
            fixture.write(&accounts).await;
            log.extend(accounts);
        }
        let all = async {
            while let Some(followed) = followers.join_next().await {
                followed.expect("it ends")
            }
        };
        tokio::time::timeout(PATIENCE, all).await.expect("in time");
        let mut pushed = 0;
        for (is_picky, sink) in sinks {
            let events = (1..).zip(&log);
            let expected: Vec<i64> = events
                .filter(|(_, account)| !is_picky || **account == "b")
                .map(|(seq, _)| seq)
                .collect();
            assert_eq!(*sink.seen.lock().expect("a lock"), expected);
            pushed += sink.taken.load(Ordering::SeqCst);
        }
        assert!(pushed > 0, "some of all these are pushed");
    }
}
