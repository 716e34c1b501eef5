//! Bearer tokens of an issuer that speaks `OpenID` Connect.

mod jwt;
mod keys;
mod restrictions;

use std::sync::Arc;

use serde_json::{Map, Value};
use slipway_core::Clock;
use slipway_provider_http::ConfigError;
use time::{Duration, OffsetDateTime};
use url::Url;

use self::jwt::Unverified;
use self::keys::{Keys, is_same_issuer};
pub use self::restrictions::OidcRestrictions;
use super::principal::Principal;
use super::scope::Scopes;
use crate::problem::{Code, Problem};

/// How far the clocks of the issuer and of this machine may differ.
const LEEWAY: Duration = Duration::seconds(30);

/// An issuer whose tokens are trusted.
#[derive(Debug, Clone)]
pub struct OidcSettings {
    /// Its URL, as it stands in `iss`.
    pub issuer: Url,
    /// What `aud` must name.
    pub audience: String,
    /// Which claim is mapped to scopes.
    pub claim: String,
    /// What each value of the claim allows.
    pub scopes: Vec<(String, Scopes)>,
    /// Which claims say what a subject sees.
    pub restrictions: OidcRestrictions,
    /// Hosts beside the issuer's that may hold its keys.
    pub key_hosts: Vec<String>,
}

/// Checks tokens of an issuer.
#[derive(Debug)]
pub struct Oidc {
    settings: OidcSettings,
    keys: Keys,
    clock: Arc<dyn Clock>,
}

impl Oidc {
    /// A checker, which asks for the issuer's keys with the first token.
    ///
    /// # Errors
    /// A sentence for the operator when the issuer's URL cannot be used.
    pub fn new(settings: OidcSettings, clock: Arc<dyn Clock>) -> Result<Self, ConfigError> {
        let keys = Keys::new(settings.issuer.clone(), settings.key_hosts.clone(), Arc::clone(&clock))?;
        Ok(Self { settings, keys, clock })
    }

    /// Whose token it is.
    ///
    /// # Errors
    /// [`Code::Unauthenticated`], [`Code::TokenExpired`], or [`Code::IssuerUnavailable`] while no key is known.
    pub(crate) async fn verify(&self, token: &str) -> Result<Principal, Problem> {
        let refused = || Problem::new(Code::Unauthenticated).with_detail("the issuer's token is not valid here");
        let unverified = Unverified::parse(token).ok_or_else(refused)?;
        let candidates = self.keys.candidates(unverified.header.kid.as_deref()).await;
        let candidates = candidates.map_err(|_| Problem::new(Code::IssuerUnavailable))?;
        let claims = candidates
            .iter()
            .find_map(|key| unverified.verify(key))
            .ok_or_else(refused)?;
        self.check(&claims, refused)
    }

    fn check(&self, claims: &Map<String, Value>, refused: impl Fn() -> Problem) -> Result<Principal, Problem> {
        let now = self.clock.now();
        let text = |name: &str| claims.get(name).and_then(Value::as_str);
        let issuer = text("iss").filter(|issuer| is_same_issuer(issuer, self.settings.issuer.as_str()));
        let is_for_us = match claims.get("aud") {
            Some(Value::String(audience)) => *audience == self.settings.audience,
            Some(Value::Array(several)) => several.iter().any(|audience| *audience == *self.settings.audience),
            _ => false,
        };
        let subject = text("sub").filter(|subject| (1..=255).contains(&subject.len()));
        let (Some(_), true, Some(subject)) = (issuer, is_for_us, subject) else {
            return Err(refused());
        };
        let expires_at = claims.get("exp").and_then(time_of).ok_or_else(&refused)?;
        if let Some(not_before) = claims.get("nbf")
            && time_of(not_before).is_none_or(|at| at > now + LEEWAY)
        {
            return Err(refused());
        }
        if expires_at + LEEWAY <= now {
            return Err(Problem::new(Code::TokenExpired));
        }
        Ok(Principal::of_issuer(
            subject,
            self.scopes(claims),
            self.settings.restrictions.visibility(claims),
            expires_at + LEEWAY,
        ))
    }

    fn scopes(&self, claims: &Map<String, Value>) -> Scopes {
        let values: Vec<&str> = match claims.get(&self.settings.claim) {
            // A claim may be one value with spaces in it, or several.
            Some(Value::String(text)) => text.split_whitespace().chain([text.as_str()]).collect(),
            Some(Value::Array(several)) => several.iter().filter_map(Value::as_str).collect(),
            _ => Vec::new(),
        };
        let granted = self
            .settings
            .scopes
            .iter()
            .filter(|(value, _)| values.contains(&value.as_str()));
        granted.fold(Scopes::default(), |all, (_, scopes)| all.and(*scopes))
    }
}

/// Seconds since 1970, maybe with a fraction.
fn time_of(value: &Value) -> Option<OffsetDateTime> {
    let seconds = match value {
        Value::Number(number) => number
            .as_i64()
            .or_else(|| number.to_string().split('.').next()?.parse().ok()),
        _ => None,
    };
    OffsetDateTime::from_unix_timestamp(seconds?).ok()
}
