//! What only the database knows: the end of the event log, how far each account was read, statuses that nobody maps.

use std::collections::BTreeMap;
use std::time::Duration;

use slipway_store::event_log::{self, Head};
use slipway_store::retention::{self, HorizonRow};
use slipway_store::{StoreError, unmapped_statuses};

use crate::freshness::{self, Snapshot};
use crate::monitored::Monitored;

/// Whoever scrapes gives up after ten seconds by default, and wants the rest all the same.
const PATIENCE: Duration = Duration::from_secs(3);

pub(super) struct Stored {
    pub(super) head: Head,
    pub(super) accounts: Snapshot,
    /// By provider: how many observations carried a status that is not mapped, and how many such statuses there are.
    pub(super) unmapped: BTreeMap<String, (i64, u64)>,
    pub(super) horizons: Vec<HorizonRow>,
}

impl Stored {
    /// None where the database does not answer in time.
    pub(super) async fn read(monitored: &Monitored) -> Option<Self> {
        match tokio::time::timeout(PATIENCE, read(monitored)).await {
            Ok(Ok(stored)) => Some(stored),
            Ok(Err(error)) => {
                tracing::debug!(error = &error as &dyn std::error::Error, "metrics without the database");
                None
            }
            Err(_) => None,
        }
    }
}

async fn read(monitored: &Monitored) -> Result<Stored, StoreError> {
    let mut conn = monitored.pool.acquire().await?;
    let mut unmapped = BTreeMap::<String, (i64, u64)>::new();
    for row in unmapped_statuses::list(&mut conn).await? {
        let counts = unmapped.entry(row.provider).or_default();
        *counts = (counts.0 + row.seen_count, counts.1 + 1);
    }
    Ok(Stored {
        head: event_log::find_head(&mut conn).await?,
        accounts: freshness::load(&mut conn).await?,
        unmapped,
        horizons: retention::list_horizons(&mut conn).await?,
    })
}
