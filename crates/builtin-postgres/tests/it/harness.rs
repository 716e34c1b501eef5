//! People, places and processes for the cases.

use std::fs::{self, Permissions};
use std::io::{BufRead, BufReader, Read};
use std::os::unix::fs::{MetadataExt, PermissionsExt, chown};
use std::os::unix::process::CommandExt;
use std::path::{Path, PathBuf};
use std::process::{Child, ChildStderr, ChildStdin, Command, ExitStatus, Stdio};
use std::sync::atomic::{AtomicU32, Ordering};
use std::sync::mpsc::{self, Receiver};
use std::time::{Duration, Instant};

use sqlx::{ConnectOptions, PgConnection};

/// Far more than anything here takes on a busy machine.
pub(crate) const BOUND: Duration = Duration::from_secs(60);

/// Who runs the gateway in a case.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Person {
    /// Whoever runs the tests.
    Myself,
    /// An ordinary user, which only root can become.
    Nobody,
}

const NOBODY: u32 = 65_534;

pub(crate) fn i_am_root() -> bool {
    rustix::process::geteuid().is_root()
}

/// Whoever the cases can be run as here.
pub(crate) fn people() -> &'static [Person] {
    if i_am_root() {
        &[Person::Myself, Person::Nobody]
    } else {
        &[Person::Myself]
    }
}

/// A new folder that its person owns and everybody may enter. It goes away with everything that still runs in it.
pub(crate) struct Place {
    pub(crate) root: PathBuf,
    pub(crate) person: Person,
}

impl Place {
    pub(crate) fn of(person: Person) -> Self {
        static COUNT: AtomicU32 = AtomicU32::new(0);
        // Of one length, so that no name is the beginning of another.
        let name = format!(
            "slipway-it-{}-{:04}",
            std::process::id(),
            COUNT.fetch_add(1, Ordering::Relaxed)
        );
        let root = std::env::temp_dir().join(name);
        fs::create_dir(&root).expect("the temporary folder is writable");
        let place = Self { root, person };
        place.mode(&place.root, 0o755);
        place.give(&place.root);
        place
    }

    /// The data folder, not made yet.
    pub(crate) fn data_dir(&self) -> PathBuf {
        self.root.join("data")
    }

    pub(crate) fn give(&self, path: &Path) {
        if self.person == Person::Nobody {
            chown(path, Some(NOBODY), Some(NOBODY)).expect("root may give files away");
        }
    }

    /// Gives a file that the test wrote to whoever owns the rest.
    pub(crate) fn give_to_owner_of(&self, path: &Path, model: &Path) {
        let owner = fs::metadata(model).expect("it exists");
        chown(path, Some(owner.uid()), Some(owner.gid())).expect("our own, or we are root");
    }

    pub(crate) fn mode(&self, path: &Path, mode: u32) {
        fs::set_permissions(path, Permissions::from_mode(mode)).expect("permissions can be set");
    }

    pub(crate) fn start(&self) -> Holder {
        self.start_in(&self.data_dir())
    }

    pub(crate) fn start_in(&self, folder: &Path) -> Holder {
        self.try_start(folder).expect("the database starts")
    }

    /// The sentence with which a start fails.
    pub(crate) fn refusal(&self, folder: &Path) -> String {
        match self.try_start(folder) {
            Ok(_) => panic!("the database started, but should not"),
            Err(sentence) => sentence,
        }
    }

    pub(crate) fn try_start(&self, folder: &Path) -> Result<Holder, String> {
        self.launch(folder).wait_until_ready()
    }

    /// A holder that may still be starting.
    pub(crate) fn launch(&self, folder: &Path) -> Launched {
        let program = PathBuf::from(env!("CARGO_BIN_EXE_builtin-postgres-holder"));
        let mut child = match self.spawn(&program, folder) {
            // The build folder may be closed to other users.
            Err(error) if error.kind() == std::io::ErrorKind::PermissionDenied => {
                let copy = self.root.join("holder");
                if !copy.exists() {
                    fs::copy(&program, &copy).expect("the holder can be copied");
                    self.mode(&copy, 0o755);
                }
                self.spawn(&copy, folder).expect("the copied holder runs")
            }
            result => result.expect("the holder runs"),
        };
        let stdin = child.stdin.take().expect("piped");
        let stderr = child.stderr.take().expect("piped");
        let stdout = child.stdout.take().expect("piped");
        let (tx, lines) = mpsc::channel();
        std::thread::spawn(move || {
            for line in BufReader::new(stdout).lines().map_while(Result::ok) {
                if tx.send(line).is_err() {
                    break;
                }
            }
        });
        Launched {
            child,
            stdin: Some(stdin),
            stderr,
            lines,
            folder: folder.to_owned(),
        }
    }

    fn spawn(&self, program: &Path, folder: &Path) -> std::io::Result<Child> {
        let mut command = Command::new(program);
        // A process group of its own, as in a terminal.
        command
            .arg(folder)
            .current_dir("/")
            .process_group(0)
            .env("HOME", &self.root);
        command
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .stderr(Stdio::piped());
        if self.person == Person::Nobody {
            command.uid(NOBODY).gid(NOBODY);
        }
        command.spawn()
    }
}

impl Drop for Place {
    fn drop(&mut self) {
        for pid in processes_in(&self.root) {
            kill(pid, libc::SIGKILL);
        }
        wait_until("nothing runs in the case's folder", || {
            processes_in(&self.root).is_empty()
        });
        drop(fs::remove_dir_all(&self.root));
    }
}

