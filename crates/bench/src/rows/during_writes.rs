//! Row 4: answers from memory while another process commits events that touch them.

use std::time::Duration;

use crate::contender::{Gateway, Settings, with_token};
use crate::load::{self, Requests};
use crate::report::{Goal, Outcome, Unit};
use crate::world::World;
use crate::writer::Writer;
use crate::{Effort, Result};

use super::reads::{LIST, deployment};

/// Events in a second.
const EVENTS_PER_SECOND: u32 = 200;
/// How often it is looked whether a read shows the write whose position it names.
const LOOKS: usize = 20;

pub(super) async fn measure(world: &World, effort: &Effort) -> Result<Outcome> {
    let mut row = Outcome::new(
        "4",
        format!("list of 50, hot, while {EVENTS_PER_SECOND} events/s are committed"),
    );
    let gateway = Gateway::start(&Settings::of(&world.database.url).keeping_answers()).await?;
    let requests = Requests::get(&[LIST.to_owned()], &[with_token()], "200");
    let application = &world.applications[0];
    let mut writer = Writer::start(&world.database.url)?;
    tokio::task::block_in_place(|| writer.prepare(application, 1))?;
    let pause = Duration::from_secs(1) / EVENTS_PER_SECOND;
    // Half a second before and after what is measured.
    let events = effort.events(EVENTS_PER_SECOND) + EVENTS_PER_SECOND as usize;
    for _ in 0..effort.rounds {
        let quiet = load::rate(&gateway.address, &requests, effort.connections, effort.duration()).await?;
        row.record("slipway, nothing happens", Unit::PerSecond, quiet);
        writer.write(application, 1, events, pause)?;
        let busy = load::rate(&gateway.address, &requests, effort.connections, effort.duration()).await?;
        row.record("slipway, while events are committed", Unit::PerSecond, busy);
        let commits = tokio::task::block_in_place(|| writer.done())?;
        if let (Some(first), Some(last)) = (commits.first(), commits.last()) {
            let took = (last.at_us - first.at_us).max(1) as f64 / 1_000_000.0;
            row.record("events committed", Unit::PerSecond, (commits.len() - 1) as f64 / took);
        }
    }
    let wrong = reads_that_lag(world, &gateway, &mut writer, application).await?;
    row.record("reads that do not show the write they wait for", Unit::Count, wrong);
    row.compare(
        "slipway, while events are committed",
        "slipway, nothing happens",
        Goal::AtLeast(0.70),
    );
    row.require("reads that do not show the write they wait for", Goal::AtMost(0.0));
    row.note("that no answer is older than its own event_cursor is tested in crates/server/tests/it/hot.rs");
    Ok(row)
}

/// Of some reads with the `min_cursor` of a write, how many do not show it.
async fn reads_that_lag(world: &World, gateway: &Gateway, writer: &mut Writer, application: &str) -> Result<f64> {
    let (id, epoch) = sqlx::query_as::<_, (String, String)>(
        "SELECT id::text, (SELECT epoch FROM event_head) FROM deployments WHERE provider_deployment_id = $1",
    )
    .bind(format!("bench-{application}-0"))
    .fetch_one(&world.database.pool)
    .await?;
    let mut wrong = 0.0;
    for _ in 0..LOOKS {
        writer.write(application, 1, 1, Duration::ZERO)?;
        let commits = tokio::task::block_in_place(|| writer.done())?;
        let seq = commits.last().ok_or("nothing was committed")?.last_seq;
        let version: i64 = sqlx::query_scalar("SELECT version FROM deployments WHERE id = $1::uuid")
            .bind(&id)
            .fetch_one(&world.database.pool)
            .await?;
        let path = format!("{}?min_cursor={epoch}-{seq}", deployment(&id));
        let (_, body) = load::ask(&gateway.address, &Requests::get(&[path], &[with_token()], "200")).await?;
        let shown: serde_json::Value = serde_json::from_slice(&body)?;
        if shown["version"].as_i64() < Some(version) {
            wrong += 1.0;
        }
    }
    Ok(wrong)
}
