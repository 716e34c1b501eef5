//! `slipway serve` as it is shipped.

use std::path::{Path, PathBuf};
use std::process::Stdio;
use std::sync::OnceLock;
use std::time::{Duration, Instant};

use serde_json::Value;
use tokio::io::{AsyncBufReadExt, BufReader};
use tokio::process::{Child, Command};

use super::{Publisher, temporary_file};
use crate::Result;
use crate::writer::Writer;

/// The token that the gateway takes here.
const TOKEN: &str = "a-token-of-the-benchmarks";

/// The line of a request's head that carries it.
pub(crate) fn with_token() -> String {
    format!("authorization: Bearer {TOKEN}")
}

/// What an operator would write into the configuration for this load.
#[derive(Debug, Clone)]
pub(crate) struct Settings {
    /// A line of `[database]`: a URL, or a folder for the built-in one.
    pub(crate) database: String,
    /// How much memory answers may take.
    pub(crate) answer_cache_mib: u32,
}

impl Settings {
    /// Over this database, keeping no answers.
    pub(crate) fn of(database_url: &str) -> Self {
        Self {
            database: format!("url = '{database_url}'"),
            answer_cache_mib: 0,
        }
    }

    /// Over the built-in database in this folder.
    pub(crate) fn with_folder(folder: &Path) -> Self {
        Self {
            database: format!("data_dir = '{}'", folder.display()),
            answer_cache_mib: 64,
        }
    }

    /// The same, keeping answers.
    pub(crate) fn keeping_answers(mut self) -> Self {
        self.answer_cache_mib = 64;
        self
    }
}

/// A running gateway.
#[derive(Debug)]
pub(crate) struct Gateway {
    child: Child,
    pub(crate) address: String,
    pub(crate) pid: u32,
    /// When its process was started.
    pub(crate) started_at: Instant,
    config: PathBuf,
}

impl Gateway {
    /// Starts it, without sync.
    pub(crate) async fn start(settings: &Settings) -> Result<Self> {
        let program = program()?;
        let config = temporary_file(&format!("{}.toml", slipway_core::id::new_id(now())));
        let Settings {
            database,
            answer_cache_mib,
        } = settings;
        let text = format!(
            "[server]\nlisten = '127.0.0.1:0'\nrequests_per_minute = 0\nstreams_per_token = 100000\n\
             answer_cache_mib = {answer_cache_mib}\n\
             [database]\n{database}\n\
             [auth]\nread_token = '{TOKEN}'\n\
             [log]\nformat = 'json'\nfilter = 'info'\n"
        );
        std::fs::write(&config, text)?;
        let started_at = Instant::now();
        let mut command = Command::new(program);
        command.args(["serve", "--no-sync", "--config"]).arg(&config);
        let mut child = command.kill_on_drop(true).stderr(Stdio::piped()).spawn()?;
        let lines = BufReader::new(child.stderr.take().ok_or("no standard error")?).lines();
        let pid = child.id().ok_or("the gateway has ended")?;
        let address = super::fixed::wait_for(lines, |line| {
            let line: Value = serde_json::from_str(line).ok()?;
            (line["message"] == "the gateway serves").then(|| line["address"].as_str().map(str::to_owned))?
        })
        .await?;
        Ok(Self {
            child,
            address,
            pid,
            started_at,
            config,
        })
    }

    /// Ends it as an operator would, and waits for that.
    pub(crate) async fn stop(mut self) -> Result<()> {
        let pid = i32::try_from(self.pid).ok().and_then(rustix::process::Pid::from_raw);
        if let Some(pid) = pid {
            rustix::process::kill_process(pid, rustix::process::Signal::TERM)?;
        }
        tokio::time::timeout(Duration::from_secs(60), self.child.wait()).await??;
        Ok(())
    }
}

impl Drop for Gateway {
    fn drop(&mut self) {
        // A file that stays behind in the temporary folder harms nobody.
        let _ = std::fs::remove_file(&self.config);
    }
}

fn now() -> time::OffsetDateTime {
    slipway_core::clock::Clock::now(&slipway_core::clock::SystemClock)
}

/// The program that is measured.
static PROGRAM: OnceLock<PathBuf> = OnceLock::new();

fn program() -> Result<&'static Path> {
    Ok(PROGRAM.get().ok_or("no gateway was built")?)
}

/// Makes sure that there is a gateway: this one, or one that is built like this program.
pub(crate) async fn prepare(given: Option<PathBuf>) -> Result<()> {
    let program = match given {
        Some(given) => given,
        None => build().await?,
    };
    // Only the first is kept, and there is only one.
    let _ = PROGRAM.set(program);
    Ok(())
}

async fn build() -> Result<PathBuf> {
    // The one that runs us, with its choice of a compiler.
    let cargo = std::env::var_os("CARGO").unwrap_or_else(|| "cargo".into());
    let mut command = Command::new(cargo);
    command.args(["build", "--quiet", "-p", "slipway", "--bin", "slipway"]);
    command.current_dir(env!("CARGO_MANIFEST_DIR"));
    if !cfg!(debug_assertions) {
        command.arg("--release");
    }
    let folder = std::env::current_exe()?
        .parent()
        .map(Path::to_path_buf)
        .unwrap_or_default();
    if let Some(target) = folder.parent() {
        command.arg("--target-dir").arg(target);
    }
    if !command.status().await?.success() {
        return Err("the gateway cannot be built".into());
    }
    let program = folder.join("slipway");
    match program.exists() {
        true => Ok(program),
        false => Err("run the benchmarks with `cargo run --release -p slipway-bench`".into()),
    }
}

/// How large the program is.
pub(crate) fn program_bytes() -> Result<u64> {
    Ok(std::fs::metadata(program()?)?.len())
}

/// A gateway whose events another process commits.
#[derive(Debug)]
pub(crate) struct Committed<'a> {
    pub(crate) gateway: &'a Gateway,
    pub(crate) writer: &'a mut Writer,
    /// Whose deployments change.
    pub(crate) application: String,
}

impl Publisher for Committed<'_> {
    fn name(&self) -> &'static str {
        "slipway"
    }

    fn address(&self) -> String {
        self.gateway.address.clone()
    }

    fn path(&self) -> String {
        "/api/v1/events/stream".to_owned()
    }

    fn publish(&mut self, events: usize) -> Result<()> {
        self.writer.write(&self.application, events, 1, Duration::ZERO)
    }

    fn published_at(&mut self) -> Result<i64> {
        let commits = self.writer.done()?;
        Ok(commits.last().ok_or("nothing was committed")?.at_us)
    }

    fn pid(&self) -> u32 {
        self.gateway.pid
    }
}
