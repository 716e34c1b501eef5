//! Sessions of browsers: a cookie that scripts cannot read stands for a token that was shown once.

use std::collections::HashMap;
use std::sync::Arc;
use std::time::Instant;

use http::{HeaderMap, HeaderValue, header};
use parking_lot::Mutex;
use slipway_core::Clock;
use slipway_store::{PgPool, StoreError, sessions};
use time::{Duration, OffsetDateTime};

use super::principal::{Principal, StoredPrincipal};
use super::secret::{self, Hash, sha256};

/// The name of the cookie.
const COOKIE: &str = "slipway_session";

/// How long a session lasts at most.
const LONGEST: Duration = Duration::hours(12);

/// How old what is known of the sessions in use may be.
const MAX_AGE: std::time::Duration = std::time::Duration::from_millis(1_500);

/// How long a code for a session can be used.
const CODE_LASTS: Duration = Duration::minutes(10);

/// Makes sessions and looks them up.
#[derive(Debug)]
pub(crate) struct Sessions {
    pool: PgPool,
    clock: Arc<dyn Clock>,
    in_use: Arc<Mutex<InUse>>,
    /// Held while reading: who comes meanwhile shares the answer.
    reading: tokio::sync::Mutex<()>,
}

/// The sessions with which something is open here.
#[derive(Debug, Default)]
struct InUse {
    sessions: HashMap<Hash, Session>,
    read_at: Option<Instant>,
}

#[derive(Debug)]
struct Session {
    holds: usize,
    has_ended: bool,
}

/// A request or a stream with a session, until it is dropped.
#[derive(Debug)]
pub(crate) struct SessionHold {
    hash: Hash,
    pub(crate) expires_at: OffsetDateTime,
    in_use: Arc<Mutex<InUse>>,
}

impl SessionHold {
    /// What names the session in the database.
    pub(crate) fn hash(&self) -> &Hash {
        &self.hash
    }
}

impl Drop for SessionHold {
    fn drop(&mut self) {
        let sessions = &mut self.in_use.lock().sessions;
        if let Some(session) = sessions.get_mut(&self.hash) {
            session.holds -= 1;
            if session.holds == 0 {
                sessions.remove(&self.hash);
            }
        }
    }
}

impl Sessions {
    pub(crate) fn new(pool: PgPool, clock: Arc<dyn Clock>) -> Self {
        Self {
            pool,
            clock,
            in_use: Arc::default(),
            reading: tokio::sync::Mutex::default(),
        }
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

    /// A new code for one session of the same principal that may only look: the code and its end. It is kept as a session that
    /// nobody can use.
    pub(crate) async fn create_code(
        &self,
        conn: &mut slipway_store::PgConnection,
        principal: &Principal,
    ) -> Result<Option<(String, OffsetDateTime)>, StoreError> {
        let Some(code) = secret::new("") else { return Ok(None) };
        let now = self.clock.now();
        let expires_at = principal
            .expires_at
            .map_or(now + CODE_LASTS, |at| at.min(now + CODE_LASTS));
        let stored = StoredPrincipal::Code {
            of: Box::new(principal.stored()),
        };
        let stored = serde_json::to_value(stored).unwrap_or_default();
        sessions::insert(conn, &sha256(&code), &stored, now, expires_at).await?;
        Ok(Some((code, expires_at)))
    }

    /// Who made a code; it cannot be used again. None for one that is not known, was used or has ended.
    pub(crate) async fn spend_code(&self, code: &str) -> Result<Option<StoredPrincipal>, StoreError> {
        let hash = sha256(code);
        let mut conn = self.pool.acquire().await?;
        let Some(row) = sessions::find(&mut conn, &hash).await? else {
            return Ok(None);
        };
        let Ok(StoredPrincipal::Code { of }) = serde_json::from_value(row.principal) else {
            return Ok(None);
        };
        // Of two at once only one takes it away.
        let was_there = sessions::delete(&mut conn, &hash).await?;
        Ok((was_there && row.expires_at > self.clock.now()).then_some(*of))
    }

    /// Whose session it is; none for one that has ended.
    pub(crate) async fn find(&self, secret: &str) -> Result<Option<(StoredPrincipal, SessionHold)>, StoreError> {
        let hash = sha256(secret);
        let row = sessions::find(&mut *self.pool.acquire().await?, &hash).await?;
        let now = self.clock.now();
        Ok(row.filter(|row| row.expires_at > now).and_then(|row| {
            let principal = serde_json::from_value(row.principal).ok()?;
            Some((principal, self.hold(hash, row.expires_at)))
        }))
    }

    fn hold(&self, hash: Hash, expires_at: OffsetDateTime) -> SessionHold {
        let mut in_use = self.in_use.lock();
        let session = in_use.sessions.entry(hash).or_insert(Session {
            holds: 0,
            has_ended: false,
        });
        session.holds += 1;
        SessionHold {
            hash,
            expires_at,
            in_use: Arc::clone(&self.in_use),
        }
    }

    /// Whether nobody has ended a session since.
    pub(crate) async fn is_open(&self, hold: &SessionHold) -> Result<bool, StoreError> {
        self.refresh().await?;
        let in_use = self.in_use.lock();
        Ok(in_use
            .sessions
            .get(&hold.hash)
            .is_some_and(|session| !session.has_ended))
    }

    /// Asks for all sessions in use, if that was not done lately.
    async fn refresh(&self) -> Result<(), StoreError> {
        let is_recent = || self.in_use.lock().read_at.is_some_and(|at| at.elapsed() < MAX_AGE);
        if is_recent() {
            return Ok(());
        }
        let _turn = self.reading.lock().await;
        if is_recent() {
            return Ok(());
        }
        let began = Instant::now();
        let asked: Vec<Vec<u8>> = self.in_use.lock().sessions.keys().map(|hash| hash.to_vec()).collect();
        let mut conn = self.pool.acquire().await?;
        let open = sessions::list_open(&mut conn, &asked, self.clock.now()).await?;
        drop(conn);
        let mut in_use = self.in_use.lock();
        // Only those that were asked for: others may have come since.
        for ended in asked.iter().filter(|hash| !open.contains(hash)) {
            if let Some(session) = in_use.sessions.get_mut(ended.as_slice()) {
                session.has_ended = true;
            }
        }
        in_use.read_at = Some(began);
        Ok(())
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
