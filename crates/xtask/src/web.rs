//! The dashboard in a real browser.

use std::path::{Path, PathBuf};

use crate::node::Node;
use crate::prepare::{apt_get_install, can_install};
use crate::run::{self, Failure, Result, cargo, program, root, say, scratch, target};
use crate::test::{Count, run_and_count};

/// Where the pictures of the pages go, beside the target folder of the build.
const FOLDER: &str = "web";

/// Only the types of the dashboard's modules.
pub(crate) fn check_types() -> Result<()> {
    let node = crate::node::find()?.ok_or_else(|| Failure(NO_NODE.to_owned()))?;
    install(&node)?;
    let mut command = program("node", &["tests/web/run.mjs", "types"]);
    command.env("WEB_FOLDER", scratch(FOLDER)?);
    node.put_first(&mut command)?;
    run::run(&mut command)
}

const NO_NODE: &str = "the dashboard cannot be tested: there is no Node and npm here, and none can be installed";

/// Everything that a browser can find out.
pub(crate) fn run(node: Option<&Node>) -> Result<Count> {
    let node = node.ok_or_else(|| Failure(NO_NODE.to_owned()))?;
    say("the dashboard in a headless Chromium against a live gateway; takes about five minutes");
    install(node)?;
    let chromium = chromium()?;
    // The tests have built it already, with the same features.
    run::run(&mut cargo(&["build", "--quiet", "-p", "slipway"]))?;
    let mut command = program("node", &["tests/web/run.mjs"]);
    command
        .env("SLIPWAY_PROGRAM", target().join("debug/slipway"))
        .env("CHROMIUM", chromium)
        .env("WEB_FOLDER", scratch(FOLDER)?);
    node.put_first(&mut command)?;
    run_and_count(&mut command)
}

fn install(node: &Node) -> Result<()> {
    node.install_packages(&root().join("tests/web"))
}

/// The browser of this machine, else Debian's.
fn chromium() -> Result<PathBuf> {
    if let Some(found) = find_chromium() {
        return Ok(found);
    }
    if can_install() {
        say("Chromium: not here; installing Debian's");
        apt_get_install(&["chromium", "fonts-liberation"])?;
    }
    find_chromium().ok_or_else(|| {
        Failure("the dashboard cannot be tested: there is no Chromium here, and none can be installed; name one in CHROMIUM".to_owned())
    })
}

fn find_chromium() -> Option<PathBuf> {
    if let Some(named) = std::env::var_os("CHROMIUM") {
        return Some(named.into());
    }
    [
        "/usr/bin/chromium",
        "/usr/bin/chromium-browser",
        "/usr/bin/google-chrome",
    ]
    .into_iter()
    .map(Path::new)
    .find(|path| path.exists())
    .map(Path::to_owned)
}
