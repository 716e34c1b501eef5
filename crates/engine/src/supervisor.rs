//! Keeps background tasks running, restarts what fails, and says so.

use std::fmt::Display;
use std::future::Future;
use std::panic::AssertUnwindSafe;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use futures_util::FutureExt;
use slipway_core::Clock;
use time::OffsetDateTime;
use tokio_util::sync::CancellationToken;
use tokio_util::task::TaskTracker;

const FIRST_PAUSE: Duration = Duration::from_millis(500);
const LONGEST_PAUSE: Duration = Duration::from_secs(30);

/// Whether a task runs.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum TaskState {
    /// At work.
    Running,
    /// Failed, and waits to be started again.
    Restarting,
    /// Ended because the process is shutting down.
    Stopped,
}

impl TaskState {
    /// The public spelling.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Running => "running",
            Self::Restarting => "restarting",
            Self::Stopped => "stopped",
        }
    }
}

/// How a task is.
#[derive(Debug, Clone)]
pub struct TaskStatus {
    /// Its name.
    pub name: String,
    /// Whether it runs.
    pub state: TaskState,
    /// How often it was started again.
    pub restart_count: u32,
    /// Why it ended the last time.
    pub last_error: Option<String>,
    /// Since when it is in this state.
    pub since: OffsetDateTime,
}

/// Owns the background tasks of a process.
#[derive(Debug, Clone)]
pub struct Supervisor {
    clock: Arc<dyn Clock>,
    shutdown: CancellationToken,
    tracker: TaskTracker,
    statuses: Arc<Mutex<Vec<TaskStatus>>>,
}

impl Supervisor {
    /// A supervisor whose tasks end once `shutdown` is cancelled.
    pub fn new(clock: Arc<dyn Clock>, shutdown: CancellationToken) -> Self {
        Self {
            clock,
            shutdown,
            tracker: TaskTracker::new(),
            statuses: Arc::default(),
        }
    }

    /// The token on whose cancellation tasks must end by themselves.
    pub fn shutdown(&self) -> &CancellationToken {
        &self.shutdown
    }

    /// Runs what `start` makes, and again after a growing pause whenever it ends, fails or panics before the shutdown.
    pub fn spawn<Start, Task, Error>(&self, name: &str, start: Start)
    where
        Start: Fn() -> Task + Send + 'static,
        Task: Future<Output = Result<(), Error>> + Send + 'static,
        Error: Display,
    {
        let index = self.register(name);
        let supervisor = self.clone();
        let name = name.to_owned();
        self.tracker.spawn(async move {
            let mut pause = FIRST_PAUSE;
            loop {
                let started_at = supervisor.clock.now();
                let failure = match AssertUnwindSafe(start()).catch_unwind().await {
                    _ if supervisor.shutdown.is_cancelled() => break,
                    Ok(Ok(())) => "it ended by itself".to_owned(),
                    Ok(Err(error)) => error.to_string(),
                    Err(panic) => format!("it panicked: {}", panic_text(panic.as_ref())),
                };
                if supervisor.clock.now() - started_at > time::Duration::MINUTE {
                    pause = FIRST_PAUSE;
                }
                tracing::error!(
                    task.name = name,
                    task.error = failure,
                    task.restart_in_ms = u64::try_from(pause.as_millis()).unwrap_or(u64::MAX),
                    "a background task failed and is started again"
                );
                supervisor.update(index, |status| {
                    status.state = TaskState::Restarting;
                    status.restart_count += 1;
                    status.last_error = Some(failure);
                });
                tokio::select! {
                    () = supervisor.shutdown.cancelled() => break,
                    () = tokio::time::sleep(pause) => {}
                }
                pause = (pause * 2).min(LONGEST_PAUSE);
                supervisor.update(index, |status| status.state = TaskState::Running);
            }
            supervisor.update(index, |status| status.state = TaskState::Stopped);
        });
    }

    /// How each task is, in the order in which they were started.
    pub fn statuses(&self) -> Vec<TaskStatus> {
        self.lock().clone()
    }

    /// Waits until every task has ended, for `limit` at most. Answers the names of those that have not.
    pub async fn join(&self, limit: Duration) -> Vec<String> {
        self.tracker.close();
        let _ = tokio::time::timeout(limit, self.tracker.wait()).await;
        self.lock()
            .iter()
            .filter(|status| status.state != TaskState::Stopped)
            .map(|status| status.name.clone())
            .collect()
    }

    fn register(&self, name: &str) -> usize {
        let mut statuses = self.lock();
        statuses.push(TaskStatus {
            name: name.to_owned(),
            state: TaskState::Running,
            restart_count: 0,
            last_error: None,
            since: self.clock.now(),
        });
        statuses.len() - 1
    }

    fn update(&self, index: usize, change: impl FnOnce(&mut TaskStatus)) {
        let now = self.clock.now();
        if let Some(status) = self.lock().get_mut(index) {
            status.since = now;
            change(status);
        }
    }

    fn lock(&self) -> std::sync::MutexGuard<'_, Vec<TaskStatus>> {
        self.statuses.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

fn panic_text(panic: &(dyn std::any::Any + Send)) -> &str {
    panic
        .downcast_ref::<&str>()
        .copied()
        .or_else(|| panic.downcast_ref::<String>().map(String::as_str))
        .unwrap_or("without a message")
}

#[cfg(test)]
mod tests {
    use std::sync::atomic::{AtomicU32, Ordering};

    use slipway_core::SystemClock;

    use super::*;

    #[tokio::test(start_paused = true)]
    async fn a_task_that_fails_or_panics_is_started_again_and_the_reason_kept() {
        let shutdown = CancellationToken::new();
        let supervisor = Supervisor::new(Arc::new(SystemClock), shutdown.clone());
        let runs = Arc::new(AtomicU32::new(0));
        let seen = Arc::clone(&runs);
        let token = shutdown.clone();
        supervisor.spawn("flaky", move || {
            let (run, token) = (seen.fetch_add(1, Ordering::SeqCst), token.clone());
            async move {
                match run {
                    0 => Err("broken"),
                    1 => panic!("burst"),
                    _ => {
                        token.cancelled().await;
                        Ok(())
                    }
                }
            }
        });
        while runs.load(Ordering::SeqCst) < 3 {
            tokio::time::sleep(Duration::from_millis(100)).await;
        }
        let status = supervisor.statuses().remove(0);
        assert_eq!((status.state, status.restart_count), (TaskState::Running, 2));
        assert_eq!(status.last_error.as_deref(), Some("it panicked: burst"));
        shutdown.cancel();
        assert_eq!(supervisor.join(Duration::from_secs(5)).await, Vec::<String>::new());
    }
}
