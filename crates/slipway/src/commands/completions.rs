//! `slipway completions`: what a shell completes.

use clap::CommandFactory;

use crate::cli::Cli;
use crate::cli::client::CompletionsArgs;
use crate::failure::Failure;

pub(crate) fn run(args: &CompletionsArgs) -> Result<(), Failure> {
    // Into memory first: the generator knows no reader that goes away.
    let mut script = Vec::new();
    clap_complete::generate(args.shell, &mut Cli::command(), "slipway", &mut script);
    super::print(&String::from_utf8_lossy(&script))
}
