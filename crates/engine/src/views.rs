//! What the public JSON of deployments is written by, apart from their rows, as a hash for each account: what the provider
//! can do, how this release writes it, and the mappings of statuses that the configuration adds.
//!
//! Nobody has to remember to raise a number: the hash is that of what some made-up deployments come to.

use std::collections::HashMap;

use ring::digest::{Context, SHA256};
use slipway_api::DeploymentView;
use slipway_core::provider::{AddedMapping, Capabilities, ProviderRegistry};
use slipway_core::{
    AccountName, ApplicationId, Authority, Deployment, DeploymentDetails, DeploymentId, Labels, LogState, ProviderName,
    State, Status, Tracked, Via,
};
use time::OffsetDateTime;
use uuid::Uuid;

/// A hash for each account.
#[derive(Debug)]
pub(crate) struct Views {
    configured: HashMap<String, String>,
    other: String,
}

impl Views {
    pub(crate) fn new(registry: &ProviderRegistry) -> Self {
        let configured = registry.iter().map(|(account, provider)| {
            let hash = hash(provider.capabilities(), provider.added_mappings());
            (account.to_string(), hash)
        });
        Self {
            configured: configured.collect(),
            // An account that is not configured any more can do nothing.
            other: hash(Capabilities::default(), &[]),
        }
    }

    /// Differs when the JSON of the account's deployments differs.
    pub(crate) fn of(&self, account: &str) -> &str {
        self.configured.get(account).unwrap_or(&self.other)
    }
}

fn hash(capabilities: Capabilities, mappings: &[AddedMapping]) -> String {
    let mut context = Context::new(&SHA256);
    for mapping in mappings {
        context.update(format!("{mapping:?}").as_bytes());
    }
    for sample in samples() {
        let json = serde_json::to_vec(&DeploymentView::new(&sample, capabilities)).unwrap_or_default();
        context.update(&json);
    }
    let digest = context.finish();
    digest.as_ref()[..12].iter().map(|byte| format!("{byte:02x}")).collect()
}

/// One for each way in which the JSON may branch.
fn samples() -> Vec<Deployment> {
    let mut samples = Vec::new();
    for status in Status::ALL {
        for is_finished in [false, true] {
            for variant in 0..4_u8 {
                for log in [LogState::Open, LogState::Complete, LogState::Missing] {
                    let sample = sample(status, is_finished, variant & 1 == 1, variant & 2 == 2);
                    let plain = Deployment { log, ..sample };
                    let mut live = plain.clone();
                    live.is_live = Some(true);
                    live.tracked.details.git.sha = Some(String::new());
                    let mut old = live.clone();
                    old.is_live = Some(false);
                    samples.extend([plain, live, old]);
                }
            }
        }
    }
    samples
}

fn sample(status: Status, is_finished: bool, is_named: bool, is_canceled: bool) -> Deployment {
    let at = OffsetDateTime::UNIX_EPOCH;
    Deployment {
        id: DeploymentId(Uuid::nil()),
        application_id: ApplicationId(Uuid::nil()),
        provider: ProviderName::from(""),
        account: AccountName::from(""),
        provider_deployment_id: is_named.then(String::new),
        environment: None,
        labels: Labels::new(),
        application_name: String::new(),
        tracked: Tracked {
            state: State {
                is_finished,
                ..State::new(status, Authority::Rest)
            },
            state_asked_at: at,
            finished_at: is_finished.then_some(at),
            details: DeploymentDetails::default(),
            details_asked_at: at,
            corrected_at: None,
            cancel_requested_at: is_canceled.then_some(at),
        },
        is_live: None,
        is_latest: false,
        superseded_by_id: None,
        rollback_of_id: None,
        log: LogState::Open,
        created_at: at,
        version: 0,
        first_seen_at: at,
        observed_at: at,
        observed_via: Via::Poll,
        updated_at: at,
    }
}

#[cfg(test)]
mod tests {
    use slipway_core::provider::Support;

    use super::*;

    #[test]
    fn what_a_provider_can_do_makes_a_difference() {
        let idle = hash(Capabilities::default(), &[]);
        let cancels = Capabilities {
            cancel: Support::Supported,
            ..Capabilities::default()
        };
        assert_eq!(idle, hash(Capabilities::default(), &[]));
        assert_ne!(idle, hash(cancels, &[]));
        let mapping = AddedMapping {
            provider: "example".to_owned(),
            provider_status: "frozen".to_owned(),
            status: Status::Canceled,
            phase: None,
            failure_reason: None,
        };
        assert_ne!(idle, hash(Capabilities::default(), &[mapping]));
    }
}
