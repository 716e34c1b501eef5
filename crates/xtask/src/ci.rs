//! `cargo xtask ci`: what is checked beside the tests. Everything is checked, also after a failure.

use crate::run::{self, Failure, Result, cargo, output, program, say};
use crate::{deny, openapi, sqlx_cache, web};

type Check = fn() -> Result<()>;

const CHECKS: [(&str, Check); 6] = [
    ("format", || run::run(&mut cargo(&["fmt", "--all", "--check"]))),
    ("clippy", || {
        run::run(&mut cargo(&[
            "clippy",
            "--workspace",
            "--all-targets",
            "--features",
            "slipway-tests/tools",
            "--",
            "-D",
            "warnings",
        ]))
    }),
    ("licences and sources", deny::run),
    ("checked queries", || sqlx_cache::run(true)),
    ("contracts", || openapi::run(true)),
    ("types of the dashboard", web::check_types),
];

pub(crate) fn run() -> Result<()> {
    let before = changes()?;
    let mut failed = Vec::new();
    for (name, check) in CHECKS {
        match check() {
            Ok(()) => say(&format!("{name}: good")),
            Err(failure) => {
                say(&format!("{name}: {failure}"));
                failed.push(name);
            }
        }
    }
    // What is generated is committed, so on a clean checkout nothing may have changed.
    let after = changes()?;
    if after != before {
        say(&format!("the checks changed the tree\n{after}"));
        failed.push("clean tree");
    }
    if failed.is_empty() {
        Ok(())
    } else {
        Err(Failure(format!("not good: {}", failed.join(", "))))
    }
}

fn changes() -> Result<String> {
    output(&mut program("git", &["status", "--porcelain"]))
}
