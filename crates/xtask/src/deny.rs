//! `cargo xtask deny`: licences and sources of all dependencies.

use std::path::PathBuf;

use crate::run::{self, Result, cargo, program, say, scratch};

const VERSION: &str = "0.20.2";

pub(crate) fn run() -> Result<()> {
    let deny = find()?;
    // Not the advisories: their database is a git repository that a build machine may not reach.
    run::run(&mut program(
        &deny.to_string_lossy(),
        &["--all-features", "--locked", "check", "licenses", "sources", "bans"],
    ))
}

/// The one that is installed, else one of our own below the target folder.
fn find() -> Result<PathBuf> {
    let name = PathBuf::from("cargo-deny");
    if run::exists("cargo-deny") {
        return Ok(name);
    }
    let folder = scratch("cargo-deny")?;
    let own = folder.join("bin").join(&name);
    if !own.exists() {
        say("cargo-deny: not here; building it once, without optimization and without the advisories' git client");
        let root = folder.to_string_lossy().into_owned();
        let mut install = cargo(&["install", "cargo-deny", "--locked", "--no-default-features", "--debug"]);
        run::run(install.args([
            "--version",
            VERSION,
            "--root",
            &root,
            "--target-dir",
            &format!("{root}/build"),
        ]))?;
        drop(std::fs::remove_dir_all(folder.join("build")));
    }
    Ok(own)
}
