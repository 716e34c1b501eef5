//! A test's folder and its turn.

use std::fs::{self, Permissions};
use std::os::unix::fs::{PermissionsExt, chown};
use std::os::unix::process::CommandExt;
use std::path::{Path, PathBuf};
use std::process::Command;
use std::sync::atomic::{AtomicU32, Ordering};
use std::time::{Duration, Instant};

use tokio::sync::{Semaphore, SemaphorePermit};

use crate::binary;

/// So many cases at a time: each of them runs several processes.
static TURNS: Semaphore = Semaphore::const_new(2);

const NOBODY: u32 = 65_534;

/// Who runs the program.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Person {
    /// Whoever runs the tests.
    Myself,
    /// An ordinary user, also where root runs the tests.
    OrdinaryUser,
}

/// A folder for everything that a test starts, and the right to be busy. All of it ends with the case.
#[derive(Debug)]
pub struct Case {
    folder: PathBuf,
    _turn: SemaphorePermit<'static>,
}

impl Case {
    /// Waits for a turn and makes a folder.
    ///
    /// # Panics
    /// When there is no room for temporary files.
    pub async fn begin() -> Self {
        static NUMBER: AtomicU32 = AtomicU32::new(0);
        slipway_provider_http::install_crypto_provider();
        let turn = TURNS.acquire().await.expect("never closed");
        // Of one length, so that no name is the beginning of another.
        let number = NUMBER.fetch_add(1, Ordering::Relaxed);
        let name = format!("slipway-e2e-{}-{number:04}", std::process::id());
        let folder = std::env::temp_dir().join(name);
        fs::create_dir(&folder).expect("the temporary folder is writable");
        // The database's own user has to pass.
        fs::set_permissions(&folder, Permissions::from_mode(0o755)).expect("it is ours");
        Self { folder, _turn: turn }
    }

    /// Where everything of this case is.
    pub fn folder(&self) -> &Path {
        &self.folder
    }

    /// A path in the folder; nothing is made.
    pub fn path(&self, name: &str) -> PathBuf {
        self.folder.join(name)
    }

    /// A new folder that this person owns.
    ///
    /// # Panics
    /// When it cannot be made.
    pub fn folder_of(&self, name: &str, person: Person) -> PathBuf {
        let path = self.path(name);
        fs::create_dir_all(&path).expect("the case's folder is writable");
        if person == Person::OrdinaryUser && is_root() {
            chown(&path, Some(NOBODY), Some(NOBODY)).expect("root may give files away");
        }
        path
    }

    /// The program with these arguments, without what the environment could tell it.
    pub fn command(&self, arguments: &[&str]) -> Command {
        self.command_as(Person::Myself, arguments)
    }

    /// As [`Case::command`], run by this person.
    ///
    /// # Panics
    /// When the program cannot be put where that person may run it.
    pub fn command_as(&self, person: Person, arguments: &[&str]) -> Command {
        let mut program = binary::slipway().to_owned();
        let becomes_other = person == Person::OrdinaryUser && is_root();
        if becomes_other {
            // The build folder may be closed to other users.
            let copy = self.path("slipway");
            if !copy.exists() {
                fs::copy(&program, &copy).expect("the program can be copied");
            }
            program = copy;
        }
        let mut command = Command::new(program);
        command.args(arguments).current_dir(&self.folder);
        for (name, _) in std::env::vars_os() {
            if name.to_string_lossy().starts_with("SLIPWAY_") {
                command.env_remove(name);
            }
        }
        if becomes_other {
            command.uid(NOBODY).gid(NOBODY).env("HOME", &self.folder);
        }
        command
    }

    /// Every living process that names this folder or works in it: the programs of this case and their databases.
    pub fn processes(&self) -> Vec<(i32, String)> {
        processes_in(&self.folder)
    }

    /// Kills everything of this case, as a power cut would, and waits until it is gone.
    pub fn kill_everything(&self) {
        let deadline = Instant::now() + Duration::from_secs(30);
        loop {
            let left = self.processes();
            if left.is_empty() {
                return;
            }
            for (pid, _) in &left {
                // SAFETY: `kill` touches no memory; the process works in a folder that only this case uses.
                unsafe { libc::kill(*pid, libc::SIGKILL) };
            }
            if Instant::now() > deadline {
                // Not a panic: this also runs while one is under way. The folder's removal then tells.
                return;
            }
            std::thread::sleep(Duration::from_millis(5));
        }
    }
}

impl Drop for Case {
    fn drop(&mut self) {
        self.kill_everything();
        if std::env::var_os("SLIPWAY_TEST_KEEP").is_none() {
            drop(fs::remove_dir_all(&self.folder));
        }
    }
}

fn is_root() -> bool {
    // SAFETY: it only reads who we are.
    unsafe { libc::geteuid() == 0 }
}

fn processes_in(folder: &Path) -> Vec<(i32, String)> {
    let name = folder.as_os_str().as_encoded_bytes();
    let entries = fs::read_dir("/proc").expect("/proc is there").flatten();
    let found = entries.filter_map(|entry| {
        let pid = entry.file_name().to_str()?.parse().ok()?;
        let line = fs::read(entry.path().join("cmdline")).unwrap_or_default();
        let named = line.windows(name.len()).any(|part| part == name);
        let works = fs::read_link(entry.path().join("cwd")).is_ok_and(|cwd| cwd.starts_with(folder));
        let is_ours = (named || works) && is_alive(pid) && u32::try_from(pid) != Ok(std::process::id());
        is_ours.then(|| (pid, String::from_utf8_lossy(&line).replace('\0', " ")))
    });
    found.collect()
}

/// Whether a process exists and is not just waiting to be reaped.
fn is_alive(pid: i32) -> bool {
    fs::read_to_string(format!("/proc/{pid}/stat")).is_ok_and(|stat| {
        let state = stat.rsplit(')').next().unwrap_or_default();
        !state.trim_start().starts_with(['Z', 'X'])
    })
}