/// A holder that was started and said nothing yet.
pub(crate) struct Launched {
    pub(crate) child: Child,
    stdin: Option<ChildStdin>,
    stderr: ChildStderr,
    lines: Receiver<String>,
    folder: PathBuf,
}

impl Launched {
    pub(crate) fn wait_until_ready(mut self) -> Result<Holder, String> {
        match self.lines.recv_timeout(BOUND) {
            Ok(line) => {
                let (pid, url) = line.split_once(' ').expect("a process id and a URL");
                let postgres = pid.parse().expect("a process id");
                Ok(Holder {
                    postgres,
                    url: url.to_owned(),
                    launched: self,
                })
            }
            Err(mpsc::RecvTimeoutError::Timeout) => panic!("the holder neither started nor failed"),
            Err(mpsc::RecvTimeoutError::Disconnected) => {
                let mut sentence = String::new();
                self.stderr
                    .read_to_string(&mut sentence)
                    .expect("standard error is text");
                assert!(!self.child.wait().expect("it is our child").success());
                Err(sentence.trim().to_owned())
            }
        }
    }
}

/// A process that holds a database, like a gateway.
pub(crate) struct Holder {
    launched: Launched,
    pub(crate) postgres: u32,
    pub(crate) url: String,
}

impl Holder {
    pub(crate) fn pid(&self) -> u32 {
        self.launched.child.id()
    }

    pub(crate) fn signal(&self, signal: i32) {
        kill(self.pid(), signal);
    }

    /// Ctrl-C: the terminal signals the whole group.
    pub(crate) fn interrupt_group(&self) {
        let group = i32::try_from(self.pid()).expect("a process id");
        // SAFETY: `kill` touches no memory.
        assert_eq!(unsafe { libc::kill(-group, libc::SIGINT) }, 0);
    }

    /// Waits for the end after a request to stop; true if it stopped the database itself.
    pub(crate) fn ended(mut self) -> bool {
        let status = self.launched.wait();
        let stopped = self
            .launched
            .lines
            .recv_timeout(BOUND)
            .is_ok_and(|line| line == "stopped");
        status.success() && stopped && !processes_in(&self.launched.folder).contains(&self.postgres)
    }

    pub(crate) fn stop(self) {
        self.signal(libc::SIGTERM);
        assert!(self.ended(), "a clean stop");
    }

    /// Kills the gateway alone and returns when the kernel has taken it away.
    pub(crate) fn kill_9(mut self) {
        self.signal(libc::SIGKILL);
        self.launched.wait();
    }

    pub(crate) async fn connect(&self) -> PgConnection {
        let options: sqlx::postgres::PgConnectOptions = self.url.parse().expect("the URL is one that sqlx reads");
        options.connect().await.expect("the database takes a connection")
    }

    pub(crate) async fn text(&self, sql: &'static str) -> String {
        sqlx::query_scalar(sql)
            .fetch_one(&mut self.connect().await)
            .await
            .expect("the query works")
    }

    pub(crate) async fn run(&self, sql: &'static str) {
        sqlx::raw_sql(sql)
            .execute(&mut self.connect().await)
            .await
            .expect("the statement works");
    }

    pub(crate) fn socket_dir(&self) -> PathBuf {
        let (_, rest) = self.url.split_once("host=").expect("the URL names the socket folder");
        PathBuf::from(rest.split('&').next().expect("split gives one"))
    }
}

impl Launched {
    fn wait(&mut self) -> ExitStatus {
        let begin = Instant::now();
        loop {
            if let Some(status) = self.child.try_wait().expect("it is our child") {
                return status;
            }
            assert!(begin.elapsed() < BOUND, "the holder ends");
            std::thread::sleep(Duration::from_millis(2));
        }
    }
}

impl Drop for Launched {
    fn drop(&mut self) {
        drop(self.stdin.take());
        drop(self.child.kill());
        drop(self.child.wait());
    }
}

pub(crate) fn kill(pid: u32, signal: i32) {
    let pid = i32::try_from(pid).expect("a process id");
    // SAFETY: `kill` touches no memory.
    unsafe { libc::kill(pid, signal) };
}

/// Every living process that names this folder in its command line or works in it.
pub(crate) fn processes_in(folder: &Path) -> Vec<u32> {
    let name = folder.to_str().expect("a folder of these tests");
    let entries = fs::read_dir("/proc").expect("/proc is there").flatten();
    let pids = entries.filter_map(|entry| {
        let pid = entry.file_name().to_str()?.parse().ok()?;
        let named = fs::read(entry.path().join("cmdline")).is_ok_and(|line| contains(&line, name.as_bytes()));
        let works = fs::read_link(entry.path().join("cwd")).is_ok_and(|cwd| cwd.starts_with(folder));
        (pid != std::process::id() && is_alive(pid) && (named || works)).then_some(pid)
    });
    pids.collect()
}

fn contains(text: &[u8], part: &[u8]) -> bool {
    text.windows(part.len()).any(|window| window == part)
}

/// Whether a process exists and is not just waiting to be reaped.
pub(crate) fn is_alive(pid: u32) -> bool {
    fs::read_to_string(format!("/proc/{pid}/stat")).is_ok_and(|stat| {
        stat.rsplit(')')
            .next()
            .is_some_and(|rest| !rest.trim_start().starts_with(['Z', 'X']))
    })
}

pub(crate) fn wait_until(what: &str, mut condition: impl FnMut() -> bool) {
    let begin = Instant::now();
    while !condition() {
        assert!(begin.elapsed() < BOUND, "in vain waited until {what}");
        std::thread::sleep(Duration::from_millis(10));
    }
}
