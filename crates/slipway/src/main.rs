//! The `slipway` program: the only place where the parts are put together.

mod accounts;
mod cli;
mod commands;
mod database;
mod failure;
mod gateway;
mod lifecycle;
mod telemetry;

use std::io::Write;
use std::process::ExitCode;
use std::time::Duration;

use clap::Parser;

/// What still runs after the end (a blocking call that nothing can cut short) gets this long.
const LAST_PATIENCE: Duration = Duration::from_secs(1);

fn main() -> ExitCode {
    let cli = cli::Cli::parse();
    let runtime = match tokio::runtime::Builder::new_multi_thread().enable_all().build() {
        Ok(runtime) => runtime,
        Err(error) => return report(&failure::Failure::new(format!("the system gives no threads: {error}"))),
    };
    let result = runtime.block_on(commands::run(cli.command));
    runtime.shutdown_timeout(LAST_PATIENCE);
    match result {
        Ok(()) => ExitCode::SUCCESS,
        Err(failure) => report(&failure),
    }
}

fn report(failure: &failure::Failure) -> ExitCode {
    // With standard error closed there is nobody to tell.
    drop(writeln!(std::io::stderr(), "slipway: {failure}"));
    ExitCode::FAILURE
}
