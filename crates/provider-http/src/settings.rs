//! What a client is told when it is made.

use std::sync::Arc;
use std::time::Duration;

use slipway_core::budget::{RateLimit, Throttle};
use url::Url;

use crate::{Answer, Calls, hosts};

/// A setting that cannot work, in one sentence for the operator.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("{0}")]
pub struct ConfigError(pub String);

/// How one client behaves. [`ClientSettings::new`] gives the defaults.
#[derive(Debug, Clone)]
pub struct ClientSettings {
    /// The provider's name, for errors and spans.
    pub provider: &'static str,
    /// Where all requests go, with the path that they all begin with.
    pub base_url: Url,
    /// Hosts beside the base URL's that [`crate::Client::pin`] accepts.
    pub additional_hosts: Vec<String>,
    /// How we introduce ourselves.
    pub user_agent: String,
    /// The longest wait for a connection.
    pub connect_timeout: Duration,
    /// The longest time for a call, its body and its repetitions included.
    pub total_timeout: Duration,
    /// The largest body that is read, in bytes.
    pub max_body_bytes: usize,
    /// The provider's documented limit, if it has one.
    pub rate_limit: Option<RateLimit>,
    /// Tells a throttled answer from the others.
    pub throttle: fn(&Answer, time::OffsetDateTime) -> Option<Throttle>,
    /// Tells an answer of a provider that is in trouble from the others. Several in a row open the circuit breaker.
    pub is_trouble: fn(&Answer) -> bool,
    /// Where its requests are counted.
    pub calls: Arc<Calls>,
}

impl ClientSettings {
    /// Settings with the defaults: 5 s to connect, 20 s in all, 8 MiB, no known limit, 429 means throttled, 5xx trouble.
    pub fn new(provider: &'static str, base_url: Url) -> Self {
        Self {
            provider,
            base_url,
            additional_hosts: Vec::new(),
            user_agent: concat!("slipway/", env!("CARGO_PKG_VERSION")).to_owned(),
            connect_timeout: Duration::from_secs(5),
            total_timeout: Duration::from_secs(20),
            max_body_bytes: 8 * 1024 * 1024,
            rate_limit: None,
            throttle: |answer, _| (answer.status == 429).then(|| Throttle::for_a_while(answer.retry_after)),
            is_trouble: |answer| answer.status >= 500,
            calls: Arc::default(),
        }
    }

    pub(crate) fn check(&self) -> Result<(), ConfigError> {
        let url = &self.base_url;
        let Some(host) = url.host_str() else {
            return Err(ConfigError(format!("the {} URL names no host", self.provider)));
        };
        if !url.username().is_empty() || url.password().is_some() {
            return Err(ConfigError(format!(
                "the {} URL must not carry a user or a password",
                self.provider
            )));
        }
        if url.query().is_some() || url.fragment().is_some() {
            return Err(ConfigError(format!(
                "the {} URL must not carry a query or a fragment",
                self.provider
            )));
        }
        match url.scheme() {
            "https" => Ok(()),
            "http" if hosts::is_loopback(url) => Ok(()),
            "http" => Err(ConfigError(format!(
                "the {} URL http://{host} would send the token unencrypted: use https, plain http is for loopback only",
                self.provider
            ))),
            scheme => Err(ConfigError(format!(
                "the {} URL must begin with https, not {scheme}",
                self.provider
            ))),
        }
    }
}
