//! Rows 5 and 7: one event, or 50 at once, to thousands of subscribers.

use std::time::{Duration, Instant};

use crate::contender::{Committed, Gateway, Nchan, Publisher, Raw, Settings, Template, with_token};
use crate::report::{Goal, Outcome, Unit, percentile};
use crate::subscribers::Subscribers;
use crate::world::World;
use crate::writer::Writer;
use crate::{Effort, Result, process};

/// How long one event may take to reach everybody. What is not there then is lost.
const PATIENCE: Duration = Duration::from_secs(20);
/// However short a measurement is.
const AT_LEAST: usize = 3;

/// What a broadcast of a while came to.
#[derive(Debug, Default)]
struct Broadcast {
    deliveries: usize,
    /// From the commit to the last delivery, summed over all events.
    spent: Duration,
    cpu_seconds: f64,
    lost: usize,
    out_of_order: usize,
    /// From the commit to each delivery.
    latencies_ms: Vec<f64>,
}

/// Row 5: the next event is committed when everybody has the one before.
pub(super) async fn one_by_one(world: &World, effort: &Effort) -> Result<Vec<Outcome>> {
    let mut rows = Vec::new();
    for subscribers in &effort.subscribers {
        let mut row = Outcome::new("5", format!("{subscribers} subscribers, an event at a time"));
        measure(&mut row, world, *subscribers, 1, effort).await?;
        row.compare("slipway", "one thread of send()", Goal::AtLeast(0.85));
        row.compare("slipway", "nchan", Goal::AtLeast(1.05));
        row.compare(
            "slipway, CPU per million",
            "one thread of send(), CPU per million",
            Goal::None,
        );
        row.compare("slipway, CPU per million", "nchan, CPU per million", Goal::AtMost(1.0));
        row.require("slipway, lost or out of order", Goal::AtMost(0.0));
        rows.push(row);
    }
    Ok(rows)
}

/// Row 7.
pub(super) async fn burst(world: &World, effort: &Effort) -> Result<Outcome> {
    let subscribers = effort.few_subscribers();
    let mut row = Outcome::new("7", format!("50 events at once to {subscribers} subscribers"));
    measure(&mut row, world, subscribers, 50, effort).await?;
    row.compare("slipway", "nchan", Goal::AtLeast(2.5));
    row.compare("slipway, p99", "nchan, p99", Goal::AtMost(0.6));
    row.require("slipway, lost or out of order", Goal::AtMost(0.0));
    Ok(row)
}

async fn measure(row: &mut Outcome, world: &World, count: usize, events: usize, effort: &Effort) -> Result<()> {
    let gateway = Gateway::start(&Settings::of(&world.database.url)).await?;
    tokio::task::block_in_place(|| {
        let application = &world.applications[0];
        let mut writer = Writer::start(&world.database.url)?;
        writer.prepare(application, events)?;
        let template = find_template(&gateway, &mut writer, application)?;
        row.note(format!("a block of {} bytes", template.len()));
        let mut nchan = match effort.without_peers {
            true => None,
            false => Nchan::start(&template)
                .map_err(|error| row.note(error.to_string()))
                .ok(),
        };
        for _ in 0..effort.rounds {
            let mut raw = Raw::start(&template, count)?;
            broadcast(row, &mut raw, count, events, effort)?;
            drop(raw);
            if let Some(nchan) = &mut nchan {
                nchan.next_channel();
                broadcast(row, nchan, count, events, effort)?;
            }
            let mut ours = Committed {
                gateway: &gateway,
                writer: &mut writer,
                application: application.clone(),
            };
            broadcast(row, &mut ours, count, events, effort)?;
        }
        Ok(())
    })
}

/// An event as the gateway sends it, so that all send the same.
fn find_template(gateway: &Gateway, writer: &mut Writer, application: &str) -> Result<Template> {
    let mut one = Subscribers::new()?;
    one.connect(&gateway.address, 1, &[with_token()], |_| {
        "/api/v1/events/stream".to_owned()
    })?;
    writer.write(application, 1, 1, Duration::ZERO)?;
    if !one.wait(PATIENCE, |arrived| arrived.events > 0)? {
        return Err("an event does not arrive".into());
    }
    writer.done()?;
    Template::of(&one.arrived.last_block)
}

fn broadcast(
    row: &mut Outcome,
    publisher: &mut dyn Publisher,
    count: usize,
    events: usize,
    effort: &Effort,
) -> Result<()> {
    let mut subscribers = Subscribers::new()?;
    let path = publisher.path();
    subscribers.connect(&publisher.address(), count, &[with_token()], |_| path.clone())?;
    // The first event finds cold caches everywhere.
    publish(publisher, &mut subscribers, events, &mut Broadcast::default())?;
    let mut all = Broadcast::default();
    let before = process::usage(publisher.pid())?;
    let began = Instant::now();
    let mut times = 0;
    while times < AT_LEAST || began.elapsed() < effort.duration() {
        publish(publisher, &mut subscribers, events, &mut all)?;
        times += 1;
    }
    all.cpu_seconds = process::usage(publisher.pid())?.cpu_seconds - before.cpu_seconds;
    let name = publisher.name();
    let deliveries = all.deliveries as f64;
    row.record(name, Unit::PerSecond, deliveries / all.spent.as_secs_f64());
    row.record(
        &format!("{name}, CPU per million"),
        Unit::Seconds,
        all.cpu_seconds / deliveries * 1_000_000.0,
    );
    for (text, share) in [("p50", 0.5), ("p99", 0.99)] {
        let value = percentile(&all.latencies_ms, share);
        row.record(&format!("{name}, {text}"), Unit::Milliseconds, value);
    }
    let wrong = all.lost + all.out_of_order;
    row.record(&format!("{name}, lost or out of order"), Unit::Count, wrong as f64);
    Ok(())
}

/// Publishes and waits until everybody has it.
fn publish(
    publisher: &mut dyn Publisher,
    subscribers: &mut Subscribers,
    events: usize,
    all: &mut Broadcast,
) -> Result<()> {
    let arrived = &mut subscribers.arrived;
    (arrived.events, arrived.out_of_order) = (0, 0);
    arrived.times.clear();
    let expected = subscribers.count() * events;
    publisher.publish(events)?;
    subscribers.wait(PATIENCE, |arrived| arrived.events >= expected)?;
    let published_at = publisher.published_at()?;
    let arrived = &subscribers.arrived;
    let last = arrived.times.iter().map(|(_, at)| *at).max().unwrap_or(published_at);
    all.deliveries += arrived.events;
    all.lost += expected.saturating_sub(arrived.events);
    all.out_of_order += arrived.out_of_order;
    all.spent += Duration::from_micros(u64::try_from(last - published_at).unwrap_or(0));
    all.latencies_ms
        .extend(arrived.times.iter().map(|(_, at)| (at - published_at) as f64 / 1_000.0));
    Ok(())
}
