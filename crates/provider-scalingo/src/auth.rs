//! The exchange of the account's token for one that the API accepts.

use std::sync::{Arc, OnceLock};
use std::time::Duration;

use base64::Engine;
use base64::prelude::BASE64_URL_SAFE_NO_PAD;
use serde::Deserialize;
use slipway_core::Clock;
use slipway_core::provider::ProviderError;
use slipway_provider_http::{Auth, Client, ClientSettings, ConfigError, Request, Secret, lenient};
use time::OffsetDateTime;
use tokio::sync::Mutex;

use crate::ScalingoOptions;
use crate::error;
use crate::payload::ExchangePayload;
use crate::provider::NAME;

/// How long before its end a token is exchanged again.
const REFRESH_BEFORE: Duration = Duration::from_secs(300);
/// How long a token that does not say is taken to live.
const ASSUMED_LIFETIME: Duration = Duration::from_secs(50 * 60);
/// No token is kept for longer, whatever it says.
const MAX_LIFETIME: Duration = Duration::from_secs(24 * 3600);

/// A token for the API.
#[derive(Debug, Clone)]
pub(crate) struct ApiToken {
    pub(crate) value: Secret,
    refresh_at: OffsetDateTime,
}

/// Exchanges, keeps and renews. The lock is held during an exchange, so that callers who need one share it.
#[derive(Debug)]
pub(crate) struct TokenSource {
    http: Client,
    account_token: Secret,
    clock: Arc<dyn Clock>,
    current: Mutex<Option<ApiToken>>,
    /// Whose token it is, as the first exchange told. It is the same for ever.
    user: OnceLock<String>,
}

impl TokenSource {
    pub(crate) fn new(options: &ScalingoOptions, clock: Arc<dyn Clock>) -> Result<Self, ConfigError> {
        let settings = ClientSettings {
            calls: Arc::clone(&options.calls),
            ..ClientSettings::new(NAME, options.auth_url.clone())
        };
        let http = Client::new(settings, Arc::clone(&clock))?;
        Ok(Self {
            http,
            account_token: options.token.clone(),
            clock,
            current: Mutex::default(),
            user: OnceLock::new(),
        })
    }

    /// The id of the token's user, once a token was exchanged that names it.
    pub(crate) fn user(&self) -> Option<&str> {
        self.user.get().map(String::as_str)
    }

    /// A token that lives long enough for a call.
    pub(crate) async fn token(&self, operation: &'static str) -> Result<ApiToken, ProviderError> {
        let mut current = self.current.lock().await;
        match current.as_ref().filter(|token| self.clock.now() < token.refresh_at) {
            Some(token) => Ok(token.clone()),
            None => Ok(current.insert(self.exchange(operation).await?).clone()),
        }
    }

    /// The API refused this token: it is not used again. One that another caller has fetched since stays.
    pub(crate) async fn forget(&self, refused: &ApiToken) {
        let mut current = self.current.lock().await;
        if current.as_ref().is_some_and(|token| token.value == refused.value) {
            *current = None;
        }
    }

    async fn exchange(&self, operation: &'static str) -> Result<ApiToken, ProviderError> {
        let segments = ["v1", "tokens", "exchange"];
        let body = serde_json::json!({});
        let request = Request {
            method: slipway_provider_http::Method::POST,
            json: Some(&body),
            ..Request::get(
                operation,
                "/v1/tokens/exchange",
                &segments,
                Auth::BasicPassword(&self.account_token),
            )
        };
        let answer = error::check(self.http.send(&request).await?)?;
        let ExchangePayload { token } = answer.json()?;
        if token.is_empty() {
            return Err(answer.protocol("the token exchange gave an empty token"));
        }
        let now = self.clock.now();
        let claims = claims(token.expose());
        if let Some(user) = claims.uuid.clone() {
            self.user.get_or_init(|| user);
        }
        let lifetime = lifetime(&claims, now);
        // One that lives shorter than twice our margin is used for half of its life.
        let refresh_at = now
            + lifetime
                .checked_sub(REFRESH_BEFORE)
                .unwrap_or_default()
                .max(lifetime / 2);
        Ok(ApiToken {
            value: token,
            refresh_at,
        })
    }
}

#[derive(Debug, Default, Deserialize)]
struct Claims {
    #[serde(default, deserialize_with = "lenient::integer")]
    iat: Option<i64>,
    #[serde(default, deserialize_with = "lenient::integer")]
    exp: Option<i64>,
    #[serde(default, deserialize_with = "lenient::id")]
    uuid: Option<String>,
}

/// What a JWT says, read without verifying it: it is not us whom it must convince.
fn claims(token: &str) -> Claims {
    let payload = token.split('.').nth(1).unwrap_or_default();
    let payload = BASE64_URL_SAFE_NO_PAD.decode(payload.trim_end_matches('='));
    payload
        .ok()
        .and_then(|payload| serde_json::from_slice(&payload).ok())
        .unwrap_or_default()
}

/// How long a JWT lives. `iat` makes the result free of the difference between the provider's clock and ours.
fn lifetime(claims: &Claims, now: OffsetDateTime) -> Duration {
    let from = claims.iat.unwrap_or_else(|| now.unix_timestamp());
    let seconds = claims.exp.and_then(|until| until.checked_sub(from));
    match seconds {
        Some(seconds) => Duration::from_secs(u64::try_from(seconds).unwrap_or(0)).min(MAX_LIFETIME),
        None => ASSUMED_LIFETIME,
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use time::macros::datetime;

    fn jwt(claims: &str) -> String {
        format!("h.{}.s", BASE64_URL_SAFE_NO_PAD.encode(claims))
    }

    #[test]
    fn a_lifetime_is_read_or_assumed() {
        let now = datetime!(2026-11-22 10:00 UTC);
        let exp = now.unix_timestamp() + 120;
        for (token, seconds) in [
            (jwt(r#"{"iat":1000,"exp":4600}"#), 3600),
            (jwt(&format!(r#"{{"exp":{exp}}}"#)), 120),
            (jwt(&format!(r#"{{"exp":"{exp}"}}"#)), 120),
            (jwt(r#"{"iat":0,"exp":99999999999}"#), 24 * 3600),
            (jwt(r#"{"iat":10,"exp":5}"#), 0),
            (jwt(r#"{"iat":-9223372036854775808,"exp":9223372036854775807}"#), 3000),
            (jwt(r#"{"sub":"x"}"#), 3000),
            (jwt("[]"), 3000),
            ("opaque".to_owned(), 3000),
            ("..".to_owned(), 3000),
        ] {
            assert_eq!(lifetime(&claims(&token), now), Duration::from_secs(seconds), "{token}");
        }
    }
}
