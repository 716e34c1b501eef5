//! Runs other programs, and says so.

use std::fmt;
use std::io::Write;
use std::path::PathBuf;
use std::process::{Command, Stdio};

/// Why a task ends.
#[derive(Debug)]
pub(crate) struct Failure(pub(crate) String);

impl fmt::Display for Failure {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

pub(crate) type Result<T> = std::result::Result<T, Failure>;

/// Turns any error into a failure that says what could not be done.
pub(crate) trait Context<T> {
    fn context(self, what: impl fmt::Display) -> Result<T>;
}

impl<T, E: fmt::Display> Context<T> for std::result::Result<T, E> {
    fn context(self, what: impl fmt::Display) -> Result<T> {
        self.map_err(|error| Failure(format!("{what}: {error}")))
    }
}

/// One line for the person who waits, apart from the output of the programs.
pub(crate) fn say(line: &str) {
    // With standard error closed there is nobody to tell.
    drop(writeln!(std::io::stderr(), "xtask: {line}"));
}

/// The workspace's folder.
pub(crate) fn root() -> PathBuf {
    PathBuf::from(concat!(env!("CARGO_MANIFEST_DIR"), "/../.."))
}

/// Where cargo builds.
pub(crate) fn target() -> PathBuf {
    std::env::var_os("CARGO_TARGET_DIR").map_or_else(|| root().join("target"), PathBuf::from)
}

/// A folder for what tasks leave between runs; git ignores it.
pub(crate) fn scratch(name: &str) -> Result<PathBuf> {
    let folder = target().join("xtask").join(name);
    std::fs::create_dir_all(&folder).context(format!("cannot make {}", folder.display()))?;
    Ok(folder)
}

/// Cargo as it runs this task.
pub(crate) fn cargo(arguments: &[&str]) -> Command {
    let mut command = program(
        &std::env::var("CARGO").unwrap_or_else(|_| "cargo".to_owned()),
        arguments,
    );
    // What cargo tells its children about this package must not make them build their own anew.
    for (name, _) in std::env::vars_os() {
        let text = name.to_string_lossy();
        if text.starts_with("CARGO_PKG_") || text.starts_with("CARGO_MANIFEST_") {
            command.env_remove(&name);
        }
    }
    command
}

/// A program in the workspace's folder.
pub(crate) fn program(name: &str, arguments: &[&str]) -> Command {
    let mut command = Command::new(name);
    command.args(arguments).current_dir(root());
    command
}

/// Has a program, and all that it starts, look for programs in these folders first.
pub(crate) fn put_first(command: &mut Command, folders: impl IntoIterator<Item = PathBuf>) -> Result<()> {
    let own = command
        .get_envs()
        .find(|(name, _)| *name == "PATH")
        .and_then(|(_, value)| value);
    let path = own
        .map(ToOwned::to_owned)
        .or_else(|| std::env::var_os("PATH"))
        .unwrap_or_default();
    let folders = folders.into_iter().chain(std::env::split_paths(&path));
    command.env(
        "PATH",
        std::env::join_paths(folders).context("PATH cannot be extended")?,
    );
    Ok(())
}

/// Whether there is such a program.
pub(crate) fn exists(name: &str) -> bool {
    let mut command = Command::new(name);
    command
        .arg("--version")
        .stdin(Stdio::null())
        .stdout(Stdio::null())
        .stderr(Stdio::null());
    command.status().is_ok()
}

/// Runs to the end; anything but success is a failure.
pub(crate) fn run(command: &mut Command) -> Result<()> {
    let shown = show(command);
    say(&shown);
    let status = command
        .stdin(Stdio::null())
        .status()
        .context(format!("cannot run `{shown}`"))?;
    if status.success() {
        Ok(())
    } else {
        Err(Failure(format!("`{shown}` failed ({status})")))
    }
}

/// Runs to the end and takes what it prints.
pub(crate) fn output(command: &mut Command) -> Result<String> {
    let shown = show(command);
    let output = command
        .stdin(Stdio::null())
        .stderr(Stdio::inherit())
        .output()
        .context(format!("cannot run `{shown}`"))?;
    if !output.status.success() {
        return Err(Failure(format!("`{shown}` failed ({})", output.status)));
    }
    String::from_utf8(output.stdout).context(format!("`{shown}` printed no text"))
}

pub(crate) fn show(command: &Command) -> String {
    let program = command.get_program().to_string_lossy();
    let name = program.rsplit('/').next().unwrap_or_default().to_owned();
    let words = command
        .get_args()
        .map(|argument| argument.to_string_lossy().into_owned());
    std::iter::once(name).chain(words).collect::<Vec<_>>().join(" ")
}
