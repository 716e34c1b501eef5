//! `cargo xtask test`: the README's second command.

use std::io::{BufRead, BufReader, Write};
use std::process::{Command, Stdio};

use crate::clients;
use crate::node;
use crate::prepare;
use crate::run::{Context, Failure, Result, cargo, put_first, root, say, show};
use crate::web;

pub(crate) fn run(all_clients: bool, arguments: &[String]) -> Result<()> {
    say(
        "runs every test, and brings what is missing for it: a PostgreSQL, curl, jq, openssl, promtool, nginx, Caddy, PgBouncer and systemd-analyze, Node and Python with locked packages, Chromium",
    );
    let server = prepare::postgres()?;
    let tools = prepare::tools()?;
    let mut command = cargo(&[
        "test",
        "--workspace",
        "--no-fail-fast",
        "--features",
        "slipway-tests/tools",
    ]);
    command.args(arguments);
    if let Some(postgres) = &server {
        command.env("TEST_DATABASE_URL", postgres.url());
    }
    let node = node::find()?;
    if let Some(node) = &node {
        node.install_packages(&root().join("tests/clients/scalingo-js"))?;
        node.put_first(&mut command)?;
    }
    put_first(&mut command, tools)?;
    let mut count = run_and_count(&mut command)?;
    // Who asks for some tests by name does not mean these.
    if arguments.is_empty() || all_clients {
        count.add(&clients::run(node.as_ref(), all_clients)?);
    }
    if arguments.is_empty() {
        count.add(&web::run(node.as_ref())?);
    }
    close(&count)
}

/// Only the dashboard.
pub(crate) fn run_web() -> Result<()> {
    close(&web::run(node::find()?.as_ref())?)
}

/// Only the generated clients.
pub(crate) fn run_clients(all: bool) -> Result<()> {
    close(&clients::run(node::find()?.as_ref(), all)?)
}

/// The chaos test in its full size; optimized, because the followers take gigabytes.
pub(crate) fn run_chaos(seed: u64) -> Result<()> {
    let mut command = cargo(&["test", "--release", "-p", "slipway-tests", "--test", "it", "chaos"]);
    command.args(["--", "--nocapture"]);
    command
        .env("SLIPWAY_CHAOS", "full")
        .env("SLIPWAY_CHAOS_SEED", seed.to_string());
    close(&run_and_count(&mut command)?)
}

/// The image and the compose file.
pub(crate) fn run_deploy() -> Result<()> {
    say("builds the image (some minutes) and runs deploy/compose.yaml; needs a Docker engine and docker compose");
    let arguments = [
        "test",
        "-p",
        "slipway-tests",
        "--features",
        "deploy",
        "--test",
        "deploy",
    ];
    close(&run_and_count(&mut cargo(&arguments))?)
}

/// The closing line.
fn close(count: &Count) -> Result<()> {
    let line = format!("{} passed, {} failed\n", count.passed, count.failed);
    std::io::stdout()
        .write_all(line.as_bytes())
        .context("standard output cannot be written")?;
    match count {
        Count {
            failed: 0,
            success: true,
            ..
        } => Ok(()),
        Count { failed: 0, .. } => Err(Failure("the tests did not run to their end".to_owned())),
        Count { failed, .. } => Err(Failure(format!("{failed} tests failed"))),
    }
}

/// What the tests came to.
pub(crate) struct Count {
    passed: u64,
    failed: u64,
    /// Whether the program that ran them was content itself.
    success: bool,
}

impl Count {
    fn add(&mut self, other: &Self) {
        self.passed += other.passed;
        self.failed += other.failed;
        self.success &= other.success;
    }
}

/// Passes the output on, and adds up what the summary lines say.
pub(crate) fn run_and_count(command: &mut Command) -> Result<Count> {
    let shown = show(command);
    say(&shown);
    let mut child = command
        .stdin(Stdio::null())
        .stdout(Stdio::piped())
        .spawn()
        .context(format!("cannot run `{shown}`"))?;
    let mut count = Count {
        passed: 0,
        failed: 0,
        success: false,
    };
    if let Some(output) = child.stdout.take() {
        let mut terminal = std::io::stdout().lock();
        for line in BufReader::new(output).split(b'\n') {
            let line = line.context("the tests' output cannot be read")?;
            if let Some((passed, failed)) = summary(&String::from_utf8_lossy(&line)) {
                count.passed += passed;
                count.failed += failed;
            }
            drop(terminal.write_all(&line).and_then(|()| terminal.write_all(b"\n")));
        }
    }
    count.success = child.wait().context(format!("`{shown}` is lost"))?.success();
    Ok(count)
}

/// The numbers of `test result: ok. 3 passed; 0 failed; …`.
fn summary(line: &str) -> Option<(u64, u64)> {
    let rest = line.strip_prefix("test result: ")?.split_once(". ")?.1;
    let mut parts = rest.split("; ");
    let mut number = |word: &str| parts.next()?.strip_suffix(word)?.trim().parse().ok();
    Some((number("passed")?, number("failed")?))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn summaries_are_read_and_nothing_else() {
        let line = "test result: FAILED. 12 passed; 3 failed; 0 ignored; 0 measured; 0 filtered out; finished in 1.02s";
        assert_eq!(summary(line), Some((12, 3)));
        for other in [
            "",
            "test result: ok",
            "test result: ok. many passed; 0 failed",
            "running 3 tests",
        ] {
            assert_eq!(summary(other), None, "{other}");
        }
    }
}
