//! Sessions of browsers: a cookie that scripts cannot read stands for a token that was shown once.

use std::sync::Arc;

use http::{HeaderMap, HeaderValue, header};
use slipway_core::Clock;
use slipway_store::{PgPool, StoreError, sessions};
use time::{Duration, OffsetDateTime};

use super::principal::{Principal, StoredPrincipal};
use super::secret::{self, sha256};

/// The name of the cookie.
const COOKIE: &str = "slipway_session";

/// How long a session lasts at most.
const LONGEST: Duration = Duration::hours(12);

/// Makes sessions and looks them up.
#[derive(Debug)]
pub(crate) struct Sessions {
    pool: PgPool,
    clock: Arc<dyn Clock>,
}

impl Sessions {
    pub(crate) fn new(pool: PgPool, clock: Arc<dyn Clock>) -> Self {
        Self { pool, clock }
    }

    /// A new session, in the caller's transaction: its secret and its end. None where the system gives no random bytes.
    pub(crate) async fn create(
        &self,
        conn: &mut slipway_store::PgConnection,
        principal: &Principal,
    ) -> Result<Option<(String, OffsetDateTime)>, StoreError> {
        let Some(secret) = secret::new("") else { return Ok(None) };
        let now = self.clock.now();
        let expires_at = principal.expires_at.map_or(now + LONGEST, |at| at.min(now + LONGEST));
        let stored = serde_json::to_value(principal.stored()).unwrap_or_default();
        sessions::insert(conn, &sha256(&secret), &stored, now, expires_at).await?;
        Ok(Some((secret, expires_at)))
    }

    /// Whose session it is; none for one that has ended.
    pub(crate) async fn find(&self, secret: &str) -> Result<Option<(StoredPrincipal, OffsetDateTime)>, StoreError> {
        let row = sessions::find(&mut *self.pool.acquire().await?, &sha256(secret)).await?;
        let now = self.clock.now();
        Ok(row.filter(|row| row.expires_at > now).and_then(|row| {
            let principal = serde_json::from_value(row.principal).ok()?;
            Some((principal, row.expires_at))
        }))
    }

    /// Ends a session, in the caller's transaction. Whether there was one.
    pub(crate) async fn end(&self, conn: &mut slipway_store::PgConnection, secret: &str) -> Result<bool, StoreError> {
        sessions::delete(conn, &sha256(secret)).await
    }
}

/// The session's secret in a request.
pub(crate) fn cookie(headers: &HeaderMap) -> Option<&str> {
    headers
        .get_all(header::COOKIE)
        .iter()
        .filter_map(|value| value.to_str().ok())
        .flat_map(|value| value.split(';'))
        .filter_map(|pair| pair.trim().split_once('='))
        .find(|(name, value)| *name == COOKIE && !value.is_empty())
        .map(|(_, value)| value)
}

/// The header that hands a session to a browser, or, with an empty secret, takes it away.
pub(crate) fn set_cookie(secret: &str, max_age_seconds: i64, is_secure: bool) -> Option<HeaderValue> {
    let secure = if is_secure { "; Secure" } else { "" };
    let text = format!("{COOKIE}={secret}; Path=/; HttpOnly; SameSite=Strict; Max-Age={max_age_seconds}{secure}");
    let mut value = HeaderValue::from_str(&text).ok()?;
    value.set_sensitive(true);
    Some(value)
}
