//! A thread with a runtime whose clock stands still until it is told to move.

use std::future::Future;
use std::sync::mpsc;
use std::thread::JoinHandle;
use std::time::Duration;

use tokio::runtime::{Builder, Handle};
use tokio::sync::mpsc::{UnboundedReceiver, UnboundedSender, unbounded_channel};

use crate::Result;

/// How far the clock moves, and whom to tell when it has.
type Tick = (Duration, mpsc::Sender<()>);

/// Every timer of what runs here is in virtual time; sockets are real.
pub(super) struct Stage {
    runtime: Handle,
    ticks: Option<UnboundedSender<Tick>>,
    thread: Option<JoinHandle<()>>,
}

impl Stage {
    pub(super) fn start(name: &str) -> Result<Self> {
        let runtime = Builder::new_current_thread().enable_all().start_paused(true).build()?;
        let handle = runtime.handle().clone();
        let (sender, ticks) = unbounded_channel();
        let thread = std::thread::Builder::new().name(name.to_owned()).spawn(move || {
            // Tokio moves a clock that stands still by itself whenever nothing is ready, but not while a blocking task runs:
            // an answer that is on its way would be taken for a time-out.
            let (released, hold) = mpsc::channel::<()>();
            let blocking = runtime.spawn_blocking(move || hold.recv());
            runtime.block_on(follow(ticks));
            drop(released);
            drop(blocking);
            runtime.shutdown_timeout(Duration::from_secs(5));
        })?;
        Ok(Self {
            runtime: handle,
            ticks: Some(sender),
            thread: Some(thread),
        })
    }

    /// Runs something there while the clock stands still.
    pub(super) fn run<T: Send + 'static>(&self, future: impl Future<Output = T> + Send + 'static) -> Result<T> {
        let (sender, receiver) = mpsc::channel();
        self.runtime.spawn(async move {
            // Nobody waits for it any more: then there is nobody to tell.
            let _ = sender.send(future.await);
        });
        Ok(receiver.recv()?)
    }

    /// How often the thread has waited for something, while it does.
    pub(super) fn waits(&self) -> Option<u64> {
        let count = self.runtime.metrics().worker_park_unpark_count(0);
        // Odd: it is parked.
        (count % 2 == 1).then_some(count)
    }

    pub(super) fn advance(&self, step: Duration) -> Result<()> {
        let (sender, receiver) = mpsc::channel();
        let ticks = self.ticks.as_ref().ok_or("the stage has ended")?;
        ticks.send((step, sender))?;
        Ok(receiver.recv()?)
    }
}

impl Drop for Stage {
    fn drop(&mut self) {
        self.ticks = None;
        if let Some(thread) = self.thread.take() {
            // A panic there has been told on standard error.
            let _ = thread.join();
        }
    }
}

async fn follow(mut ticks: UnboundedReceiver<Tick>) {
    while let Some((step, done)) = ticks.recv().await {
        tokio::time::advance(step).await;
        // The driver is gone when nobody hears it.
        let _ = done.send(());
    }
}
