//! The tokens of the database, as this replica knows them: looked up once, and asked for again together, in one query every
//! second and a half at most. Nothing here outlives a revocation for longer than that.

use std::collections::HashMap;
use std::sync::Arc;
use std::sync::atomic::{AtomicI64, Ordering};
use std::time::{Duration, Instant};

use parking_lot::RwLock;
use slipway_core::Clock;
use slipway_store::tokens::{self, TokenRow};
use slipway_store::{PgPool, StoreError};
use subtle::ConstantTimeEq;
use time::OffsetDateTime;
use tokio::sync::Mutex;
use uuid::Uuid;

use super::principal::{Principal, Source};
use super::scope::Scopes;
use super::secret::Hash;

/// How old what is known may be.
const MAX_AGE: Duration = Duration::from_millis(1_500);

/// A token that nobody has used for so long is forgotten, and looked up again when it comes back.
const FORGET_AFTER: time::Duration = time::Duration::minutes(10);

/// How many tokens are known at once.
const CAPACITY: usize = 10_000;

/// How exact `last_used_at` is.
const USE_PRECISION: time::Duration = time::Duration::minutes(1);

/// The tokens of the database.
#[derive(Debug)]
pub(crate) struct TokenDirectory {
    pool: PgPool,
    clock: Arc<dyn Clock>,
    known: RwLock<Known>,
    /// Held while reading: who comes meanwhile shares the answer.
    reading: Mutex<()>,
}

#[derive(Debug, Default)]
struct Known {
    by_id: HashMap<Uuid, Arc<KnownToken>>,
    ids: HashMap<Hash, Uuid>,
    read_at: Option<Instant>,
}

/// A token and what became of it.
#[derive(Debug)]
pub(crate) struct KnownToken {
    pub(crate) principal: Principal,
    pub(crate) is_revoked: bool,
    hash: Vec<u8>,
    /// When it was last asked for, and when that was last written down. Seconds since 1970.
    asked_at: AtomicI64,
    noted_at: AtomicI64,
}

impl TokenDirectory {
    pub(crate) fn new(pool: PgPool, clock: Arc<dyn Clock>) -> Self {
        Self {
            pool,
            clock,
            known: RwLock::default(),
            reading: Mutex::default(),
        }
    }

    /// The token whose secret has this hash.
    pub(crate) async fn find_by_hash(&self, hash: &Hash) -> Result<Option<Arc<KnownToken>>, StoreError> {
        self.refresh().await?;
        let known = {
            let known = self.known.read();
            known.ids.get(hash).and_then(|id| known.by_id.get(id)).cloned()
        };
        let token = match known {
            Some(token) => Some(token),
            None => {
                let row = tokens::find_by_hash(&mut *self.pool.acquire().await?, hash).await?;
                row.map(|row| self.remember(row))
            }
        };
        // The table was asked by the hash of a random secret, whose comparison tells nothing of it; this one is for whoever
        // changes how it is looked up.
        let token = token.filter(|token| bool::from(token.hash.as_slice().ct_eq(hash)));
        if let Some(token) = &token {
            self.note_use(token);
        }
        Ok(token)
    }

    /// The same, where it is known and was asked for again lately.
    pub(crate) fn find_recent(&self, hash: &Hash) -> Option<Arc<KnownToken>> {
        let token = {
            let known = self.known.read();
            known.read_at.filter(|at| at.elapsed() < MAX_AGE)?;
            Arc::clone(known.by_id.get(known.ids.get(hash)?)?)
        };
        let is_it = bool::from(token.hash.as_slice().ct_eq(hash));
        is_it.then(|| {
            self.note_use(&token);
            token
        })
    }

    /// The token with this id.
    pub(crate) async fn find_by_id(&self, id: Uuid) -> Result<Option<Arc<KnownToken>>, StoreError> {
        self.refresh().await?;
        let known = self.known.read().by_id.get(&id).cloned();
        let token = match known {
            Some(token) => Some(token),
            None => {
                let rows = tokens::list_by_ids(&mut *self.pool.acquire().await?, &[id]).await?;
                rows.into_iter().next().map(|row| self.remember(row))
            }
        };
        if let Some(token) = &token {
            token
                .asked_at
                .store(self.clock.now().unix_timestamp(), Ordering::Relaxed);
        }
        Ok(token)
    }

