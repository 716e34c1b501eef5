//! Other teams' clients: generated from the committed documents and run against a live gateway.

use crate::node::Node;
use crate::prepare::{apt_get_install, can_install, python};
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
        "all of them, and the server against its document; takes about ten minutes"
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
    python()?;
    if all && !exists("java") && can_install() {
        say("Java: not here; installing Debian's");
        apt_get_install(&["default-jre-headless"])?;
    }
    Ok(())
}
