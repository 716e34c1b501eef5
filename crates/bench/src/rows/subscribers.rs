//! Rows 6 and 8: what subscribers cost for whom nothing happens.

use std::time::Duration;

use crate::contender::{Gateway, Nchan, Publisher, Settings, Template, with_token};
use crate::report::{Goal, Outcome, Unit};
use crate::subscribers::Subscribers;
use crate::world::World;
use crate::writer::Writer;
use crate::{Effort, Result, process};

/// How long events may take to reach everybody.
const PATIENCE: Duration = Duration::from_secs(20);
/// Events before memory is looked at: buffers have their size then.
const WARM_UP: usize = 5;
/// Events in a second while the processors are watched.
const EVENTS_PER_SECOND: u32 = 200;

/// Row 6.
pub(super) async fn idle_memory(world: &World, effort: &Effort) -> Result<Outcome> {
    let count = effort.many_subscribers();
    let mut row = Outcome::new("6", format!("memory of a subscriber, of {count} that wait"));
    for _ in 0..effort.rounds {
        // A new one each time: what a process once had it does not give back.
        let gateway = Gateway::start(&Settings::of(&world.database.url)).await?;
        tokio::task::block_in_place(|| {
            let mut writer = Writer::start(&world.database.url)?;
            let applications = &world.applications[..world.applications.len().min(count)];
            for application in applications {
                writer.prepare(application, 1)?;
            }
            let path = |number: usize| filtered(&applications[number % applications.len()]);
            let before = process::usage(gateway.pid)?.resident_bytes;
            let mut subscribers = Subscribers::new()?;
            subscribers.is_gapless = false;
            subscribers.connect(&gateway.address, count, &[with_token()], path)?;
            let waiting = process::usage(gateway.pid)?.resident_bytes;
            // Everybody gets something, each application's subscribers what concerns it.
            for application in applications {
                writer.write(application, 1, WARM_UP, Duration::ZERO)?;
                writer.done()?;
            }
            subscribers.wait(PATIENCE, |arrived| arrived.events >= count * WARM_UP)?;
            let after = process::usage(gateway.pid)?.resident_bytes;
            let each = |bytes: f64| bytes / count as f64 / 1024.0;
            row.record("slipway, before any event", Unit::Kibibytes, each(waiting - before));
            row.record("slipway, after traffic", Unit::Kibibytes, each(after - before));
            let template = Template::of(&subscribers.arrived.last_block)?;
            // So many more open files are more than most systems allow.
            drop(subscribers);
            if !effort.without_peers {
                match nchan_memory(&template, count) {
                    Ok(bytes) => row.record("nchan, after traffic", Unit::Kibibytes, each(bytes)),
                    Err(error) => row.note(error.to_string()),
                }
            }
            Ok::<_, crate::Error>(())
        })?;
    }
    row.require("slipway, after traffic", Goal::AtMost(14.0));
    row.compare("slipway, after traffic", "nchan, after traffic", Goal::None);
    Ok(row)
}

fn nchan_memory(template: &Template, count: usize) -> Result<f64> {
    let mut nchan = Nchan::start(template)?;
    let before = process::usage(nchan.pid())?.resident_bytes;
    let mut subscribers = Subscribers::new()?;
    let path = nchan.path();
    subscribers.connect(&nchan.address(), count, &[], |_| path.clone())?;
    nchan.publish(WARM_UP)?;
    subscribers.wait(PATIENCE, |arrived| arrived.events >= count * WARM_UP)?;
    nchan.published_at()?;
    Ok(process::usage(nchan.pid())?.resident_bytes - before)
}

fn filtered(application: &str) -> String {
    format!("/api/v1/events/stream?application={application}")
}

/// Row 8.
pub(super) async fn few_match(world: &World, effort: &Effort) -> Result<Outcome> {
    let many = effort.many_subscribers();
    let few = (many / 100).max(1);
    let mut row = Outcome::new("8", format!("{many} subscribers of which {few} match an event"));
    let gateway = Gateway::start(&Settings::of(&world.database.url)).await?;
    tokio::task::block_in_place(|| {
        let mut writer = Writer::start(&world.database.url)?;
        writer.prepare(&world.applications[0], 1)?;
        for _ in 0..effort.rounds {
            let alone = cpu_per_event(world, &gateway, &mut writer, (few, few), effort)?;
            row.record("slipway, nobody else, CPU per event", Unit::Milliseconds, alone);
            let among = cpu_per_event(world, &gateway, &mut writer, (few, many), effort)?;
            row.record("slipway, among all, CPU per event", Unit::Milliseconds, among);
        }
        Ok::<_, crate::Error>(())
    })?;
    row.compare(
        "slipway, among all, CPU per event",
        "slipway, nobody else, CPU per event",
        Goal::AtMost(3.0),
    );
    row.note("what the same subscribers cost without events (heartbeats) is taken off");
    Ok(row)
}

/// In milliseconds, with so many subscribers that match of so many in all.
fn cpu_per_event(
    world: &World,
    gateway: &Gateway,
    writer: &mut Writer,
    (matching, all): (usize, usize),
    effort: &Effort,
) -> Result<f64> {
    let [application, others @ ..] = world.applications.as_slice() else {
        return Err("there is no application".into());
    };
    let mut subscribers = Subscribers::new()?;
    subscribers.is_gapless = false;
    subscribers.connect(&gateway.address, all, &[with_token()], |number| {
        let is_matching = number < matching || others.is_empty();
        filtered(if is_matching {
            application
        } else {
            &others[number % others.len()]
        })
    })?;
    let spent = |subscribers: &mut Subscribers| {
        let before = process::usage(gateway.pid)?.cpu_seconds;
        subscribers.listen(effort.duration())?;
        Ok::<_, crate::Error>(process::usage(gateway.pid)?.cpu_seconds - before)
    };
    let idle = spent(&mut subscribers)?;
    let times = effort.events(EVENTS_PER_SECOND);
    let pause = Duration::from_secs(1) / EVENTS_PER_SECOND;
    subscribers.arrived.events = 0;
    let before = process::usage(gateway.pid)?.cpu_seconds;
    writer.write(application, 1, times, pause)?;
    subscribers.wait(effort.duration() + PATIENCE, |arrived| {
        arrived.events >= times * matching
    })?;
    let busy = process::usage(gateway.pid)?.cpu_seconds - before;
    writer.done()?;
    Ok((busy - idle).max(0.0) * 1_000.0 / times as f64)
}
