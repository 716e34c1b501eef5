//! Rows 9 and 10: how soon what is committed has arrived, over two replicas, and while others catch up.

use std::sync::atomic::{AtomicBool, Ordering};
use std::time::{Duration, Instant};

use crate::contender::{Flood, Gateway, Settings, Template, with_token};
use crate::report::{Goal, Outcome, Unit, percentile};
use crate::subscribers::{Arrived, Subscribers};
use crate::world::World;
use crate::writer::{Commit, Writer};
use crate::{Effort, Result, process};

/// How long events may take to reach everybody.
const PATIENCE: Duration = Duration::from_secs(20);
/// How long those may take who have missed a lot.
const CATCH_UP: Duration = Duration::from_secs(600);
const STREAM: &str = "/api/v1/events/stream";

/// Row 10: of those who are up to date, from the commit to the delivery.
const BEFORE: &str = "live ones before, p99";
const BESIDE: &str = "live ones beside the same bytes from one thread of send(), p99";
const MEANWHILE: &str = "live ones meanwhile, p99";

/// Row 9.
pub(super) async fn latency(world: &World, effort: &Effort) -> Result<Outcome> {
    let count = effort.few_subscribers();
    let mut row = Outcome::new("9", format!("commit to delivery, two replicas, {count} subscribers"));
    let settings = Settings::of(&world.database.url);
    let replicas = [Gateway::start(&settings).await?, Gateway::start(&settings).await?];
    let rates = [20, 80];
    tokio::task::block_in_place(|| {
        let application = &world.applications[0];
        let mut writer = Writer::start(&world.database.url)?;
        writer.prepare(application, 1)?;
        let mut subscribers = Subscribers::new()?;
        for replica in &replicas {
            subscribers.connect(&replica.address, count / replicas.len(), &[with_token()], |_| {
                STREAM.to_owned()
            })?;
        }
        for _ in 0..effort.rounds {
            for rate in rates {
                let wrong = steady(&mut subscribers, &mut writer, application, rate, effort)?;
                let latencies = latencies_ms(&subscribers.arrived, &wrong.commits);
                for (text, share) in [("p50", 0.5), ("p99", 0.99)] {
                    let name = format!("slipway, {rate} events/s, {text}");
                    row.record(&name, Unit::Milliseconds, percentile(&latencies, share));
                }
                row.record("slipway, lost or out of order", Unit::Count, wrong.count);
            }
        }
        Ok::<_, crate::Error>(())
    })?;
    for rate in rates {
        row.require(&format!("slipway, {rate} events/s, p50"), Goal::AtMost(10.0));
        row.require(&format!("slipway, {rate} events/s, p99"), Goal::AtMost(40.0));
    }
    row.require("slipway, lost or out of order", Goal::AtMost(0.0));
    Ok(row)
}

/// The last part of row 11.
pub(super) async fn beyond_the_commit(world: &World, effort: &Effort) -> Result<Outcome> {
    let mut row = Outcome::new("11", "commit to delivery, one subscriber, 50 events/s");
    let gateway = Gateway::start(&Settings::of(&world.database.url)).await?;
    tokio::task::block_in_place(|| {
        let application = &world.applications[0];
        let mut writer = Writer::start(&world.database.url)?;
        writer.prepare(application, 1)?;
        let mut one = Subscribers::new()?;
        one.connect(&gateway.address, 1, &[with_token()], |_| STREAM.to_owned())?;
        for _ in 0..effort.rounds {
            let steady = steady(&mut one, &mut writer, application, 50, effort)?;
            let latencies = latencies_ms(&one.arrived, &steady.commits);
            row.record("slipway, p50", Unit::Milliseconds, percentile(&latencies, 0.5));
            row.record("slipway, p99", Unit::Milliseconds, percentile(&latencies, 0.99));
            row.record("slipway, lost or out of order", Unit::Count, steady.count);
        }
        Ok::<_, crate::Error>(())
    })?;
    row.require("slipway, p99", Goal::AtMost(10.0));
    row.require("slipway, lost or out of order", Goal::AtMost(0.0));
    Ok(row)
}

