//! Rows 9 and 10: how soon what is committed has arrived, over two replicas, and while others catch up.

use std::sync::atomic::{AtomicBool, Ordering};
use std::time::{Duration, Instant};

use crate::contender::{Gateway, Settings, with_token};
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
    row.compare("live ones meanwhile, p99", "live ones before, p99", Goal::AtMost(2.0));
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
    let p99 = percentile(&latencies_ms(&live.arrived, &before.commits), 0.99);
    row.record("live ones before, p99", Unit::Milliseconds, p99);
    let head = before.commits.last().ok_or("nothing was committed")?.last_seq;
    let expected = count * usize::try_from(head - from)?;
    let memory = process::usage(gateway.pid)?.resident_bytes;
    let mut late = Subscribers::new()?;
    late.is_timed = false;
    let is_done = AtomicBool::new(false);
    let began = Instant::now();
    let (took, meanwhile) = std::thread::scope(|scope| {
        let catching_up = scope.spawn(|| {
            let lines = [with_token(), format!("last-event-id: {epoch}-{from}")];
            let arrived = late
                .connect(&gateway.address, count, &lines, |_| STREAM.to_owned())
                .and_then(|()| late.wait(CATCH_UP, |arrived| arrived.events >= expected));
            is_done.store(true, Ordering::Relaxed);
            arrived.map(|_| began.elapsed())
        });
        let mut latencies = Vec::new();
        let (mut peak, mut commits, mut wrong) = (memory, 0, 0.0);
        loop {
            let brief = Effort {
                seconds: effort.seconds.min(1.0),
                ..effort.clone()
            };
            let steady = steady(&mut live, writer, application, 20, &brief)?;
            latencies.extend(latencies_ms(&live.arrived, &steady.commits));
            peak = peak.max(process::usage(gateway.pid)?.resident_bytes);
            commits += steady.commits.len();
            wrong += steady.count;
            if is_done.load(Ordering::Relaxed) {
                break;
            }
        }
        let took = catching_up.join().map_err(|_| "those who catch up failed")??;
        Ok::<_, crate::Error>((took, (latencies, peak, commits, wrong)))
    })?;
    let (latencies, peak, commits, mut wrong) = meanwhile;
    // What was committed meanwhile reaches those, too.
    let expected = expected + count * commits;
    late.wait(PATIENCE, |arrived| arrived.events >= expected)?;
    wrong += (expected.saturating_sub(late.arrived.events) + late.arrived.out_of_order) as f64;
    row.record(
        "live ones meanwhile, p99",
        Unit::Milliseconds,
        percentile(&latencies, 0.99),
    );
    row.record("all have caught up after", Unit::Seconds, took.as_secs_f64());
    row.record(
        "deliveries",
        Unit::PerSecond,
        late.arrived.events as f64 / took.as_secs_f64(),
    );
    let more = (peak - memory) / 1024.0 / count as f64;
    row.record("memory for each of them at most", Unit::Kibibytes, more);
    row.record("lost or out of order", Unit::Count, wrong);
    Ok(())
}
