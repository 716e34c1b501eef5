//! Row 11: the one write path beside statements that only put the same bytes into the same tables.

use std::sync::Arc;
use std::time::Instant;

use slipway_core::clock::{Clock, SystemClock};
use slipway_core::observation::Asked;
use slipway_core::provider::{Capabilities, ProviderRegistry};
use slipway_core::{ApplicationId, Via};
use slipway_engine::Context;
use slipway_engine::ingest::{Batch, ingest};
use slipway_test_database::TestDatabase;

use crate::bare::{self, Table};
use crate::report::{Goal, Outcome, Unit};
use crate::world::World;
use crate::writer::observation;
use crate::{Effort, Result};

/// How many deployments one transaction writes.
const BATCH: usize = 100;
/// More than these show nothing new.
const DEPLOYMENTS_AT_MOST: usize = 20_000;

pub(super) async fn measure(effort: &Effort) -> Result<Outcome> {
    let batches = (usize::try_from(effort.deployments)?.min(DEPLOYMENTS_AT_MOST) / BATCH).max(1);
    let deployments = (batches * BATCH) as f64;
    let mut row = Outcome::new(
        "11",
        format!("ingest of {deployments} deployments, {BATCH} a transaction, with events"),
    );
    for _ in 0..effort.rounds {
        let (ours, limit) = (World::of_applications(batches).await?, TestDatabase::create().await?);
        let clock = SystemClock;
        let registry = ProviderRegistry::default();
        let context = Context::new(ours.database.pool.clone(), registry, Arc::new(clock));
        let mut first = Vec::new();
        for application in &ours.applications {
            first.push(Batch {
                application_id: ApplicationId(application.parse()?),
                lease: None,
                asked: Asked {
                    via: Via::Poll,
                    at: clock.now(),
                    is_correction: false,
                },
                capabilities: Capabilities::default(),
                observations: (0..BATCH).map(|number| observation(&number.to_string(), 0)).collect(),
            });
        }
        let mut again = first.clone();
        let ingested = ingest_all(&context, &first).await?;
        again.iter_mut().for_each(|batch| batch.asked.at = clock.now());
        let replayed = ingest_all(&context, &again).await?;

        bare::copy(&ours.database.pool, &limit.pool, Table::APPLICATIONS, None).await?;
        let mut rows = Vec::new();
        for application in &ours.applications {
            rows.push(bare::read(&ours.database.pool, Table::WRITTEN, application).await?);
        }
        let mut conn = limit.pool.acquire().await?;
        let began = Instant::now();
        for batch in &rows {
            bare::insert(&mut conn, batch).await?;
        }
        let inserted = began.elapsed();
        let began = Instant::now();
        for batch in &rows {
            bare::replay(&mut conn, batch).await?;
        }
        let upserted = began.elapsed();
        for (name, took) in [
            ("UNNEST of the same rows", inserted),
            ("slipway", ingested),
            ("UNNEST, all rows are there", upserted),
            ("slipway, nothing has changed", replayed),
        ] {
            row.record(name, Unit::PerSecond, deployments / took.as_secs_f64());
        }
    }
    row.compare("slipway", "UNNEST of the same rows", Goal::AtLeast(0.60));
    row.compare(
        "slipway, nothing has changed",
        "UNNEST, all rows are there",
        Goal::AtLeast(0.80),
    );
    Ok(row)
}

async fn ingest_all(context: &Context, batches: &[Batch]) -> Result<std::time::Duration> {
    let began = Instant::now();
    for batch in batches {
        ingest(context, batch).await?;
    }
    Ok(began.elapsed())
}