struct Steady {
    commits: Vec<Commit>,
    /// Events that were lost or came out of order.
    count: f64,
}

/// So many events a second, for as long as one measurement takes.
fn steady(
    subscribers: &mut Subscribers,
    writer: &mut Writer,
    application: &str,
    rate: u32,
    effort: &Effort,
) -> Result<Steady> {
    let events = effort.events(rate);
    let expected = events * subscribers.count();
    let arrived = &mut subscribers.arrived;
    (arrived.events, arrived.out_of_order) = (0, 0);
    arrived.times.clear();
    writer.write(application, 1, events, Duration::from_secs(1) / rate)?;
    subscribers.wait(effort.duration() + PATIENCE, |arrived| arrived.events >= expected)?;
    let wrong = expected.saturating_sub(subscribers.arrived.events) + subscribers.arrived.out_of_order;
    Ok(Steady {
        commits: writer.done()?,
        count: wrong as f64,
    })
}

/// From its commit to each delivery. Every commit has one event.
fn latencies_ms(arrived: &Arrived, commits: &[Commit]) -> Vec<f64> {
    let Some(first) = commits.first() else {
        return Vec::new();
    };
    let commit_of = |seq: i64| commits.get(usize::try_from(seq - first.last_seq).ok()?);
    let times = arrived.times.iter();
    times
        .filter_map(|(seq, at)| Some((at - commit_of(*seq)?.at_us) as f64 / 1_000.0))
        .collect()
}

/// Row 10.
pub(super) async fn catch_up(world: &World, effort: &Effort) -> Result<Outcome> {
    let (behind, count) = (effort.behind, effort.few_subscribers());
    let mut row = Outcome::new("10", format!("{count} subscribers resume {behind} events behind"));
    let application = &world.applications[0];
    let mut writer = Writer::start(&world.database.url)?;
    tokio::task::block_in_place(|| {
        writer.prepare(application, 100)?;
        writer.write(application, 100, behind.div_ceil(100), Duration::ZERO)?;
        writer.done()
    })?;
    for _ in 0..effort.rounds {
        let (epoch, head) = sqlx::query_as::<_, (String, i64)>("SELECT epoch, seq FROM event_head")
            .fetch_one(&world.database.pool)
            .await?;
        let from = (epoch, head - i64::try_from(behind)?);
        // It starts after they were written, so that nothing of them is in memory.
        let gateway = Gateway::start(&Settings::of(&world.database.url)).await?;
        tokio::task::block_in_place(|| {
            one_catch_up(&mut row, &gateway, &mut writer, application, &from, (count, effort))
        })?;
    }
    row.compare(MEANWHILE, BEFORE, Goal::AtMost(2.0));
    row.compare(BESIDE, BEFORE, Goal::None);
    row.compare(MEANWHILE, BESIDE, Goal::None);
    row.require("lost or out of order", Goal::AtMost(0.0));
    Ok(row)
}

