//! Who asks, what they may do, and what they may see.

mod audit;
mod client;
mod configured;
mod directory;
mod failures;
mod issue;
mod oidc;
mod principal;
mod rate_limit;
mod refusals;
mod scope;
mod secret;
mod sessions;
mod standing;
mod tickets;

use std::net::IpAddr;
use std::sync::Arc;
use std::time::Instant;

use slipway_core::Clock;
use slipway_store::{PgPool, StoreError};
use tokio::sync::watch;

pub(crate) use audit::record_refusal;
pub use audit::{Actor, record};
pub use client::Network;
pub(crate) use client::{Peer, address, is_forwarded, is_loopback_host, refuse_cross_site, tells_origin};
pub use configured::{Token, Tokens};
pub use issue::{NewToken, create_token, revoke_token};
pub use oidc::{Oidc, OidcRestrictions, OidcSettings};
pub use principal::Principal;
use principal::StoredPrincipal;
pub(crate) use rate_limit::{Allowance, RateLimiter};
pub(crate) use refusals::{Note, Refusal, Refusals};
pub use scope::{Scope, Scopes};
pub(crate) use secret::{Hash, sha256};
pub(crate) use sessions::{SessionHold, Sessions, cookie, set_cookie};
pub(crate) use standing::{Ended, Hold, Standing};
pub(crate) use tickets::{StreamTickets, TicketHold};

use crate::problem::{Code, Problem};
use directory::{KnownToken, TokenDirectory};
use failures::Failures;

/// Everybody who may ask, and how they prove it.
#[derive(Debug)]
pub(crate) struct Access {
    configured: Tokens,
    directory: TokenDirectory,
    oidc: Option<Arc<Oidc>>,
    pub(crate) sessions: Sessions,
    pub(crate) tickets: StreamTickets,
    failures: Option<Failures>,
    clock: Arc<dyn Clock>,
}

impl Access {
    pub(crate) fn new(
        pool: &PgPool,
        clock: &Arc<dyn Clock>,
        configured: Tokens,
        oidc: Option<Arc<Oidc>>,
        failed_logins_per_minute: u32,
    ) -> Self {
        Self {
            failures: Failures::new(failed_logins_per_minute, Instant::now()),
            configured,
            directory: TokenDirectory::new(pool.clone(), Arc::clone(clock)),
            oidc,
            sessions: Sessions::new(pool.clone(), Arc::clone(clock)),
            tickets: StreamTickets::new(pool.clone(), Arc::clone(clock)),
            clock: Arc::clone(clock),
        }
    }

    /// Whose bearer token it is that comes from an address, within what that may try.
    ///
    /// # Errors
    /// [`Code::Unauthenticated`], [`Code::TokenExpired`] or [`Code::TokenRevoked`]; [`Code::TooManyFailedLogins`]; or what
    /// keeps us from finding out.
    pub(crate) async fn verify(&self, secret: &str, address: Option<IpAddr>) -> Result<Principal, Problem> {
        let hash = sha256(secret);
        let (Some(failures), Some(address)) = (&self.failures, address) else {
            return self.find(secret, &hash).await;
        };
        failures.check(address, &hash, Instant::now())?;
        let found = self.find(secret, &hash).await;
        match &found {
            Ok(_) => failures.note_success(address, &hash, Instant::now()),
            // What was right once is no guess.
            Err(problem) if problem.code() == Code::Unauthenticated => {
                failures.note_failure(address, &hash, Instant::now());
            }
            Err(_) => {}
        }
        found
    }

    /// What [`Access::verify`] would say of one that may come in, where that is known without waiting.
    pub(crate) fn verify_at_once(&self, secret: &str, address: Option<IpAddr>) -> Option<Result<Principal, Problem>> {
        let hash = sha256(secret);
        let failures = self.failures.as_ref().zip(address);
        let now = Instant::now();
        if let Some((failures, address)) = failures
            && let Err(problem) = failures.check(address, &hash, now)
        {
            return Some(Err(problem));
        }
        let principal = match self.configured.find_by_hash(&hash) {
            Some(principal) => principal.clone(),
            None if secret.starts_with(issue::PREFIX) => {
                // One that was taken back or has ended is answered as always.
                self.check(&*self.directory.find_recent(&hash)?).ok()?
            }
            None => return None,
        };
        if let Some((failures, address)) = failures {
            failures.note_success(address, &hash, now);
        }
        Some(Ok(principal))
    }

