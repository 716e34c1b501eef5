//! Starts the program, reads its first line, asks it over HTTP, and leaves nothing behind.
#![expect(clippy::unwrap_used, reason = "a test stops at what it did not expect")]

use std::io::{BufRead, BufReader, Read, Write};
use std::net::TcpStream;
use std::path::{Path, PathBuf};
use std::process::{Child, ChildStdout, Command, Output, Stdio};
use std::sync::atomic::{AtomicU32, Ordering};
use std::sync::mpsc;
use std::time::{Duration, Instant};

use serde_json::Value;

/// Generous: the machine may be building something else.
pub(crate) const PATIENCE: Duration = Duration::from_secs(60);

/// A folder that goes away.
pub(crate) struct Folder(pub(crate) PathBuf);

impl Folder {
    pub(crate) fn new() -> Self {
        static NUMBER: AtomicU32 = AtomicU32::new(0);
        let number = NUMBER.fetch_add(1, Ordering::Relaxed);
        let path = std::env::temp_dir().join(format!("slipway-it-{}-{number}", std::process::id()));
        // Not made: the program must do that.
        Self(path)
    }

    pub(crate) fn text(&self) -> &str {
        self.0.to_str().unwrap()
    }
}

impl Drop for Folder {
    fn drop(&mut self) {
        drop(std::fs::remove_dir_all(&self.0));
    }
}

pub(crate) fn command(arguments: &[&str]) -> Command {
    let mut command = Command::new(env!("CARGO_BIN_EXE_slipway"));
    command.args(arguments).env_remove("SLIPWAY_CONFIG");
    command
}

/// Runs to the end.
pub(crate) fn run(command: &mut Command) -> Output {
    let output = command.stdin(Stdio::null()).output().unwrap();
    assert!(output.stdout.len() < 10_000_000);
    output
}

/// The sentence of a command that fails.
pub(crate) fn failure(command: &mut Command) -> String {
    let output = run(command);
    let text = String::from_utf8(output.stderr).unwrap();
    assert_eq!(output.status.code(), Some(1), "{text}");
    assert!(output.stdout.is_empty());
    text
}

/// A running program.
pub(crate) struct Program {
    child: Child,
    output: Option<BufReader<ChildStdout>>,
}

impl Program {
    pub(crate) fn start(command: &mut Command) -> Self {
        let mut child = command.stdin(Stdio::null()).stdout(Stdio::piped()).spawn().unwrap();
        let output = child.stdout.take().map(BufReader::new);
        Self { child, output }
    }

    /// The first line of standard output, read as JSON.
    pub(crate) fn ready(&mut self) -> Value {
        let mut output = self.output.take().unwrap();
        let (sender, receiver) = mpsc::channel();
        std::thread::spawn(move || {
            let mut line = String::new();
            drop(output.read_line(&mut line));
            drop(sender.send((line, output)));
        });
        let (line, output) = receiver.recv_timeout(PATIENCE).expect("ready in time");
        self.output = Some(output);
        serde_json::from_str(&line).unwrap_or_else(|error| panic!("{error}: `{line}`"))
    }

    /// What is printed up to the line that begins so; the program ends after that.
    pub(crate) fn text_until(mut self, last_line: &str) -> String {
        let mut output = self.output.take().unwrap();
        let (sender, receiver) = mpsc::channel();
        let last_line = last_line.to_owned();
        std::thread::spawn(move || {
            let mut text = String::new();
            while !text.lines().any(|line| line.starts_with(&last_line)) && output.read_line(&mut text).unwrap_or(0) > 0
            {
            }
            drop(sender.send(text));
        });
        receiver.recv_timeout(PATIENCE).expect("printed in time")
    }

    pub(crate) fn pid(&self) -> u32 {
        self.child.id()
    }

    pub(crate) fn signal(&self, signal: i32) {
        let pid = i32::try_from(self.child.id()).unwrap();
        // SAFETY: plain system call; the child is ours and not yet waited for.
        assert_eq!(unsafe { libc::kill(pid, signal) }, 0);
    }

