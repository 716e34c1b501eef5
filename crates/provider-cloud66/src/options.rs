//! What an account of Cloud 66 needs to be told.

use std::sync::Arc;

use serde::Deserialize;
use slipway_provider_http::{Calls, ConfigError, Secret, Url};

/// Settings of one account.
#[derive(Debug, Clone, Deserialize)]
pub struct Cloud66Options {
    /// The API, with its version.
    #[serde(default = "default_base_url")]
    pub base_url: Url,
    /// A personal access token with the scope `public`, and `redeploy` for writes.
    pub token: Secret,
    /// Where people look, for links.
    #[serde(default = "default_dashboard_url")]
    pub dashboard_url: Url,
    /// Where requests are counted.
    #[serde(skip)]
    pub calls: Arc<Calls>,
}

impl Cloud66Options {
    /// Settings for the real Cloud 66.
    pub fn new(token: Secret) -> Self {
        Self {
            base_url: default_base_url(),
            token,
            dashboard_url: default_dashboard_url(),
            calls: Arc::default(),
        }
    }

    pub(crate) fn check(&self) -> Result<(), ConfigError> {
        if self.token.is_empty() {
            return Err(ConfigError("the Cloud 66 token is empty".to_owned()));
        }
        Ok(())
    }
}

fn default_base_url() -> Url {
    constant("https://app.cloud66.com/api/3")
}

fn default_dashboard_url() -> Url {
    constant("https://app.cloud66.com")
}

#[expect(clippy::expect_used, reason = "constants of this file, read by a test")]
fn constant(url: &str) -> Url {
    Url::parse(url).expect("a URL")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_defaults_are_the_real_hosts_and_the_token_stays_hidden() {
        let options = Cloud66Options::new(Secret::new("s3cret"));
        assert_eq!(options.base_url.as_str(), "https://app.cloud66.com/api/3");
        assert!(!format!("{options:?}").contains("s3cret"));
        assert!(Cloud66Options::new(Secret::new(" ")).check().is_err());
    }
}