fn one_catch_up(
    row: &mut Outcome,
    gateway: &Gateway,
    writer: &mut Writer,
    application: &str,
    (epoch, from): &(String, i64),
    (count, effort): (usize, &Effort),
) -> Result<()> {
    let mut live = Subscribers::new()?;
    live.connect(&gateway.address, (count / 10).max(1), &[with_token()], |_| {
        STREAM.to_owned()
    })?;
    let before = steady(&mut live, writer, application, 20, effort)?;
    let mut tell = |name: &str, latencies: &[f64]| {
        row.record(name, Unit::Milliseconds, percentile(latencies, 0.99));
    };
    tell(BEFORE, &latencies_ms(&live.arrived, &before.commits));

    // The limit: the same bytes to as many who do nothing with the gateway.
    let head = before.commits.last().ok_or("nothing was committed")?.last_seq;
    let events = usize::try_from(head - from)?;
    let flood = Flood::start(&Template::of(&live.arrived.last_block)?, count, events)?;
    let mut others = Late::new(count * events)?;
    let (flooded_in, beside) = meanwhile(&mut live, writer, (gateway, application, effort), || {
        others.catch_up(&flood.address, count, &[])
    })?;
    tell(BESIDE, &beside.latencies);
    drop((others, flood));

    let from_after = head + i64::try_from(beside.commits)?;
    let mut late = Late::new(count * usize::try_from(from_after - from)?)?;
    let memory = process::usage(gateway.pid)?.resident_bytes;
    let lines = [with_token(), format!("last-event-id: {epoch}-{from}")];
    let (took, catching_up) = meanwhile(&mut live, writer, (gateway, application, effort), || {
        late.catch_up(&gateway.address, count, &lines)
    })?;
    tell(MEANWHILE, &catching_up.latencies);
    // What was committed meanwhile reaches those, too.
    let expected = late.expected + count * catching_up.commits;
    let Late { subscribers: late, .. } = &mut late;
    late.wait(PATIENCE, |arrived| arrived.events >= expected)?;
    let lost = expected.saturating_sub(late.arrived.events) + late.arrived.out_of_order;
    row.record(
        "all have the same bytes from one thread after",
        Unit::Seconds,
        flooded_in.as_secs_f64(),
    );
    row.record("all have caught up after", Unit::Seconds, took.as_secs_f64());
    let deliveries = late.arrived.events as f64 / took.as_secs_f64();
    row.record("deliveries", Unit::PerSecond, deliveries);
    let more = (catching_up.peak_bytes - memory) / 1024.0 / count as f64;
    row.record("memory for each of them at most", Unit::Kibibytes, more);
    row.record(
        "lost or out of order",
        Unit::Count,
        lost as f64 + beside.wrong + catching_up.wrong,
    );
    Ok(())
}

/// Those who have missed so many events, all together.
struct Late {
    subscribers: Subscribers,
    expected: usize,
}

impl Late {
    fn new(expected: usize) -> Result<Self> {
        let mut subscribers = Subscribers::new()?;
        subscribers.is_timed = false;
        Ok(Self { subscribers, expected })
    }

    /// On a machine of their own they would take no time from those who are live: so they read when nobody else wants to.
    fn catch_up(&mut self, address: &str, count: usize, lines: &[String]) -> Result<()> {
        process::stand_back()?;
        let Self { subscribers, expected } = self;
        subscribers.connect(address, count, lines, |_| STREAM.to_owned())?;
        subscribers.wait(CATCH_UP, |arrived| arrived.events >= *expected)?;
        Ok(())
    }
}

/// What the live ones have seen while others did something.
struct Meanwhile {
    latencies: Vec<f64>,
    /// The most memory that the gateway had.
    peak_bytes: f64,
    commits: usize,
    wrong: f64,
}

/// Goes on with events for the live ones until `others` is done, and tells how long that took.
fn meanwhile(
    live: &mut Subscribers,
    writer: &mut Writer,
    (gateway, application, effort): (&Gateway, &str, &Effort),
    others: impl FnOnce() -> Result<()> + Send,
) -> Result<(Duration, Meanwhile)> {
    let is_done = AtomicBool::new(false);
    let began = Instant::now();
    let brief = Effort {
        seconds: effort.seconds.min(1.0),
        ..effort.clone()
    };
    std::thread::scope(|scope| {
        let others = scope.spawn(|| {
            let ended = others();
            is_done.store(true, Ordering::Relaxed);
            ended.map(|()| began.elapsed())
        });
        let mut seen = Meanwhile {
            latencies: Vec::new(),
            peak_bytes: process::usage(gateway.pid)?.resident_bytes,
            commits: 0,
            wrong: 0.0,
        };
        loop {
            let steady = steady(live, writer, application, 20, &brief)?;
            seen.latencies.extend(latencies_ms(&live.arrived, &steady.commits));
            seen.peak_bytes = seen.peak_bytes.max(process::usage(gateway.pid)?.resident_bytes);
            seen.commits += steady.commits.len();
            seen.wrong += steady.count;
            if is_done.load(Ordering::Relaxed) {
                break;
            }
        }
        let took = others.join().map_err(|_| "those who catch up failed")??;
        Ok((took, seen))
    })
}
