//! What an account of Scalingo needs to be told.

use std::sync::Arc;
use std::time::Duration;

use slipway_provider_http::{Calls, ConfigError, Secret, Url};

use crate::SourceUrlTemplate;

/// Settings of one account in one region.
#[derive(Debug, Clone)]
pub struct ScalingoOptions {
    /// The regional API, without `/v1`.
    pub api_url: Url,
    /// Where the token is exchanged, without `/v1`.
    pub auth_url: Url,
    /// The account's token, `tk-…`.
    pub token: Secret,
    /// Where people look, for links.
    pub dashboard_url: Url,
    /// How long the live stream may be silent.
    pub stream_idle_timeout: Duration,
    /// Hosts beside the API's where the live stream may be.
    pub stream_hosts: Vec<String>,
    /// Where the provider fetches the source of a deployment whose caller names none.
    pub source_url_template: Option<SourceUrlTemplate>,
    /// Where requests are counted.
    pub calls: Arc<Calls>,
}

impl ScalingoOptions {
    /// Settings for the real Scalingo, region osc-fr1.
    pub fn new(token: Secret) -> Self {
        Self::in_region("osc-fr1", token).unwrap_or_else(|_| unreachable!("the name of a region is part of a host's"))
    }

    /// Settings for a region of the real Scalingo.
    pub fn in_region(region: &str, token: Secret) -> Result<Self, ConfigError> {
        let is_name = !region.is_empty() && region.chars().all(|c| c.is_ascii_alphanumeric() || c == '-');
        let parse = |text: &str| Url::parse(text).ok().filter(|_| is_name);
        let urls = (
            parse(&format!("https://api.{region}.scalingo.com")),
            parse("https://auth.scalingo.com"),
            parse("https://dashboard.scalingo.com"),
        );
        let (Some(api_url), Some(auth_url), Some(dashboard_url)) = urls else {
            return Err(ConfigError(
                "the Scalingo region is not a name such as osc-fr1".to_owned(),
            ));
        };
        Ok(Self {
            api_url,
            auth_url,
            token,
            dashboard_url,
            stream_idle_timeout: Duration::from_secs(60),
            stream_hosts: vec![
                "deployments.scalingo.com".to_owned(),
                format!("deployments.{region}.scalingo.com"),
            ],
            source_url_template: None,
            calls: Arc::default(),
        })
    }

    pub(crate) fn check(&self) -> Result<(), ConfigError> {
        if self.token.is_empty() {
            return Err(ConfigError("the Scalingo token is empty".to_owned()));
        }
        if self.stream_idle_timeout.is_zero() {
            return Err(ConfigError(
                "the idle timeout of Scalingo's live stream must be longer than nothing".to_owned(),
            ));
        }
        Ok(())
    }

    /// The region that the API's host names, `api.{region}.scalingo.com`.
    pub(crate) fn region(&self) -> Option<String> {
        let host = self.api_url.host_str()?;
        let region = host.strip_prefix("api.")?.strip_suffix(".scalingo.com")?;
        Some(region.to_owned()).filter(|region| !region.contains('.'))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_defaults_are_the_real_hosts_and_the_token_stays_hidden() {
        let options = ScalingoOptions::new(Secret::new("tk-s3cret"));
        assert_eq!(options.api_url.as_str(), "https://api.osc-fr1.scalingo.com/");
        assert_eq!(options.region().as_deref(), Some("osc-fr1"));
        assert!(!format!("{options:?}").contains("s3cret"));
        assert!(ScalingoOptions::in_region("evil.test/", Secret::new("x")).is_err());
        assert!(ScalingoOptions::new(Secret::new("")).check().is_err());
    }
}
