//! A child process that cannot outlive this one, and whose end is seen.
//!
//! The kernel's parent-death signal belongs to the *thread* that forked, so each child gets a thread of its own that
//! forks it and then waits for it: the thread lives exactly as long as the child.

use std::fmt;
use std::io;
use std::os::unix::process::{CommandExt, ExitStatusExt};
use std::process::{Command, ExitStatus};
use std::sync::{Arc, Mutex, PoisonError, mpsc};
use std::thread::JoinHandle;
use std::time::{Duration, Instant};

use rustix::process::{Pid, Signal, WaitId, WaitIdOptions};
use tokio::sync::watch;

/// How a process ended.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Exit {
    /// Its exit code, if it ended by itself.
    pub code: Option<i32>,
    /// The signal that ended it, if one did.
    pub signal: Option<i32>,
}

impl From<ExitStatus> for Exit {
    fn from(status: ExitStatus) -> Self {
        Self {
            code: status.code(),
            signal: status.signal(),
        }
    }
}

impl fmt::Display for Exit {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match (self.code, self.signal) {
            (Some(code), _) => write!(f, "exit code {code}"),
            (None, Some(signal)) => write!(f, "ended by signal {signal}"),
            (None, None) => f.write_str("ended"),
        }
    }
}

/// Makes the child a session of its own, so that the terminal's Ctrl-C reaches only us, and lets the kernel send it
/// `death_signal` when the thread that spawns it ends.
pub(crate) fn tie_to_this_thread(command: &mut Command, death_signal: Signal) {
    let parent = std::process::id();
    let signal = death_signal.as_raw();
    let before_exec = move || {
        // SAFETY: `setsid`, `prctl` and `getppid` are async-signal-safe and touch no memory of ours.
        unsafe {
            libc::setsid();
            // After the change of user, which would clear it: the standard library changes user before this hook.
            #[cfg(target_os = "linux")]
            if libc::prctl(libc::PR_SET_PDEATHSIG, signal) != 0 {
                return Err(io::Error::last_os_error());
            }
            // Had the parent died before the line above, no signal would ever come.
            if u32::try_from(libc::getppid()) != Ok(parent) {
                return Err(io::Error::from_raw_os_error(libc::ESRCH));
            }
        }
        #[cfg(not(target_os = "linux"))]
        let _ = signal;
        Ok(())
    };
    // SAFETY: the hook only makes the async-signal-safe calls above and does not allocate.
    unsafe {
        command.pre_exec(before_exec);
    }
}

/// A running child. Dropping it ends it at once and waits for that.
#[derive(Debug)]
pub(crate) struct Child {
    id: u32,
    /// Taken before the process is reaped, so that a signal never goes to a stranger with the same number.
    pid: Arc<Mutex<Option<Pid>>>,
    exit: watch::Receiver<Option<Exit>>,
    thread: Option<JoinHandle<()>>,
}

impl Child {
    /// Starts the command; if this process dies, the child gets `death_signal`.
    pub(crate) fn spawn(mut command: Command, death_signal: Signal) -> io::Result<Self> {
        let (exit_tx, exit) = watch::channel(None);
        let (started_tx, started) = mpsc::channel();
        let pid = Arc::new(Mutex::new(None));
        let shared = Arc::clone(&pid);
        let thread = std::thread::Builder::new()
            .name("postgres-parent".to_owned())
            .spawn(move || {
                tie_to_this_thread(&mut command, death_signal);
                let mut child = match command.spawn() {
                    Ok(child) => child,
                    Err(error) => return drop(started_tx.send(Err(error))),
                };
                let process = i32::try_from(child.id()).ok().and_then(Pid::from_raw);
                *shared.lock().unwrap_or_else(PoisonError::into_inner) = process;
                drop(started_tx.send(Ok(child.id())));
                if let Some(process) = process {
                    let ended_but_not_reaped = WaitIdOptions::EXITED | WaitIdOptions::NOWAIT;
                    while let Err(rustix::io::Errno::INTR) =
                        rustix::process::waitid(WaitId::Pid(process), ended_but_not_reaped)
                    {}
                }
                *shared.lock().unwrap_or_else(PoisonError::into_inner) = None;
                let exit = child.wait().map_or(
                    Exit {
                        code: None,
                        signal: None,
                    },
                    Exit::from,
                );
                exit_tx.send_replace(Some(exit));
            })?;
        let id = started.recv().map_err(io::Error::other)??;
        Ok(Self {
            id,
            pid,
            exit,
            thread: Some(thread),
        })
    }

    pub(crate) fn id(&self) -> u32 {
        self.id
    }

    /// How it ended, if it did.
    pub(crate) fn exit(&self) -> Option<Exit> {
        *self.exit.borrow()
    }

    /// Completes when the process has ended, whoever ended it.
    pub(crate) fn exited(&self) -> impl Future<Output = Exit> + Send + use<> {
        let mut exit = self.exit.clone();
        async move {
            let seen = exit.wait_for(Option::is_some).await.ok().and_then(|exit| *exit);
            seen.unwrap_or(Exit {
                code: None,
                signal: None,
            })
        }
    }

    /// Sends a signal, if the process still lives.
    pub(crate) fn signal(&self, signal: Signal) {
        if let Some(pid) = *self.pid.lock().unwrap_or_else(PoisonError::into_inner)
            && let Err(error) = rustix::process::kill_process(pid, signal)
        {
            tracing::warn!(pid = self.id, ?signal, %error, "cannot signal the database");
        }
    }

    /// Ends the server: cleanly within `patience`, else without a checkpoint, else by force.
    pub(crate) async fn stop(&self, patience: Duration) -> Exit {
        self.signal(Signal::INT);
        if let Ok(exit) = tokio::time::timeout(patience, self.exited()).await {
            return exit;
        }
        tracing::warn!(
            pid = self.id,
            waited_ms = patience.as_millis(),
            "the database did not stop in time and is ended without a checkpoint; nothing committed is lost, the next start recovers"
        );
        self.signal(Signal::QUIT);
        if let Ok(exit) = tokio::time::timeout(patience.min(Duration::from_secs(5)), self.exited()).await {
            return exit;
        }
        tracing::warn!(pid = self.id, "the database did not even end at once and is killed");
        self.signal(Signal::KILL);
        self.exited().await
    }
}

impl Drop for Child {
    fn drop(&mut self) {
        self.signal(Signal::QUIT);
        let Some(thread) = self.thread.take() else { return };
        let deadline = Instant::now() + Duration::from_secs(5);
        while !thread.is_finished() {
            if Instant::now() > deadline {
                self.signal(Signal::KILL);
                break;
            }
            std::thread::sleep(Duration::from_millis(2));
        }
        drop(thread.join());
    }
}
