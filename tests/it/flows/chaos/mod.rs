//! Everything at once: replicas and PostgreSQL die while many write and many follow, and every follower ends with the same
//! events in the same order, none lost, none twice.
//!
//! `SLIPWAY_CHAOS=full` is the size that the design names, `SLIPWAY_CHAOS_SEED` repeats a run (`cargo xtask chaos`).

mod follower;
mod replicas;
mod writer;

use std::io::Write;
use std::sync::Arc;
use std::sync::atomic::{AtomicI64, Ordering};
use std::time::Duration;

use rand::rngs::StdRng;
use rand::seq::SliceRandom;
use rand::{RngExt, SeedableRng};
use slipway_builtin_postgres::{BuiltinPostgres, Settings};
use slipway_store::{event_log, pool, schema};
use slipway_tests::{Case, SimulateOptions, Simulators, within};
use tokio::sync::watch;
use tokio::task::JoinSet;

use self::follower::Follower;
use self::replicas::Replicas;

/// How much of everything.
#[derive(Debug, Clone, Copy)]
struct Size {
    replicas: usize,
    followers: u64,
    writers: usize,
    events: i64,
    /// Each round brings every kind of fault once.
    rounds: usize,
    bound: Duration,
}

const SMALL: Size = Size {
    replicas: 3,
    followers: 24,
    writers: 4,
    events: 1_000,
    rounds: 1,
    bound: Duration::from_secs(240),
};

const FULL: Size = Size {
    replicas: 3,
    followers: 200,
    writers: 8,
    events: 10_000,
    rounds: 3,
    bound: Duration::from_secs(900),
};

#[derive(Debug, Clone, Copy)]
enum Fault {
    /// `kill -9`, and another in its place.
    KillReplica,
    /// SIGTERM, and another in its place.
    EndReplica,
    /// SIGSTOP until the next fault.
    PauseReplica,
    /// `kill -9` of the database, and a start that recovers.
    KillPostgres,
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn every_follower_ends_with_the_same_events_whatever_dies() {
    let is_full = std::env::var("SLIPWAY_CHAOS").is_ok_and(|size| size == "full");
    let size = if is_full { FULL } else { SMALL };
    let seed = std::env::var("SLIPWAY_CHAOS_SEED").map_or(1, |seed| seed.parse().expect("a number as the seed"));
    tokio::time::timeout(size.bound, run(size, seed))
        .await
        .unwrap_or_else(|_| panic!("seed {seed}: not within {} s", size.bound.as_secs()));
}

async fn run(size: Size, seed: u64) {
    let mut random = StdRng::seed_from_u64(seed);
    let case = Case::begin().await;
    let mut postgres = BuiltinPostgres::start(Settings::durable(case.path("postgres")))
        .await
        .expect("a database");
    let database = pool::connect_lazily(postgres.connect_options(), 10);
    schema::migrate(&database).await.expect("the schema");
    let world = SimulateOptions {
        deployment_every: 1.0,
        ..SimulateOptions::default()
    };
    let simulators = Simulators::start(&case, &world).await;
    let mut replicas = Replicas::start(&case, &postgres.url(), &simulators, size.replicas).await;

    let begin = replicas.event_cursor().await;
    let (epoch, first) = begin.split_once('-').expect("epoch and number");
    let first: i64 = first.parse().expect("a number");
    let (tell_end, end) = watch::channel(None);
    let mut followers = JoinSet::new();
    for number in 0..size.followers {
        let follower = Follower::new(seed ^ (number << 32), replicas.addresses(), begin.clone(), end.clone());
        // Every tenth takes the JSON twin.
        followers.spawn(follower.follow(number % 10 == 9));
    }
    let newest = Arc::new(AtomicI64::new(first));
    let goal = first + size.events;
    let mut writers = JoinSet::new();
    for number in 0..size.writers {
        writers.spawn(writer::write(database.clone(), number, Arc::clone(&newest), goal));
    }

    let mut faults = Vec::new();
    for _ in 0..size.rounds {
        let mut round = [
            Fault::KillReplica,
            Fault::PauseReplica,
            Fault::KillPostgres,
            Fault::EndReplica,
        ];
        round.shuffle(&mut random);
        faults.extend(round);
    }
    let share = size.events / i64::try_from(faults.len() + 1).expect("few");
    for (due, fault) in (1..).zip(faults) {
        let due = first + share * due;
        within(size.bound, "the next fault is due", async || {
            (newest.load(Ordering::Relaxed) >= due).then_some(())
        })
        .await;
        replicas.resume_all();
        let victim = random.random_range(0..size.replicas);
        match fault {
            Fault::KillReplica => replicas.replace(&case, &simulators, victim, libc::SIGKILL).await,
            Fault::EndReplica => replicas.replace(&case, &simulators, victim, libc::SIGTERM).await,
            Fault::PauseReplica => replicas.pause(victim),
            Fault::KillPostgres => {
                let pid = i32::try_from(postgres.pid()).expect("a process id");
                // SAFETY: `kill` touches no memory; the process is our child.
                unsafe { libc::kill(pid, libc::SIGKILL) };
                postgres.exited().await;
                postgres.restart().await.expect("it recovers");
            }
        }
    }
    while let Some(written) = writers.join_next().await {
        written.expect("a writer");
    }
    replicas.resume_all();

    let mut conn = database.acquire().await.expect("a connection");
    let head = event_log::find_head(&mut conn).await.expect("a head");
    assert_eq!(head.epoch, epoch, "one log all the time");
    assert!(head.seq >= goal);
    tell_end.send_replace(Some(head.seq));
    let expected: Vec<i64> = (first + 1..=head.seq).collect();
    let stored = event_log::list_after(&mut conn, first, i64::from(i32::MAX))
        .await
        .expect("the log");
    let stored: Vec<i64> = stored
        .iter()
        .map(|row| row.seq)
        .take_while(|seq| *seq <= head.seq)
        .collect();
    assert_eq!(stored, expected, "the log itself has no gap");

    let (mut contents, mut cuts) = (Vec::new(), 0);
    while let Some(followed) = followers.join_next().await {
        let followed = followed.expect("a follower");
        if followed.seen != expected {
            let at = followed
                .seen
                .iter()
                .zip(&expected)
                .position(|(seen, expected)| seen != expected);
            let at = at.unwrap_or(followed.seen.len().min(expected.len()));
            let around = |list: &[i64]| list[at.saturating_sub(3)..list.len().min(at + 4)].to_vec();
            panic!(
                "seed {seed}: a follower saw {:?} where the log has {:?}",
                around(&followed.seen),
                around(&expected)
            );
        }
        contents.push(followed.content);
        cuts += followed.cuts;
    }
    contents.sort_unstable();
    contents.dedup();
    // One by the stream, one by the twin, whose JSON stands in another frame.
    assert!(contents.len() <= 2, "seed {seed}: the same events with other content");
    assert!(
        cuts > size.followers,
        "seed {seed}: hardly anybody was cut off ({cuts} times)"
    );
    // For whoever runs it with `--nocapture`.
    let told = writeln!(
        std::io::stderr(),
        "seed {seed}: {} followers saw the same {} events, cut off {cuts} times, through {} faults",
        size.followers,
        expected.len(),
        size.rounds * 4,
    );
    told.expect("somebody to tell");
    postgres.stop().await.expect("a clean end");
}
