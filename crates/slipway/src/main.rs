//! The `slipway` program: the only place where the parts are put together.

mod accounts;
mod cli;
mod client;
mod commands;
mod database;
mod failure;
mod freezes;
mod gateway;
mod lifecycle;
mod telemetry;
mod terminal;

use std::io::Write;
use std::process::ExitCode;
use std::time::Duration;

use clap::Parser;

use crate::failure::{Failure, code};

/// What still runs after the end (a blocking call that nothing can cut short) gets this long.
const LAST_PATIENCE: Duration = Duration::from_secs(1);

fn main() -> ExitCode {
    let cli = match cli::Cli::try_parse() {
        Ok(cli) => cli,
        Err(error) => {
            // Help and version come this way too. With the stream closed there is nobody to tell.
            drop(error.print());
            let is_wrong = error.use_stderr();
            return ExitCode::from(if is_wrong { code::USAGE } else { code::SUCCEEDED });
        }
    };
    let runtime = match tokio::runtime::Builder::new_multi_thread().enable_all().build() {
        Ok(runtime) => runtime,
        Err(error) => return report(&Failure::new(format!("the system gives no threads: {error}"))),
    };
    let result = runtime.block_on(commands::run(cli.command));
    runtime.shutdown_timeout(LAST_PATIENCE);
    match result {
        Ok(()) => ExitCode::SUCCESS,
        Err(failure) => report(&failure),
    }
}

fn report(failure: &Failure) -> ExitCode {
    if !failure.is_silent() {
        // With standard error closed there is nobody to tell.
        drop(writeln!(std::io::stderr(), "slipway: {failure}"));
    }
    ExitCode::from(failure.code())
}
