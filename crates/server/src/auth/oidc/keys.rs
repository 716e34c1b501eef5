//! The keys of an issuer: found out from its own documents, kept, and asked for again when one appears that is not known.

use std::sync::Arc;
use std::time::{Duration, Instant};

use parking_lot::RwLock;
use serde::Deserialize;
use slipway_core::Clock;
use slipway_core::provider::{ErrorKind, ProviderError};
use slipway_provider_http::{Auth, Client, ClientSettings, ConfigError, Request};
use tokio::sync::Mutex;
use url::Url;

use super::jwt::Key;

/// Names the issuer in errors and spans.
const NAME: &str = "oidc";

/// How long keys are used before they are asked for again.
const REFRESH_AFTER: Duration = Duration::from_secs(3_600);

/// How long keys are used while the issuer does not answer.
const TRUST_FOR: Duration = Duration::from_secs(24 * 3_600);

/// Between two questions, whatever tokens come: nobody can make us ask in a loop.
const PAUSE: Duration = Duration::from_secs(5);

const ANSWER_BYTES_MAX: usize = 256 * 1024;
const KEYS_MAX: usize = 100;

/// The keys of an issuer.
#[derive(Debug)]
pub(super) struct Keys {
    issuer: Url,
    key_hosts: Vec<String>,
    clock: Arc<dyn Clock>,
    discovery: Client,
    known: RwLock<Known>,
    /// Held while asking: who comes meanwhile shares the answer.
    asking: Mutex<()>,
}

#[derive(Debug, Default)]
struct Known {
    keys: Arc<Vec<Key>>,
    read_at: Option<Instant>,
    asked_at: Option<Instant>,
}

/// What an issuer says of itself.
#[derive(Debug, Deserialize)]
struct Discovery {
    issuer: String,
    jwks_uri: String,
}

#[derive(Debug, Deserialize)]
struct KeySet {
    keys: Vec<serde_json::Value>,
}

impl Keys {
    pub(super) fn new(issuer: Url, key_hosts: Vec<String>, clock: Arc<dyn Clock>) -> Result<Self, ConfigError> {
        let discovery = client(issuer.clone(), &key_hosts, &clock)?;
        Ok(Self {
            issuer,
            key_hosts,
            clock,
            discovery,
            known: RwLock::default(),
            asking: Mutex::default(),
        })
    }

    /// The keys that may have signed a token which names `kid`. Asks the issuer when none is known or what is known is old.
    ///
    /// # Errors
    /// When no key of the issuer could be read for a day.
    pub(super) async fn candidates(&self, kid: Option<&str>) -> Result<Vec<Key>, ProviderError> {
        let (known, age) = self.known();
        let found = choose(&known, kid);
        if !found.is_empty() && age.is_some_and(|age| age < REFRESH_AFTER) {
            return Ok(found);
        }
        let refreshed = self.refresh().await;
        let (known, age) = self.known();
        match refreshed {
            Err(error) if age.is_none_or(|age| age > TRUST_FOR) => Err(error),
            _ => Ok(choose(&known, kid)),
        }
    }

    fn known(&self) -> (Arc<Vec<Key>>, Option<Duration>) {
        let known = self.known.read();
        (Arc::clone(&known.keys), known.read_at.map(|at| at.elapsed()))
    }

    async fn refresh(&self) -> Result<(), ProviderError> {
        let began = Instant::now();
        let _turn = self.asking.lock().await;
        // Somebody has asked since, or only just before.
        let asked_at = self.known.read().asked_at;
        if asked_at.is_some_and(|at| at > began || at.elapsed() < PAUSE) {
            let is_known = self.known.read().read_at.is_some();
            return if is_known {
                Ok(())
            } else {
                Err(self.refuse("the issuer did not answer a moment ago"))
            };
        }
        self.known.write().asked_at = Some(Instant::now());
        match self.ask().await {
            Ok(keys) => {
                let mut known = self.known.write();
                known.keys = Arc::new(keys);
                known.read_at = Some(Instant::now());
                Ok(())
            }
            Err(error) => {
                tracing::warn!(
                    error = &error as &dyn std::error::Error,
                    "the keys of the issuer could not be read"
                );
                Err(error)
            }
        }
    }

    async fn ask(&self) -> Result<Vec<Key>, ProviderError> {
        let path = [".well-known", "openid-configuration"];
        let request = Request::get("discover", "/.well-known/openid-configuration", &path, Auth::None);
        let answer = self.discovery.send(&request).await?;
        if !answer.is_success() {
            return Err(self.refuse("the issuer has no discovery document"));
        }
        let discovery: Discovery = answer.json()?;
        if !is_same_issuer(&discovery.issuer, self.issuer.as_str()) {
            return Err(self.refuse("the discovery document is of another issuer"));
        }
        let url = self.discovery.pin("discover", &discovery.jwks_uri)?;
        let client = client(url, &self.key_hosts, &self.clock).map_err(|error| self.refuse(&error.0))?;
        let answer = client
            .send(&Request::get("list_keys", "jwks_uri", &[], Auth::None))
            .await?;
        if !answer.is_success() {
            return Err(self.refuse("the issuer does not hand out its keys"));
        }
        let set: KeySet = answer.json()?;
        // Keys of kinds that are not known here may stand beside those that are.
        let keys = set.keys.into_iter().take(KEYS_MAX);
        Ok(keys.filter_map(|key| serde_json::from_value(key).ok()).collect())
    }

    fn refuse(&self, message: &str) -> ProviderError {
        ProviderError::new(ErrorKind::Unavailable, NAME, "list_keys", message)
    }
}

/// Issuers are compared as they are written, but for a slash at the end, which URL parsers add.
pub(super) fn is_same_issuer(one: &str, other: &str) -> bool {
    one.trim_end_matches('/') == other.trim_end_matches('/')
}

fn choose(keys: &[Key], kid: Option<&str>) -> Vec<Key> {
    let fits = |key: &&Key| kid.is_none() || key.kid.as_deref() == kid;
    keys.iter().filter(fits).cloned().collect()
}

fn client(url: Url, key_hosts: &[String], clock: &Arc<dyn Clock>) -> Result<Client, ConfigError> {
    let settings = ClientSettings {
        additional_hosts: key_hosts.to_vec(),
        total_timeout: Duration::from_secs(5),
        max_body_bytes: ANSWER_BYTES_MAX,
        ..ClientSettings::new(NAME, url)
    };
    Client::new(settings, Arc::clone(clock))
}
