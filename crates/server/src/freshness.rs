//! How far what is shown can be trusted, from a picture of the sync targets that is half a second old at most.

use std::collections::HashMap;
use std::sync::Arc;
use std::time::{Duration, Instant};

use parking_lot::RwLock;
use slipway_api::{AccountFreshnessView, BackfillView, FreshnessMode, FreshnessView, ListFreshnessView};
use slipway_core::{Clock, FreshnessState};
use slipway_store::sync_targets::{self, AccountBackfillRow, FreshnessRow};
use slipway_store::{PgConnection, PgPool, StoreError, retention};
use time::OffsetDateTime;
use tokio::sync::Mutex;

const MAX_AGE: Duration = Duration::from_millis(500);

/// The accounts as they were a moment ago.
#[derive(Debug)]
pub(crate) struct FreshnessCache {
    pool: PgPool,
    clock: Arc<dyn Clock>,
    loaded: RwLock<Option<(Instant, Arc<Snapshot>)>>,
    /// Held while loading: requests that come meanwhile share the answer.
    loading: Mutex<()>,
}

/// One account of a [`Snapshot`].
#[derive(Debug)]
pub(crate) struct AccountFreshness {
    pub(crate) row: FreshnessRow,
    pub(crate) backfill: AccountBackfillRow,
}

/// All accounts, by name.
#[derive(Debug, Default)]
pub(crate) struct Snapshot {
    pub(crate) accounts: Vec<AccountFreshness>,
    /// Before this instant deployments that ended were removed.
    pub(crate) history_complete_since: Option<OffsetDateTime>,
}

impl FreshnessCache {
    pub(crate) fn new(pool: PgPool, clock: Arc<dyn Clock>) -> Self {
        Self {
            pool,
            clock,
            loaded: RwLock::new(None),
            loading: Mutex::new(()),
        }
    }

    /// The accounts, read within the last half second.
    pub(crate) async fn snapshot(&self) -> Result<Arc<Snapshot>, StoreError> {
        if let Some(recent) = self.recent() {
            return Ok(recent);
        }
        Box::pin(self.reload()).await
    }

    async fn reload(&self) -> Result<Arc<Snapshot>, StoreError> {
        let _turn = self.loading.lock().await;
        if let Some(recent) = self.recent() {
            return Ok(recent);
        }
        let mut conn = self.pool.acquire().await?;
        let snapshot = Arc::new(load(&mut conn).await?);
        *self.loaded.write() = Some((Instant::now(), Arc::clone(&snapshot)));
        Ok(snapshot)
    }

    /// The JSON of one entry per account, for heartbeats: they go on without a database, with what was read last.
    pub(crate) async fn accounts_json(&self, is_database_there: bool, shows: impl Fn(&FreshnessRow) -> bool) -> String {
        let snapshot = match self.recent() {
            None if is_database_there => self.snapshot().await.ok(),
            recent => recent,
        };
        let snapshot = snapshot.or_else(|| self.loaded.read().as_ref().map(|(_, snapshot)| Arc::clone(snapshot)));
        let accounts = snapshot.unwrap_or_default().list(self.clock.now(), shows).accounts;
        serde_json::to_string(&accounts).unwrap_or_else(|_| "[]".to_owned())
    }

    /// The freshness of a list in which only `accounts` are shown.
    pub(crate) async fn of_list(&self, shows: impl Fn(&FreshnessRow) -> bool) -> Result<ListFreshnessView, StoreError> {
        Ok(self.snapshot().await?.list(self.clock.now(), shows))
    }

    /// The accounts, if they were read within the last half second.
    pub(crate) fn recent(&self) -> Option<Arc<Snapshot>> {
        let loaded = self.loaded.read();
        loaded
            .as_ref()
            .filter(|(at, _)| at.elapsed() < MAX_AGE)
            .map(|(_, snapshot)| Arc::clone(snapshot))
    }
}

