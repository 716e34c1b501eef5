//! `slipway completions`: what a shell completes.

use clap::{Args, CommandFactory};

use crate::cli::Cli;
use crate::failure::Failure;
use clap_complete::Shell;

#[derive(Debug, Args)]
pub(crate) struct CompletionsArgs {
    /// The shell
    #[arg(value_name = "SHELL")]
    pub(crate) shell: Shell,
}

pub(crate) fn run(args: &CompletionsArgs) -> Result<(), Failure> {
    // Into memory first: the generator knows no reader that goes away.
    let mut script = Vec::new();
    clap_complete::generate(args.shell, &mut Cli::command(), "slipway", &mut script);
    super::print(&String::from_utf8_lossy(&script))
}
