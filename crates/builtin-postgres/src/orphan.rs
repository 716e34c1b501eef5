//! Servers that an earlier run left behind: a killed gateway's database may still be stopping, or, where nothing told
//! it, still be running. The lock is held when this runs, so whatever uses the cluster belongs to no living gateway.

use std::fs;
use std::io;
use std::os::unix::ffi::OsStrExt;
use std::os::unix::fs::MetadataExt;
use std::path::Path;
use std::time::{Duration, Instant};

use rustix::process::{Pid, Signal};

use crate::Error;
use crate::folder::Folder;

/// A clean stop gets this long, then each harder way `STEP` more.
const CLEAN: Duration = Duration::from_secs(10);
const STEP: Duration = Duration::from_secs(5);

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
struct Orphan {
    pid: u32,
    /// Whether it is the server itself and not one of its helpers, which go when it goes.
    postmaster: bool,
}

/// Waits until no process uses the cluster, ending those that do, and removes the pid file that they left.
pub(crate) fn clear_the_way(folder: &Folder) -> Result<(), Error> {
    let data = folder.data();
    let begin = Instant::now();
    let mut sent: Vec<(u32, Signal)> = Vec::new();
    loop {
        let orphans = find(folder, &data);
        let Some(first) = orphans.first() else { break };
        let waited = begin.elapsed();
        if waited > CLEAN + STEP + STEP {
            return Err(Error::Orphan {
                pid: first.pid,
                folder: data,
                seconds: waited.as_secs(),
            });
        }
        for orphan in &orphans {
            let signal = match waited {
                waited if waited < CLEAN && orphan.postmaster => Signal::INT,
                waited if waited < CLEAN => continue,
                waited if waited < CLEAN + STEP => Signal::QUIT,
                _ => Signal::KILL,
            };
            // Once each: a second QUIT would interrupt the first one's work.
            if !sent.contains(&(orphan.pid, signal)) {
                tracing::warn!(
                    pid = orphan.pid,
                    ?signal,
                    "stopping a database process that an earlier run left behind"
                );
                send(orphan.pid, signal);
                sent.push((orphan.pid, signal));
            }
        }
        std::thread::sleep(Duration::from_millis(5));
    }
    remove_pid_file(&data)
}

/// PostgreSQL does not start over a pid file whose number lives, and after a crash that number may be anybody's.
fn remove_pid_file(data: &Path) -> Result<(), Error> {
    if !Path::new("/proc/self").exists() {
        // Without /proc nothing was looked at: PostgreSQL's own check decides.
        return Ok(());
    }
    let file = data.join("postmaster.pid");
    match fs::remove_file(&file) {
        Err(error) if error.kind() != io::ErrorKind::NotFound => Err(Error::folder("remove", &file, error)),
        _ => Ok(()),
    }
}

fn send(pid: u32, signal: Signal) {
    if let Some(pid) = i32::try_from(pid).ok().and_then(Pid::from_raw) {
        // An error means that it is gone, or is not ours to end; the next look tells.
        let _ = rustix::process::kill_process(pid, signal);
    }
}

/// The PostgreSQL processes of this user that work in this cluster.
fn find(folder: &Folder, data: &Path) -> Vec<Orphan> {
    let Ok(processes) = fs::read_dir("/proc") else {
        return Vec::new();
    };
    let title = format!("postgres: {}: ", folder.cluster_name());
    let found = processes.filter_map(|entry| {
        let entry = entry.ok()?;
        let pid = entry.file_name().to_str()?.parse().ok()?;
        if entry.metadata().ok()?.uid() != folder.user.uid {
            return None;
        }
        let command_line = fs::read(entry.path().join("cmdline")).ok()?;
        // The working folder is readable only with the right to trace; the command line always is.
        let works_here = || fs::read_link(entry.path().join("cwd")).is_ok_and(|cwd| cwd == data);
        recognize(&command_line, data, &title, works_here).map(|postmaster| Orphan { pid, postmaster })
    });
    found.collect()
}

/// Whether a command line is a PostgreSQL process of this cluster, and if so whether it is the server itself.
fn recognize(command_line: &[u8], data: &Path, title: &str, works_here: impl FnOnce() -> bool) -> Option<bool> {
    let mut arguments = command_line.split(|byte| *byte == 0);
    let program = arguments.next()?;
    if program.starts_with(b"postgres: ") {
        return (program.starts_with(title.as_bytes()) || works_here()).then_some(false);
    }
    let name = program.rsplit(|byte| *byte == b'/').next()?;
    if name != b"postgres" && name != b"postmaster" {
        return None;
    }
    let named = arguments.any(|argument| argument == data.as_os_str().as_bytes());
    (named || works_here()).then_some(true)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn knows_its_own_processes_and_no_others() {
        let data = Path::new("/d/postgres/data");
        let look = |line: &str, here: bool| recognize(line.as_bytes(), data, "postgres: slipway-1: ", || here);
        assert_eq!(
            look("/usr/lib/postgresql/15/bin/postgres\0-D\0/d/postgres/data\0", false),
            Some(true)
        );
        assert_eq!(look("/opt/postmaster\0-c\0x=y\0", true), Some(true));
        assert_eq!(look("postgres: old: checkpointer \0", true), Some(false));
        assert_eq!(look("postgres: slipway-1: checkpointer \0", false), Some(false));
        assert_eq!(look("postgres: other: checkpointer \0", false), None);
        assert_eq!(look("/usr/bin/postgres\0-D\0/d/postgres/data2\0", false), None);
        assert_eq!(look("vim\0/d/postgres/data\0", true), None);
        assert_eq!(look("sleep\0infinity\0", true), None);
        assert_eq!(look("", true), None);
    }
}
