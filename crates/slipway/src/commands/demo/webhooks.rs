//! The simulated providers tell the demo's gateway when something happens, as real ones do once they have its URLs.

use std::net::SocketAddr;

use rand::distr::{Alphanumeric, SampleString};
use slipway_server::WebhookSecrets;
use slipway_simulator::{Provider, Simulator, WebhookTarget};

use super::{ACCOUNTS, greeting};

const LENGTH: usize = 48;

/// A secret for each account, new with every start: the simulators are told at every start, too.
pub(super) struct Webhooks([String; 2]);

impl Webhooks {
    pub(super) fn new() -> Self {
        Self(ACCOUNTS.map(|_| Alphanumeric.sample_string(&mut rand::rng(), LENGTH)))
    }

    pub(super) fn secrets(&self) -> WebhookSecrets {
        ACCOUNTS.into_iter().zip(self.0.iter().map(String::as_str)).collect()
    }

    /// Tells the providers where the gateway listens.
    pub(super) fn register(&self, simulator: &Simulator, gateway: SocketAddr) {
        for ((provider, account), secret) in [Provider::Cloud66, Provider::Scalingo]
            .into_iter()
            .zip(ACCOUNTS)
            .zip(&self.0)
        {
            simulator.send_webhooks(WebhookTarget {
                provider,
                url: format!("{}/api/v1/inbound/{account}/{secret}", greeting::url(gateway)),
                duplicate: false,
                reorder: false,
                at_start: false,
            });
        }
    }
}
