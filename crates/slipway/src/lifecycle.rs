//! When the program ends: first gently, then at once.

use std::time::Duration;

use futures_util::FutureExt;
use tokio::signal::unix::{SignalKind, signal};
use tokio_util::sync::CancellationToken;

use crate::failure::Failure;

/// A gentle end that takes longer becomes a hard one: streams and pollers 2 s, writes 15 s, the built-in database 10 s.
const GENTLE_PATIENCE: Duration = Duration::from_secs(30);

/// Who signals a whole process group, as `timeout` and some shells do, reaches us twice with what was meant once.
const ECHO: Duration = Duration::from_secs(1);

/// The two stages of the end.
#[derive(Debug, Clone)]
pub(crate) struct Lifecycle {
    /// Streams, pollers and listeners end; what is under way is finished.
    pub(crate) soft: CancellationToken,
    /// Nothing is waited for any more.
    pub(crate) hard: CancellationToken,
}

impl Lifecycle {
    /// Listens to SIGINT and SIGTERM: the first is the soft stage, the second, or the end of the patience, the hard one.
    pub(crate) fn listen() -> Result<Self, Failure> {
        let refused = |error| Failure::new(format!("the system refuses signal handlers: {error}"));
        let mut interrupt = signal(SignalKind::interrupt()).map_err(refused)?;
        let mut terminate = signal(SignalKind::terminate()).map_err(refused)?;
        let lifecycle = Self {
            soft: CancellationToken::new(),
            hard: CancellationToken::new(),
        };
        let tokens = lifecycle.clone();
        tokio::spawn(async move {
            tokio::select! {
                _ = interrupt.recv() => {}
                _ = terminate.recv() => {}
            }
            tracing::info!("stopping; a second signal stops at once");
            tokens.soft.cancel();
            tokio::time::sleep(ECHO).await;
            // What came meanwhile was the same signal again.
            let _ = interrupt.recv().now_or_never();
            let _ = terminate.recv().now_or_never();
            tokio::select! {
                _ = interrupt.recv() => {}
                _ = terminate.recv() => {}
                () = tokio::time::sleep(GENTLE_PATIENCE) => {}
            }
            tokens.hard.cancel();
        });
        Ok(lifecycle)
    }

    /// Runs something that is given up when the end begins; None then.
    pub(crate) async fn until_soft<T>(&self, work: impl Future<Output = T>) -> Option<T> {
        self.soft.run_until_cancelled(work).await
    }

    /// Runs the orderly end, which the hard stage cuts short.
    pub(crate) async fn until_hard(&self, work: impl Future<Output = ()>) -> Result<(), Failure> {
        match self.hard.run_until_cancelled(work).await {
            Some(()) => Ok(()),
            None => Err(Failure::new(
                "stopped before everything had ended; the next start cleans up",
            )),
        }
    }
}
