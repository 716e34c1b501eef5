//! Hints that the event log grew. They may be lost: whoever listens also polls.

use sqlx::postgres::{PgConnectOptions, PgListener, PgPoolOptions};

use crate::Result;
use crate::event_log::CHANNEL;

/// A connection of its own that waits for hints. It must not go through a transaction pooler, which would swallow them.
#[derive(Debug)]
pub struct EventListener(PgListener);

impl EventListener {
    /// Connects and listens.
    pub async fn connect(options: PgConnectOptions) -> Result<Self> {
        let pool = PgPoolOptions::new().max_connections(1).connect_lazy_with(options);
        let mut listener = PgListener::connect_with(&pool).await?;
        listener.listen(CHANNEL).await?;
        Ok(Self(listener))
    }

    /// Waits for the next hint and swallows those that came with it. May be dropped while it waits.
    pub async fn wait(&mut self) -> Result<()> {
        self.0.recv().await?;
        while self.0.next_buffered().is_some() {}
        Ok(())
    }
}
