//! What a process costs: its time on the processors and its memory, with those of its children, as the kernel tells them.

use std::io::{BufRead, BufReader, Write};
use std::process::{Child, ChildStdin, Command, Stdio};
use std::sync::mpsc::{Receiver, RecvTimeoutError, channel};
use std::time::{Duration, Instant};

use crate::Result;

/// Ticks of the kernel's accounting in a second: always 100 on Linux, whatever the kernel counts with inside.
const TICKS_PER_SECOND: f64 = 100.0;

/// How long a process may take to say what it was asked for.
const PATIENCE: Duration = Duration::from_secs(120);

/// What a process and its children used.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Usage {
    /// Since they began.
    pub(crate) cpu_seconds: f64,
    /// Now, what they share counted once for each.
    pub(crate) resident_bytes: f64,
}

/// What the process with this id and its children have used.
pub(crate) fn usage(pid: u32) -> Result<Usage> {
    Ok(sum(&family(pid)?))
}

/// The same without its children.
pub(crate) fn usage_alone(pid: u32) -> Usage {
    sum(&[pid])
}

fn sum(pids: &[u32]) -> Usage {
    let mut sum = Usage {
        cpu_seconds: 0.0,
        resident_bytes: 0.0,
    };
    for pid in pids {
        // One that has just ended is told by its parent.
        let Ok(stat) = std::fs::read_to_string(format!("/proc/{pid}/stat")) else {
            continue;
        };
        let status = std::fs::read_to_string(format!("/proc/{pid}/status")).unwrap_or_default();
        let kib = status.lines().find_map(|line| {
            line.strip_prefix("VmRSS:")?
                .split_whitespace()
                .next()?
                .parse::<f64>()
                .ok()
        });
        sum.cpu_seconds += cpu_seconds_of_threads(*pid).unwrap_or_else(|| cpu_seconds_in_ticks(&stat));
        sum.resident_bytes += kib.unwrap_or(0.0) * 1024.0;
    }
    sum
}

/// To the nanosecond, where the kernel keeps the figures of its scheduler: of the threads that there are. One that ends takes
/// its own with it, which the few that servers have do not.
fn cpu_seconds_of_threads(pid: u32) -> Option<f64> {
    let mut nanoseconds = 0.0;
    for thread in std::fs::read_dir(format!("/proc/{pid}/task")).ok()?.flatten() {
        let Ok(figures) = std::fs::read_to_string(thread.path().join("schedstat")) else {
            continue;
        };
        nanoseconds += figures.split(' ').next()?.parse::<f64>().ok()?;
    }
    (nanoseconds > 0.0).then_some(nanoseconds / 1_000_000_000.0)
}

fn cpu_seconds_in_ticks(stat: &str) -> f64 {
    // The name comes first and may hold anything; what follows its bracket are numbers.
    let fields: Vec<&str> = stat.rsplit(')').next().unwrap_or_default().split_whitespace().collect();
    let ticks = [11, 12].iter().filter_map(|at| fields.get(*at)?.parse::<f64>().ok());
    ticks.sum::<f64>() / TICKS_PER_SECOND
}

fn family(pid: u32) -> Result<Vec<u32>> {
    let mut parents = Vec::new();
    for entry in std::fs::read_dir("/proc")?.flatten() {
        let Some(pid) = entry.file_name().to_str().and_then(|name| name.parse::<u32>().ok()) else {
            continue;
        };
        let stat = std::fs::read_to_string(entry.path().join("stat")).unwrap_or_default();
        let parent = stat
            .rsplit(')')
            .next()
            .and_then(|rest| rest.split_whitespace().nth(1)?.parse::<u32>().ok());
        parents.extend(parent.map(|parent| (pid, parent)));
    }
    let mut found = vec![pid];
    let mut next = 0;
    while let Some(parent) = found.get(next).copied() {
        found.extend(parents.iter().filter(|(_, of)| *of == parent).map(|(pid, _)| *pid));
        next += 1;
    }
    Ok(found)
}

/// As many open files as the system lets us have: each subscriber is one. Processes that we start inherit it.
pub(crate) fn allow_many_files() -> Result<u64> {
    use rustix::process::{Resource, Rlimit, getrlimit, setrlimit};
    let Rlimit { maximum, .. } = getrlimit(Resource::Nofile);
    setrlimit(
        Resource::Nofile,
        Rlimit {
            current: maximum,
            maximum,
        },
    )?;
    Ok(maximum.unwrap_or(u64::MAX))
}

/// Lets the calling thread stand back behind all others that have something to do.
pub(crate) fn stand_back() -> Result<()> {
    // On Linux a thread has a priority of its own: <https://man7.org/linux/man-pages/man2/setpriority.2.html#NOTES>.
    Ok(rustix::process::setpriority_process(None, 19)?)
}

/// Asks a process to end and waits for that.
pub(crate) fn stop(child: &mut Child) {
    let gentle = i32::try_from(child.id()).ok().and_then(rustix::process::Pid::from_raw);
    if let Some(pid) = gentle {
        // It may have ended by itself.
        let _ = rustix::process::kill_process(pid, rustix::process::Signal::TERM);
    }
    let deadline = Instant::now() + Duration::from_secs(10);
    while Instant::now() < deadline {
        match child.try_wait() {
            Ok(None) => std::thread::sleep(Duration::from_millis(10)),
            _ => return,
        }
    }
    let _ = child.kill();
    let _ = child.wait();
}

/// This program in another process, that does what the lines of its input say and answers in lines.
#[derive(Debug)]
pub(crate) struct Part {
    child: Child,
    input: ChildStdin,
    lines: Receiver<String>,
}

impl Part {
    /// Starts a hidden subcommand.
    pub(crate) fn start(arguments: &[&str]) -> Result<Self> {
        let mut command = Command::new(std::env::current_exe()?);
        command.args(arguments).stdin(Stdio::piped()).stdout(Stdio::piped());
        let mut child = command.spawn()?;
        let input = child.stdin.take().ok_or("no standard input")?;
        let output = child.stdout.take().ok_or("no standard output")?;
        let (sender, lines) = channel();
        // Read all the time, so that it never waits for us.
        std::thread::spawn(move || {
            for line in BufReader::new(output).lines().map_while(Result::ok) {
                if sender.send(line).is_err() {
                    break;
                }
            }
        });
        Ok(Self { child, input, lines })
    }

    /// Which process it is.
    pub(crate) fn pid(&self) -> u32 {
        self.child.id()
    }

    /// Tells it something.
    pub(crate) fn tell(&mut self, line: &str) -> Result<()> {
        Ok(writeln!(self.input, "{line}")?)
    }

    /// The next line that it says.
    pub(crate) fn hear(&mut self) -> Result<String> {
        self.lines.recv_timeout(PATIENCE).map_err(|error| match error {
            RecvTimeoutError::Timeout => "a part of the benchmark does not answer".into(),
            RecvTimeoutError::Disconnected => "a part of the benchmark has ended: see what it said".into(),
        })
    }
}

impl Drop for Part {
    fn drop(&mut self) {
        stop(&mut self.child);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_process_is_counted_with_its_children() {
        let alone = usage_alone(std::process::id());
        assert!(
            alone.resident_bytes > 100_000.0 && alone.cpu_seconds >= 0.0,
            "{alone:?}"
        );
        let mut child = Command::new("sleep").arg("60").spawn().unwrap();
        let found = family(std::process::id()).unwrap();
        stop(&mut child);
        assert!(found.contains(&child.id()), "{found:?}");
        assert!(!family(std::process::id()).unwrap().contains(&child.id()));
    }
}
