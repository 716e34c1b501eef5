//! Tickets for streams, as this replica's open connections hold them.

use std::collections::HashMap;
use std::sync::Arc;
use std::time::{Duration, Instant};

use parking_lot::Mutex;
use slipway_core::Clock;
use slipway_core::id::new_id;
use slipway_store::stream_tickets::{self, NewTicket};
use slipway_store::{PgPool, StoreError};
use time::OffsetDateTime;
use uuid::Uuid;

use super::principal::{Principal, StoredPrincipal};
use super::secret::{self, sha256};
use super::sessions::SessionHold;

/// How the secret of a ticket begins.
const PREFIX: &str = "slt_";

/// How old what is known of the open connections may be.
const MAX_AGE: Duration = Duration::from_millis(1_500);

/// How often it is noted that a connection is there. Far below the time within which the next one must come.
const NOTE_EVERY: Duration = Duration::from_secs(30);

/// How long a ticket works at most.
const LONGEST: time::Duration = time::Duration::hours(12);

/// Makes tickets, and knows which connection holds which.
#[derive(Debug)]
pub(crate) struct StreamTickets {
    pool: PgPool,
    clock: Arc<dyn Clock>,
    open: Arc<Mutex<Open>>,
    /// Held while reading: who comes meanwhile shares the answer.
    reading: tokio::sync::Mutex<()>,
}

#[derive(Debug, Default)]
struct Open {
    /// Each open connection, and whether it still holds its ticket.
    connections: HashMap<Uuid, bool>,
    read_at: Option<Instant>,
    noted_at: Option<Instant>,
}

/// A connection with a ticket, until it is dropped.
#[derive(Debug)]
pub(crate) struct TicketHold {
    ticket_id: Uuid,
    connection_id: Uuid,
    pub(crate) expires_at: OffsetDateTime,
    open: Arc<Mutex<Open>>,
    pool: PgPool,
    clock: Arc<dyn Clock>,
}

impl StreamTickets {
    pub(crate) fn new(pool: PgPool, clock: Arc<dyn Clock>) -> Self {
        Self {
            pool,
            clock,
            open: Arc::default(),
            reading: tokio::sync::Mutex::default(),
        }
    }

    /// A new ticket for a principal, which ends with the session that they came with, if any. None where the system gives no
    /// random bytes.
    pub(crate) async fn create(
        &self,
        principal: &Principal,
        session: Option<&SessionHold>,
    ) -> Result<Option<String>, StoreError> {
        let Some(secret) = secret::new(PREFIX) else {
            return Ok(None);
        };
        let now = self.clock.now();
        let principal = serde_json::to_value(principal.stored()).unwrap_or_default();
        let ticket = NewTicket {
            id: new_id(now),
            secret_hash: &sha256(&secret),
            principal: &principal,
            session_hash: session.map(|session| session.hash().as_slice()),
            created_at: now,
            expires_at: now + LONGEST,
        };
        stream_tickets::insert(&mut *self.pool.acquire().await?, &ticket).await?;
        Ok(Some(secret))
    }

    /// Opens a connection with a ticket, and so ends the one that had it.
    pub(crate) async fn take(&self, secret: &str) -> Result<Option<(StoredPrincipal, TicketHold)>, StoreError> {
        let now = self.clock.now();
        let connection_id = new_id(now);
        let taken = stream_tickets::take(&mut *self.pool.acquire().await?, &sha256(secret), connection_id, now).await?;
        let Some(taken) = taken else { return Ok(None) };
        let Ok(principal) = serde_json::from_value(taken.principal) else {
            return Ok(None);
        };
        self.open.lock().connections.insert(connection_id, true);
        let hold = TicketHold {
            ticket_id: taken.id,
            connection_id,
            expires_at: taken.expires_at,
            open: Arc::clone(&self.open),
            pool: self.pool.clone(),
            clock: Arc::clone(&self.clock),
        };
        Ok(Some((principal, hold)))
    }

    /// Whether no other connection has taken the ticket.
    pub(crate) async fn is_held(&self, hold: &TicketHold) -> Result<bool, StoreError> {
        self.refresh().await?;
        Ok(self
            .open
            .lock()
            .connections
            .get(&hold.connection_id)
            .copied()
            .unwrap_or(false))
    }

    /// Whether a ticket is still there for anybody.
    pub(crate) async fn is_there(&self, hold: &TicketHold) -> Result<bool, StoreError> {
        stream_tickets::exists(&mut *self.pool.acquire().await?, hold.ticket_id).await
    }

    async fn refresh(&self) -> Result<(), StoreError> {
        let is_recent = || self.open.lock().read_at.is_some_and(|at| at.elapsed() < MAX_AGE);
        if is_recent() {
            return Ok(());
        }
        let _turn = self.reading.lock().await;
        if is_recent() {
            return Ok(());
        }
        let began = Instant::now();
        let (asked, is_noted) = {
            let open = self.open.lock();
            let asked: Vec<Uuid> = open.connections.keys().copied().collect();
            (asked, open.noted_at.is_some_and(|at| at.elapsed() < NOTE_EVERY))
        };
        let mut conn = self.pool.acquire().await?;
        let held = if is_noted {
            stream_tickets::list_holders(&mut conn, &asked).await?
        } else {
            stream_tickets::touch(&mut conn, &asked, self.clock.now()).await?
        };
        drop(conn);
        let mut open = self.open.lock();
        // Only those that were asked for: others may have come since.
        for id in asked.iter().filter(|id| !held.contains(id)) {
            if let Some(is_held) = open.connections.get_mut(id) {
                *is_held = false;
            }
        }
        open.read_at = Some(began);
        if !is_noted {
            open.noted_at = Some(began);
        }
        Ok(())
    }
}

impl Drop for TicketHold {
    /// From here on counts the time within which the next connection must come.
    fn drop(&mut self) {
        let is_held = self.open.lock().connections.remove(&self.connection_id);
        if is_held == Some(true)
            && let Ok(runtime) = tokio::runtime::Handle::try_current()
        {
            let (pool, id, now) = (self.pool.clone(), self.connection_id, self.clock.now());
            runtime.spawn(async move {
                let noted = async { stream_tickets::touch(&mut *pool.acquire().await?, &[id], now).await };
                if let Err(error) = noted.await {
                    tracing::debug!(
                        error = &error as &dyn std::error::Error,
                        "the end of a stream was not noted"
                    );
                }
            });
        }
    }
}
