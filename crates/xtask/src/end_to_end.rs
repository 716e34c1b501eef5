//! Tests with programs that are not ours: the npm client of Scalingo against the simulator.

use std::io::{BufRead, BufReader};
use std::path::Path;
use std::process::{Child, ChildStdout, Command, Stdio};

use serde_json::Value;

use crate::node;
use crate::run::{self, Context, Failure, Result, cargo, say, target};
use crate::test::Count;

pub(crate) fn run(count: &mut Count) -> Result<()> {
    let Some(node) = node::find()? else {
        say("end to end: not run, because there is no Node 20 and npm to be had here");
        return Ok(());
    };
    let folder = run::root().join("tests/clients/scalingo-js");
    node.install_packages(&folder)?;
    run::run(&mut cargo(&["build", "--quiet", "-p", "slipway"]))?;
    say("end to end: Scalingo's own client against the simulator");
    let simulator = Simulator::start(&target().join("debug/slipway"))?;
    let about = simulator.about()?;
    let mut check = Command::new(&node.program);
    check.arg("check.mjs").current_dir(&folder);
    for (variable, pointer) in [
        ("SCALINGO_API_URL", "/scalingo/api_url"),
        ("SCALINGO_AUTH_URL", "/scalingo/auth_url"),
        ("SCALINGO_TOKEN", "/scalingo/token"),
        ("SIMULATOR_CONTROL_URL", "/control/url"),
    ] {
        check.env(
            variable,
            about.pointer(pointer).and_then(Value::as_str).unwrap_or_default(),
        );
    }
    let ended = check
        .stdin(Stdio::null())
        .status()
        .context("the client cannot be run")?;
    if ended.success() {
        count.passed += 1;
    } else {
        say("end to end: Scalingo's own client is not content with the simulator");
        count.failed += 1;
    }
    Ok(())
}

struct Simulator {
    child: Child,
    output: BufReader<ChildStdout>,
}

impl Simulator {
    fn start(program: &Path) -> Result<Self> {
        // Fast deployments, and none that the client did not start.
        let arguments = [
            "simulate",
            "--json",
            "--ports",
            "0,0,0",
            "--deployment-every",
            "0",
            "--speed",
            "50",
        ];
        let mut child = Command::new(program)
            .args(arguments)
            .env("SLIPWAY_LOG__FILTER", "warn")
            .stdin(Stdio::null())
            .stdout(Stdio::piped())
            .spawn()
            .context("the simulator cannot be run")?;
        match child.stdout.take() {
            Some(output) => Ok(Self {
                child,
                output: BufReader::new(output),
            }),
            None => Err(Failure("the simulator has no output".to_owned())),
        }
    }

    /// What it says when it is ready.
    fn about(mut self) -> Result<About> {
        let mut line = String::new();
        self.output.read_line(&mut line).context("the simulator says nothing")?;
        let value = serde_json::from_str(&line).context(format!("the simulator says `{line}`"))?;
        Ok(About {
            value,
            _simulator: self,
        })
    }
}

impl Drop for Simulator {
    fn drop(&mut self) {
        drop(self.child.kill());
        drop(self.child.wait());
    }
}

/// Lives as long as the simulator that it tells of.
struct About {
    value: Value,
    _simulator: Simulator,
}

impl About {
    fn pointer(&self, pointer: &str) -> Option<&Value> {
        self.value.pointer(pointer)
    }
}
