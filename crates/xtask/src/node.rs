//! A Node for the end-to-end tests: the one of this machine, else one that is brought.

use std::path::{Path, PathBuf};
use std::process::Command;

use crate::prepare::{apt_get_install, can_install};
use crate::run::{Context, Result, exists, output, program, put_first, run, say, scratch};

const OLDEST_MAJOR: u32 = 20;

pub(crate) struct Node {
    program: PathBuf,
}

/// None where there is none and none can be brought.
pub(crate) fn find() -> Result<Option<Node>> {
    if !exists("npm") {
        if !can_install() {
            return Ok(None);
        }
        say("Node: not here; installing Debian's");
        apt_get_install(&["nodejs", "npm"])?;
    }
    let program_here = PathBuf::from("node");
    if major(&program_here).is_some_and(|major| major >= OLDEST_MAJOR) {
        return Ok(Some(Node { program: program_here }));
    }
    let folder = std::path::absolute(scratch("node")?).context("the target folder has no path")?;
    let own = folder.join("node_modules/node/bin/node");
    if major(&own).is_none() {
        say("Node: too old; bringing one of its own from npm");
        let prefix = folder.to_string_lossy().into_owned();
        run(&mut program(
            "npm",
            &["install", "--prefix", &prefix, "--no-audit", "--no-fund", "node@22"],
        ))?;
    }
    Ok(Some(Node { program: own }))
}

impl Node {
    /// Makes it the `node` of a program and of all that it starts.
    pub(crate) fn put_first(&self, command: &mut Command) -> Result<()> {
        let Some(folder) = self.program.parent().filter(|folder| folder.is_absolute()) else {
            return Ok(());
        };
        put_first(command, [folder.to_owned()])
    }

    /// The locked packages of a folder, if they are not there already.
    pub(crate) fn install_packages(&self, folder: &Path) -> Result<()> {
        let installed = modified(&folder.join("node_modules/.package-lock.json"));
        if installed.is_some() && installed >= modified(&folder.join("package-lock.json")) {
            return Ok(());
        }
        let arguments = ["ci", "--ignore-scripts", "--no-audit", "--no-fund"];
        run(program("npm", &arguments).current_dir(folder))
    }
}

fn major(node: &Path) -> Option<u32> {
    let version = output(Command::new(node).arg("--version")).ok()?;
    version.trim().strip_prefix('v')?.split('.').next()?.parse().ok()
}

fn modified(path: &Path) -> Option<std::time::SystemTime> {
    path.metadata().and_then(|metadata| metadata.modified()).ok()
}
