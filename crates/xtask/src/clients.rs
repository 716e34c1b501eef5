//! Other teams' clients: generated from the committed documents and run against a live gateway.

use crate::node::Node;
use crate::prepare::{apt_get_install, can_install};
use crate::run::{self, Failure, Result, cargo, exists, program, root, say, scratch, target};
use crate::test::{Count, run_and_count};

/// Those of every run, or `all` of them and the document against the server.
pub(crate) fn run(node: Option<&Node>, all: bool) -> Result<Count> {
    let Some(node) = node else {
        return Err(Failure(
            "the generated clients cannot be tested: there is no Node and npm here, and none can be installed"
                .to_owned(),
        ));
    };
    let which = if all {
        "all of them, and the server against its document; takes about half an hour"
    } else {
        "openapi-typescript, openapi-python-client and progenitor (the others with --clients)"
    };
    say(&format!("generated clients against a live gateway: {which}"));
    bring(all)?;
    // The tests have built it already, with the same features.
    run::run(&mut cargo(&["build", "--quiet", "-p", "slipway"]))?;
    let mut command = program("node", &["tests/clients/run.mjs"]);
    if all {
        command.arg("--all");
    }
    command
        .current_dir(root())
        .env("SLIPWAY_PROGRAM", target().join("debug/slipway"))
        .env("CLIENTS_FOLDER", scratch("clients")?);
    node.put_first(&mut command)?;
    run_and_count(&mut command)
}

/// The programs that cannot come from a package registry.
fn bring(all: bool) -> Result<()> {
    let mut missing = Vec::new();
    let has_venv = || {
        let mut python = program("python3", &["-c", "import ensurepip, venv"]);
        python.status().is_ok_and(|status| status.success())
    };
    if !exists("python3") || !has_venv() {
        missing.extend(["python3", "python3-venv"]);
    }
    if all && !exists("java") {
        missing.push("default-jre-headless");
    }
    if !missing.is_empty() && can_install() {
        say(&format!(
            "clients: not here, so Debian's are installed: {}",
            missing.join(", ")
        ));
        apt_get_install(&missing)?;
    }
    Ok(())
}