    /// Waits for the end; answers the exit code, how long it took and what was still printed.
    pub(crate) fn end(mut self) -> (Option<i32>, Duration, String) {
        let since = Instant::now();
        let status = loop {
            if let Some(status) = self.child.try_wait().unwrap() {
                break status;
            }
            assert!(since.elapsed() < PATIENCE, "the program does not end");
            std::thread::sleep(Duration::from_millis(10));
        };
        let took = since.elapsed();
        let mut rest = String::new();
        self.output.take().unwrap().read_to_string(&mut rest).unwrap();
        (status.code(), took, rest)
    }
}

impl Drop for Program {
    fn drop(&mut self) {
        drop(self.child.kill());
        drop(self.child.wait());
    }
}

/// `GET`, the whole answer's status and body.
pub(crate) fn get(base: &str, path: &str, token: &str) -> (u16, String) {
    let address = base.strip_prefix("http://").unwrap();
    let mut stream = TcpStream::connect(address).unwrap();
    stream.set_read_timeout(Some(PATIENCE)).unwrap();
    let request = format!("GET {path} HTTP/1.0\r\nHost: {address}\r\nAuthorization: Bearer {token}\r\n\r\n");
    stream.write_all(request.as_bytes()).unwrap();
    let mut answer = String::new();
    stream.read_to_string(&mut answer).unwrap();
    let (head, body) = answer.split_once("\r\n\r\n").unwrap();
    (head.split(' ').nth(1).unwrap().parse().unwrap(), body.to_owned())
}

pub(crate) fn get_json(base: &str, path: &str, token: &str) -> Value {
    let (status, body) = get(base, path, token);
    assert_eq!(status, 200, "{path}: {body}");
    serde_json::from_str(&body).unwrap()
}

/// Opens the event stream and answers the ids of the first `count` durable events after `after`.
pub(crate) fn event_ids(base: &str, token: &str, after: Option<&str>, count: usize) -> Vec<String> {
    let address = base.strip_prefix("http://").unwrap();
    let mut stream = TcpStream::connect(address).unwrap();
    stream.set_read_timeout(Some(PATIENCE)).unwrap();
    let resume = after.map_or_else(String::new, |id| format!("Last-Event-ID: {id}\r\n"));
    let request = format!(
        "GET /api/v1/events/stream HTTP/1.1\r\nHost: {address}\r\nAuthorization: Bearer {token}\r\n{resume}\r\n"
    );
    stream.write_all(request.as_bytes()).unwrap();
    let (mut ids, mut id, mut has_data) = (Vec::new(), None, false);
    for line in BufReader::new(stream).lines() {
        let line = line.unwrap();
        if let Some(value) = line.strip_prefix("id:") {
            id = Some(value.trim().to_owned());
        } else if line.starts_with("data:") {
            has_data = true;
        } else if line.is_empty() {
            // A block with an id and data is an event; one with an id alone only moves the position.
            ids.extend(id.take().filter(|_| has_data));
            has_data = false;
            if ids.len() >= count {
                break;
            }
        }
    }
    ids
}

/// Whether any process still names this folder.
pub(crate) fn processes_of(folder: &Path) -> Vec<String> {
    let text = folder.to_string_lossy().into_owned();
    let mut found = Vec::new();
    for entry in std::fs::read_dir("/proc").unwrap().flatten() {
        let Ok(command) = std::fs::read(entry.path().join("cmdline")) else {
            continue;
        };
        let command = String::from_utf8_lossy(&command).replace('\0', " ");
        if command.contains(&text) {
            found.push(command);
        }
    }
    found
}

/// Waits for a condition.
pub(crate) fn eventually<T>(what: &str, mut condition: impl FnMut() -> Option<T>) -> T {
    let since = Instant::now();
    loop {
        if let Some(value) = condition() {
            return value;
        }
        assert!(since.elapsed() < PATIENCE, "never: {what}");
        std::thread::sleep(Duration::from_millis(20));
    }
}