    async fn find(&self, secret: &str, hash: &Hash) -> Result<Principal, Problem> {
        if let Some(principal) = self.configured.find_by_hash(hash) {
            return Ok(principal);
        }
        if secret.starts_with(issue::PREFIX) {
            let token = self.directory.find_by_hash(hash).await?;
            return self.check(&*token.ok_or_else(unknown)?);
        }
        match &self.oidc {
            Some(oidc) if secret.split('.').count() == 3 => oidc.verify(secret).await,
            _ => Err(unknown()),
        }
    }

    /// Who made a code, as one who may only look. The code is spent.
    ///
    /// # Errors
    /// [`Code::Unauthenticated`] for a code that is not known, was used or has ended; or as [`Access::verify`].
    pub(crate) async fn spend_code(&self, code: &str) -> Result<Principal, Problem> {
        let of = self.sessions.spend_code(code).await?.ok_or_else(|| {
            Problem::new(Code::Unauthenticated)
                .with_detail("the code is not known, was used, or has ended: get another")
        })?;
        Ok(self.resolve(&of).await?.read_only())
    }

    /// Whose session or ticket it is.
    ///
    /// # Errors
    /// As [`Access::verify`].
    pub(crate) async fn resolve(&self, stored: &StoredPrincipal) -> Result<Principal, Problem> {
        match stored {
            StoredPrincipal::Configured { name, fingerprint } => {
                let principal = self.configured.find(name, fingerprint);
                principal.ok_or_else(|| Problem::new(Code::TokenRevoked))
            }
            StoredPrincipal::Token { id } => {
                let token = self.directory.find_by_id(*id).await?;
                self.check(&*token.ok_or_else(|| Problem::new(Code::TokenRevoked))?)
            }
            StoredPrincipal::Issuer {
                subject,
                scopes,
                visibility,
                expires_at,
            } => {
                let scopes = Scopes::from_words(scopes.iter().map(String::as_str));
                let expires_at = time::OffsetDateTime::from_unix_timestamp(*expires_at);
                let expires_at = expires_at.map_err(|_| Problem::new(Code::TokenExpired))?;
                self.unexpired(Principal::of_issuer(subject, scopes, visibility.clone(), expires_at))
            }
            StoredPrincipal::Open => Ok(Principal::open(false)),
            StoredPrincipal::ReadOnly { of } => Ok(Box::pin(self.resolve(of)).await?.read_only()),
            // A code buys a session and is none.
            StoredPrincipal::Code { .. } => Err(unknown()),
        }
    }

    fn check(&self, token: &KnownToken) -> Result<Principal, Problem> {
        if token.is_revoked {
            return Err(Problem::new(Code::TokenRevoked));
        }
        self.unexpired(token.principal.clone())
    }

    fn unexpired(&self, principal: Principal) -> Result<Principal, Problem> {
        if principal.expires_at.is_some_and(|at| at <= self.clock.now()) {
            return Err(Problem::new(Code::TokenExpired));
        }
        Ok(principal)
    }

    /// Whether a token stands in the configuration as it is now.
    fn is_configured(&self, name: &str, fingerprint: &str) -> bool {
        self.configured.find(name, fingerprint).is_some()
    }

    /// Tells when the tokens of the configuration are others.
    fn configured_changes(&self) -> watch::Receiver<Arc<[Token]>> {
        self.configured.changes()
    }

    /// What became of a principal's token since: none while nothing did.
    async fn token_now(&self, id: uuid::Uuid) -> Result<Option<Arc<KnownToken>>, StoreError> {
        self.directory.find_by_id(id).await
    }
}

fn unknown() -> Problem {
    Problem::new(Code::Unauthenticated).with_detail("the credentials are not known here")
}

/// Whether a text is one of our tokens or looks like one.
pub(crate) fn looks_like_token(text: &str) -> bool {
    text.starts_with(issue::PREFIX)
}
