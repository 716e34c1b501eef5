//! How long after the provider showed a change it was committed.

use std::collections::HashMap;

use slipway_simulator::{Phase, Provider};
use time::OffsetDateTime;

use super::accounts::{Accounts, account};
use super::time::VirtualTime;
use crate::Result;

/// A change that the provider showed.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Lag {
    pub(crate) provider: Provider,
    /// When the provider showed it.
    pub(crate) at: OffsetDateTime,
    /// A new deployment.
    pub(crate) is_new: bool,
    /// Until what it came to was committed, and whether a stream told it; none when it never was.
    pub(crate) seen: Option<(f64, bool)>,
}

/// When a state of a deployment was committed, and whether a stream told it.
type Committed = (OffsetDateTime, bool);

/// All changes from `from` until `until`. A change counts as seen with the first commit after it that has anything new of
/// its deployment.
pub(super) fn measure(
    time: &VirtualTime,
    accounts: &Accounts,
    from: OffsetDateTime,
    until: OffsetDateTime,
) -> Result<Vec<Lag>> {
    let pool = time.pool.clone();
    let rows: Vec<(String, String, OffsetDateTime, String)> = time.engine.run(async move {
        sqlx::query_as(
            "SELECT deployment.account, deployment.provider_deployment_id, transition.recorded_at, transition.observed_via
             FROM transitions AS transition JOIN deployments AS deployment ON deployment.id = transition.deployment_id
             WHERE transition.recorded_at >= $1 AND deployment.provider_deployment_id IS NOT NULL
             ORDER BY transition.recorded_at",
        )
        .bind(from)
        .fetch_all(&pool)
        .await
    })??;
    let mut committed: HashMap<(String, String), Vec<Committed>> = HashMap::new();
    for (account, deployment, at, via) in rows {
        committed
            .entry((account, deployment))
            .or_default()
            .push((at, via == "stream"));
    }
    let mut lags = Vec::new();
    for (world, simulator) in accounts.simulators.iter().enumerate() {
        for change in simulator.world().shown_changes() {
            if change.at < from || change.at >= until {
                continue;
            }
            let key = (account(change.provider, world), change.deployment);
            let first = committed
                .get(&key)
                .into_iter()
                .flatten()
                .find(|(at, _)| *at >= change.at);
            lags.push(Lag {
                provider: change.provider,
                at: change.at,
                is_new: change.phase == Phase::Queued,
                seen: first.map(|(at, is_streamed)| ((*at - change.at).as_seconds_f64(), *is_streamed)),
            });
        }
    }
    Ok(lags)
}
