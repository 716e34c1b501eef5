//! One process of the program, with everything that it says.

use std::os::unix::process::{CommandExt, ExitStatusExt};
use std::process::Stdio;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use tokio::io::{AsyncBufReadExt, AsyncRead, BufReader};
use tokio::process::Child;
use tokio::task::JoinHandle;

use crate::wait::{BOUND, within};

/// How much of a process's log stands beside a failure.
const SHOWN_LINES: usize = 40;

/// A running process, in a process group of its own as in a terminal. Dropping it kills it; in a test that fails, what it
/// said last is shown.
#[derive(Debug)]
pub struct Process {
    child: Child,
    pid: i32,
    stdout: Output,
    stderr: Output,
}

/// How a process ended.
#[derive(Debug)]
pub struct Ended {
    /// None when a signal ended it.
    pub code: Option<i32>,
    /// The signal that ended it.
    pub signal: Option<i32>,
    /// All lines of standard output.
    pub stdout: Vec<String>,
    /// All of standard error.
    pub stderr: String,
}

#[derive(Debug)]
struct Output {
    lines: Arc<Mutex<Vec<String>>>,
    reader: JoinHandle<()>,
}

impl Output {
    fn collect(pipe: impl AsyncRead + Unpin + Send + 'static) -> Self {
        let lines = Arc::<Mutex<Vec<String>>>::default();
        let into = Arc::clone(&lines);
        let reader = tokio::spawn(async move {
            let mut pipe = BufReader::new(pipe).lines();
            while let Ok(Some(line)) = pipe.next_line().await {
                into.lock().unwrap_or_else(PoisonError::into_inner).push(line);
            }
        });
        Self { lines, reader }
    }

    fn lines(&self) -> Vec<String> {
        self.lines.lock().unwrap_or_else(PoisonError::into_inner).clone()
    }
}

impl Drop for Process {
    #[expect(clippy::print_stderr, reason = "shown beside a failing test")]
    fn drop(&mut self) {
        if std::thread::panicking() {
            let lines = self.stderr.lines();
            let last = &lines[lines.len().saturating_sub(SHOWN_LINES)..];
            eprintln!("process {} said last:\n{}", self.pid, last.join("\n"));
        }
    }
}

impl Process {
    /// Starts a command. The process dies with the thread of the test, so that an aborted run leaves nothing behind.
    ///
    /// # Panics
    /// When it cannot be started.
    pub fn start(mut command: std::process::Command) -> Self {
        command
            .process_group(0)
            .stdin(Stdio::null())
            .stdout(Stdio::piped())
            .stderr(Stdio::piped());
        #[cfg(target_os = "linux")]
        // SAFETY: between fork and exec only these two system calls are made, which touch no memory.
        unsafe {
            command.pre_exec(|| {
                libc::prctl(libc::PR_SET_PDEATHSIG, libc::SIGKILL);
                // A shell lets what it runs in the background ignore it, and that is inherited.
                libc::signal(libc::SIGINT, libc::SIG_DFL);
                Ok(())
            });
        }
        let shown = format!("{command:?}");
        let mut command = tokio::process::Command::from(command);
        let mut child = command
            .kill_on_drop(true)
            .spawn()
            .unwrap_or_else(|error| panic!("{shown}: {error}"));
        let pid = child
            .id()
            .and_then(|pid| i32::try_from(pid).ok())
            .expect("it was just started");
        Self {
            pid,
            stdout: Output::collect(child.stdout.take().expect("piped")),
            stderr: Output::collect(child.stderr.take().expect("piped")),
            child,
        }
    }

    /// Its process id, which is also that of its group.
    pub fn pid(&self) -> i32 {
        self.pid
    }

    /// Whether it still runs.
    pub fn is_running(&mut self) -> bool {
        matches!(self.child.try_wait(), Ok(None))
    }

    /// The first line of standard output that `pick` takes.
    ///
    /// # Panics
    /// When the process ends first, or there is none within the bound.
    pub async fn wait_for_stdout<T>(&mut self, what: &str, mut pick: impl FnMut(&str) -> Option<T>) -> T {
        within(BOUND, what, async || {
            let found = self.stdout.lines().iter().find_map(|line| pick(line));
            self.unless_ended(found, what)
        })
        .await
    }

    /// The first line of standard error that `pick` takes.
    ///
    /// # Panics
    /// As [`Process::wait_for_stdout`].
    pub async fn wait_for_stderr<T>(&mut self, what: &str, mut pick: impl FnMut(&str) -> Option<T>) -> T {
        within(BOUND, what, async || {
            let found = self.stderr.lines().iter().find_map(|line| pick(line));
            self.unless_ended(found, what)
        })
        .await
    }

    fn unless_ended<T>(&mut self, found: Option<T>, what: &str) -> Option<T> {
        if found.is_none() && self.stderr.reader.is_finished() {
            panic!("the process ended before {what}: {}", self.stderr.lines().join("\n"));
        }
        found
    }

    /// All that it said on standard output so far.
    pub fn stdout(&self) -> Vec<String> {
        self.stdout.lines()
    }

    /// All that it said on standard error so far.
    pub fn stderr(&self) -> String {
        self.stderr.lines().join("\n")
    }

    /// Sends a signal to the process alone.
    pub fn signal(&self, signal: i32) {
        // SAFETY: `kill` touches no memory; the process is our child and not waited for yet.
        unsafe { libc::kill(self.pid, signal) };
    }

    /// Sends a signal to the whole group, as a terminal does.
    pub fn signal_group(&self, signal: i32) {
        // SAFETY: as above.
        unsafe { libc::kill(-self.pid, signal) };
    }

    /// Waits for the end.
    ///
    /// # Panics
    /// When it does not come within the bound.
    pub async fn ended(self) -> Ended {
        self.ended_within(BOUND).await
    }

    /// As [`Process::ended`], with another bound.
    ///
    /// # Panics
    /// When it does not end within the bound.
    pub async fn ended_within(mut self, bound: Duration) -> Ended {
        let Ok(status) = tokio::time::timeout(bound, self.child.wait()).await else {
            panic!(
                "the process does not end within {} s: {}",
                bound.as_secs(),
                self.stderr()
            );
        };
        let status = status.expect("it is our child");
        for output in [&mut self.stdout, &mut self.stderr] {
            // Who inherited the pipes may hold them for a moment longer.
            let _ = tokio::time::timeout(Duration::from_secs(10), &mut output.reader).await;
        }
        Ended {
            code: status.code(),
            signal: status.signal(),
            stdout: self.stdout(),
            stderr: self.stderr(),
        }
    }
}