impl Snapshot {
    /// Entries for the accounts that are shown, and the worst state of them. Without any the list is complete as it is.
    pub(crate) fn list(&self, now: OffsetDateTime, shows: impl Fn(&FreshnessRow) -> bool) -> ListFreshnessView {
        let shown = self.accounts.iter().filter(|account| shows(&account.row));
        let worst = shown
            .clone()
            .map(|account| account.state(now))
            .max()
            .unwrap_or(FreshnessState::Fresh);
        ListFreshnessView {
            state: worst.into(),
            accounts: shown.map(|account| account.entry(now)).collect(),
            history_complete_since: self.history_complete_since,
        }
    }
}

impl AccountFreshness {
    fn is_backfilled(&self) -> bool {
        self.backfill.complete == self.backfill.all
    }

    pub(crate) fn state(&self, now: OffsetDateTime) -> FreshnessState {
        self.row.state(now, self.is_backfilled())
    }

    fn entry(&self, now: OffsetDateTime) -> AccountFreshnessView {
        AccountFreshnessView {
            account: self.row.account.clone(),
            provider: self.row.provider.clone(),
            state: self.state(now).into(),
            last_success_at: self.row.last_success_at,
            reason: reason(&self.row),
        }
    }

    /// The account's own freshness in full.
    pub(crate) fn view(&self, now: OffsetDateTime) -> FreshnessView {
        let state = if self.is_backfilled() && self.row.last_success_at.is_some() {
            "complete"
        } else if self.backfill.begun > 0 {
            "running"
        } else {
            "pending"
        };
        view(
            &self.row,
            self.state(now),
            BackfillView {
                state: state.to_owned(),
                oldest_at: self.backfill.oldest_at,
            },
        )
    }
}

/// The freshness of one application. `row` is none for one that has no sync target yet.
pub(crate) fn of_application(row: Option<&FreshnessRow>, now: OffsetDateTime) -> FreshnessView {
    let Some(row) = row else {
        return FreshnessView {
            state: FreshnessState::Never.into(),
            last_success_at: None,
            last_attempt_at: None,
            next_attempt_at: None,
            mode: FreshnessMode::Poll,
            reason: None,
            backfill: BackfillView {
                state: "pending".to_owned(),
                oldest_at: None,
            },
        };
    };
    // Whether history was read to its end is told apart; it does not make what is shown less fresh.
    let backfill = BackfillView {
        state: row.backfill_state.clone(),
        oldest_at: row.backfill_oldest_at,
    };
    view(row, row.state(now, true), backfill)
}

/// The accounts as they are now.
pub(crate) async fn load(conn: &mut PgConnection) -> Result<Snapshot, StoreError> {
    let rows = sync_targets::list_accounts(conn).await?;
    let backfills = sync_targets::list_account_backfills(conn).await?;
    let mut backfills: HashMap<_, _> = backfills.into_iter().map(|row| (row.account.clone(), row)).collect();
    let accounts = rows
        .into_iter()
        .map(|row| AccountFreshness {
            backfill: backfills.remove(&row.account).unwrap_or_default(),
            row,
        })
        .collect();
    Ok(Snapshot {
        accounts,
        history_complete_since: retention::find_history_horizon(conn).await?,
    })
}

fn view(row: &FreshnessRow, state: FreshnessState, backfill: BackfillView) -> FreshnessView {
    FreshnessView {
        state: state.into(),
        last_success_at: row.last_success_at,
        last_attempt_at: row.last_attempt_at,
        next_attempt_at: Some(row.next_poll_at),
        mode: match row.mode.as_str() {
            "stream" => FreshnessMode::Stream,
            "webhook" => FreshnessMode::Webhook,
            _ => FreshnessMode::Poll,
        },
        reason: reason(row),
        backfill,
    }
}

fn reason(row: &FreshnessRow) -> Option<String> {
    let code = row.error_code.as_deref()?;
    Some(match row.error_message.as_deref() {
        Some(message) => format!("{code}: {message}"),
        None => code.to_owned(),
    })
}