    /// Asks for all that is known, if that was not done lately.
    async fn refresh(&self) -> Result<(), StoreError> {
        let is_recent = || {
            let known = self.known.read();
            known.by_id.is_empty() || known.read_at.is_some_and(|at| at.elapsed() < MAX_AGE)
        };
        if is_recent() {
            return Ok(());
        }
        let _turn = self.reading.lock().await;
        if is_recent() {
            return Ok(());
        }
        let began = Instant::now();
        let oldest = (self.clock.now() - FORGET_AFTER).unix_timestamp();
        let ids: Vec<Uuid> = {
            let mut known = self.known.write();
            known
                .by_id
                .retain(|_, token| token.asked_at.load(Ordering::Relaxed) >= oldest);
            let by_id = std::mem::take(&mut known.by_id);
            known.ids.retain(|_, id| by_id.contains_key(id));
            known.by_id = by_id;
            known.by_id.keys().copied().collect()
        };
        let rows = tokens::list_by_ids(&mut *self.pool.acquire().await?, &ids).await?;
        let mut rows: HashMap<Uuid, TokenRow> = rows.into_iter().map(|row| (row.id, row)).collect();
        let mut known = self.known.write();
        for id in ids {
            let Some(before) = known.by_id.get(&id).cloned() else {
                continue;
            };
            match rows.remove(&id) {
                // Gone is as good as revoked, for streams that still know it.
                None => {
                    known.by_id.insert(id, Arc::new(before.revoked()));
                }
                Some(row) => {
                    known.by_id.insert(id, Arc::new(KnownToken::new(row, &before)));
                }
            }
        }
        known.read_at = Some(began);
        Ok(())
    }

    fn remember(&self, row: TokenRow) -> Arc<KnownToken> {
        let asked_at = AtomicI64::new(self.clock.now().unix_timestamp());
        let noted_at = AtomicI64::new(row.last_used_at.map_or(0, OffsetDateTime::unix_timestamp));
        let (id, hash) = (row.id, Hash::try_from(row.secret_hash.as_slice()));
        let token = Arc::new(KnownToken::with(row, asked_at, noted_at));
        let mut known = self.known.write();
        if known.by_id.is_empty() {
            known.read_at = Some(Instant::now());
        }
        if known.by_id.len() < CAPACITY
            && let Ok(hash) = hash
        {
            known.ids.insert(hash, id);
            known.by_id.insert(id, Arc::clone(&token));
        }
        token
    }

    /// Writes down, beside the request, that a token is in use.
    fn note_use(&self, token: &Arc<KnownToken>) {
        let now = self.clock.now();
        let seconds = now.unix_timestamp();
        token.asked_at.store(seconds, Ordering::Relaxed);
        let noted_at = token.noted_at.load(Ordering::Relaxed);
        if seconds - noted_at < USE_PRECISION.whole_seconds() {
            return;
        }
        let is_ours = token
            .noted_at
            .compare_exchange(noted_at, seconds, Ordering::Relaxed, Ordering::Relaxed)
            .is_ok();
        if let (true, Source::Token(id)) = (is_ours, &token.principal.source) {
            let (pool, id) = (self.pool.clone(), *id);
            tokio::spawn(async move {
                let noted = async { tokens::touch(&mut *pool.acquire().await?, id, now).await };
                if let Err(error) = noted.await {
                    tracing::debug!(
                        error = &error as &dyn std::error::Error,
                        "the use of a token was not noted"
                    );
                }
            });
        }
    }
}

impl KnownToken {
    fn new(row: TokenRow, before: &Self) -> Self {
        let copy = |value: &AtomicI64| AtomicI64::new(value.load(Ordering::Relaxed));
        Self::with(row, copy(&before.asked_at), copy(&before.noted_at))
    }

    fn with(row: TokenRow, asked_at: AtomicI64, noted_at: AtomicI64) -> Self {
        Self {
            principal: Principal {
                id: format!("token:{}", row.id).into(),
                scopes: Scopes::from_words(row.scopes.iter().map(String::as_str)),
                visibility: Arc::new(row.visibility()),
                expires_at: row.expires_at,
                is_read_only: false,
                source: Source::Token(row.id),
                name: row.name.into(),
            },
            is_revoked: row.revoked_at.is_some(),
            hash: row.secret_hash,
            asked_at,
            noted_at,
        }
    }

    fn revoked(&self) -> Self {
        Self {
            principal: self.principal.clone(),
            is_revoked: true,
            hash: self.hash.clone(),
            asked_at: AtomicI64::new(self.asked_at.load(Ordering::Relaxed)),
            noted_at: AtomicI64::new(self.noted_at.load(Ordering::Relaxed)),
        }
    }
}
