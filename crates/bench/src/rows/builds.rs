//! Row 15: the compiler and the tests, by the clock.

use std::path::Path;
use std::time::Instant;

use tokio::process::Command;

use crate::Result;
use crate::contender::temporary_file;
use crate::report::{Goal, Outcome, Unit};

/// `cargo build --release` with an empty target folder. What it needs is fetched before.
pub(super) async fn release() -> Result<Outcome> {
    let folder = temporary_file("target");
    run(&["fetch", "--locked"], None).await?;
    let built = run(&["build", "--locked", "--release"], Some(&folder)).await;
    // Gigabytes, also where it did not go well.
    std::fs::remove_dir_all(&folder)?;
    let mut row = Outcome::new("15", "cargo build --release, nothing built before");
    row.record("by the clock", Unit::Seconds, built?);
    row.require("by the clock", Goal::AtMost(360.0));
    Ok(row)
}

/// `cargo xtask test`, with what was built for it before.
pub(super) async fn tests() -> Result<Outcome> {
    let mut row = Outcome::new("15", "cargo xtask test");
    row.record("by the clock", Unit::Seconds, run(&["xtask", "test"], None).await?);
    row.require("by the clock", Goal::AtMost(2_100.0));
    Ok(row)
}

/// How many seconds cargo takes.
async fn run(arguments: &[&str], target: Option<&Path>) -> Result<f64> {
    // As somebody would who has just cloned it.
    let mut command = Command::new("cargo");
    command
        .args(arguments)
        .current_dir(env!("CARGO_MANIFEST_DIR").trim_end_matches("crates/bench"));
    if let Some(target) = target {
        command.arg("--target-dir").arg(target);
    }
    let began = Instant::now();
    let output = command.output().await?;
    if !output.status.success() {
        let said = String::from_utf8_lossy(&output.stderr);
        let last: Vec<&str> = said.lines().rev().take(5).collect();
        return Err(format!("cargo {} failed: {}", arguments.join(" "), last.join(" | ")).into());
    }
    Ok(began.elapsed().as_secs_f64())
}
