//! A simulated provider tells the demo's gateway when something happens, as a real one does once it has the URL.
//!
//! Cloud 66 alone: Scalingo's live stream tells already, and every read that a hint asks for would come out of its 60 requests a
//! minute.

use std::net::SocketAddr;

use rand::distr::{Alphanumeric, SampleString};
use slipway_server::WebhookSecrets;
use slipway_simulator::{Provider, Simulator, WebhookTarget};

use super::{ACCOUNTS, greeting};

const LENGTH: usize = 48;
const ACCOUNT: &str = ACCOUNTS[0];

/// The secret of the URL, new with every start: the simulator is told at every start, too.
pub(super) struct Webhooks(String);

impl Webhooks {
    pub(super) fn new() -> Self {
        Self(Alphanumeric.sample_string(&mut rand::rng(), LENGTH))
    }

    pub(super) fn secrets(&self) -> WebhookSecrets {
        [(ACCOUNT, self.0.as_str())].into_iter().collect()
    }

    /// Tells the provider where the gateway listens.
    pub(super) fn register(&self, simulator: &Simulator, gateway: SocketAddr) {
        simulator.send_webhooks(WebhookTarget {
            provider: Provider::Cloud66,
            url: format!("{}/api/v1/inbound/{ACCOUNT}/{}", greeting::url(gateway), self.0),
            duplicate: false,
            reorder: false,
            at_start: false,
        });
    }
}
