//! Whether somebody who was let in still may: for streams and for whatever else stays open.

use std::sync::Arc;
use std::time::Duration;

use slipway_store::StoreError;
use time::OffsetDateTime;
use tokio::sync::watch;
use tokio::time::{Instant, Interval, MissedTickBehavior};

use super::principal::Source;
use super::{Access, Principal, SessionHold, TicketHold, Token};

/// How often it is looked. What is looked at is shared by all streams and at most a second and a half old.
const CHECK_EVERY: Duration = Duration::from_secs(2);

/// Why somebody may no longer.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Ended {
    /// The time is over.
    Expired,
    /// The token was taken back, or the session was ended.
    Revoked,
    /// The token allows or shows something else now: connect again.
    Changed,
    /// Another connection uses the ticket.
    Superseded,
}

impl Ended {
    /// The public spelling.
    pub(crate) const fn as_str(self) -> &'static str {
        match self {
            Self::Expired => "expired",
            Self::Revoked => "revoked",
            Self::Changed => "changed",
            Self::Superseded => "superseded",
        }
    }
}

/// What somebody came with instead of a token.
#[derive(Debug)]
pub(crate) enum Hold {
    /// A ticket, which one connection holds at a time.
    Ticket(TicketHold),
    /// A session, which may be ended elsewhere.
    Session(SessionHold),
}

impl Hold {
    fn expires_at(&self) -> OffsetDateTime {
        match self {
            Self::Ticket(ticket) => ticket.expires_at,
            Self::Session(session) => session.expires_at,
        }
    }
}

/// Somebody who was let in, and what they came with.
#[derive(Debug)]
pub(crate) struct Standing {
    access: Arc<Access>,
    principal: Principal,
    hold: Option<Arc<Hold>>,
    ends_at: Option<OffsetDateTime>,
    check: Interval,
    /// What was exchanged before it began is seen by the first look.
    exchanged: watch::Receiver<Arc<[Token]>>,
}

impl Standing {
    pub(crate) fn new(access: Arc<Access>, principal: Principal, hold: Option<Arc<Hold>>) -> Self {
        let exchanged = access.configured_changes();
        let of_hold = hold.as_ref().map(|hold| hold.expires_at());
        let ends_at = principal.expires_at.into_iter().chain(of_hold).min();
        // Spread, so that those who came together do not ask together.
        let first = Instant::now() + CHECK_EVERY.mul_f64(rand::random_range(0.25..=1.0));
        let mut check = tokio::time::interval_at(first, CHECK_EVERY);
        check.set_missed_tick_behavior(MissedTickBehavior::Delay);
        Self {
            access,
            principal,
            hold,
            ends_at,
            check,
            exchanged,
        }
    }

    /// Waits until they may no longer, and says why. May be dropped and called again at any time.
    pub(crate) async fn ended(&mut self) -> Ended {
        // Thousands of streams need not look where nothing can happen, or where it is told.
        if self.hold.is_none() && self.ends_at.is_none() {
            match &self.principal.source {
                Source::Issuer | Source::Open => return std::future::pending().await,
                Source::Configured(fingerprint) => {
                    while self.access.is_configured(&self.principal.name, fingerprint) {
                        if self.exchanged.changed().await.is_err() {
                            return std::future::pending().await;
                        }
                    }
                    return Ended::Revoked;
                }
                Source::Token(_) => {}
            }
        }
        let can_be_taken_back =
            self.hold.is_some() || matches!(self.principal.source, Source::Token(_) | Source::Configured(_));
        loop {
            self.check.tick().await;
            let is_expired = self.ends_at.is_some_and(|at| at <= self.access.clock.now());
            if is_expired {
                return Ended::Expired;
            }
            if !can_be_taken_back {
                continue;
            }
            // In a box: it is rare and large, and a stream would keep room for it all the time.
            match Box::pin(self.look()).await {
                Ok(Some(ended)) => return ended,
                Ok(None) => {}
                // Nobody is cut off because the database is away: nothing can have been changed there.
                Err(error) => {
                    tracing::debug!(
                        error = &error as &dyn std::error::Error,
                        "a stream's token cannot be looked up"
                    );
                }
            }
        }
    }

    async fn look(&self) -> Result<Option<Ended>, StoreError> {
        match self.hold.as_deref() {
            Some(Hold::Ticket(ticket)) if !self.access.tickets.is_held(ticket).await? => {
                let is_there = self.access.tickets.is_there(ticket).await?;
                return Ok(Some(if is_there { Ended::Superseded } else { Ended::Revoked }));
            }
            Some(Hold::Session(session)) if !self.access.sessions.is_open(session).await? => {
                return Ok(Some(Ended::Revoked));
            }
            _ => {}
        }
        let id = match &self.principal.source {
            Source::Token(id) => *id,
            Source::Configured(fingerprint) => {
                let is_there = self.access.is_configured(&self.principal.name, fingerprint);
                return Ok((!is_there).then_some(Ended::Revoked));
            }
            Source::Issuer | Source::Open => return Ok(None),
        };
        let Some(token) = self.access.token_now(id).await? else {
            return Ok(Some(Ended::Revoked));
        };
        let scopes_now = match self.principal.is_read_only {
            true => token.principal.scopes.only_reads(),
            false => token.principal.scopes,
        };
        Ok(if token.is_revoked {
            Some(Ended::Revoked)
        } else if token
            .principal
            .expires_at
            .is_some_and(|at| at <= self.access.clock.now())
        {
            Some(Ended::Expired)
        } else if scopes_now != self.principal.scopes || token.principal.visibility != self.principal.visibility {
            Some(Ended::Changed)
        } else {
            None
        })
    }
}
