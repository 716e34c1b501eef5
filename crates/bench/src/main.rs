#![doc = include_str!("../README.md")]
#![expect(
    clippy::print_stdout,
    clippy::print_stderr,
    reason = "a program that prints its figures"
)]

mod contender;
mod database;
mod load;
mod report;
mod rows;
mod world;

use std::process::ExitCode;
use std::time::Duration;

use clap::{Parser, Subcommand};

use crate::rows::Row;

type Error = Box<dyn std::error::Error + Send + Sync>;
type Result<T, E = Error> = std::result::Result<T, E>;

#[derive(Debug, Parser)]
#[command(name = "slipway-bench", args_conflicts_with_subcommands = true)]
struct Cli {
    /// Which figures; `--list` names them
    rows: Vec<Row>,
    /// All of them
    #[arg(long)]
    all: bool,
    /// Name the figures and end
    #[arg(long)]
    list: bool,
    #[command(flatten)]
    effort: Effort,
    #[command(subcommand)]
    part: Option<Part>,
}

/// How long and how much is measured.
#[derive(Debug, Clone, Copy, clap::Args)]
struct Effort {
    /// How many deployments the history has
    #[arg(long, default_value_t = 200_000)]
    deployments: u32,
    /// How long one measurement takes, in seconds
    #[arg(long, default_value_t = 5)]
    seconds: u64,
    /// How often each contender is measured, in turns
    #[arg(long, default_value_t = 5)]
    rounds: usize,
    /// How many connections send requests
    #[arg(long, default_value_t = 16)]
    connections: usize,
}

impl Effort {
    fn duration(self) -> Duration {
        Duration::from_secs(self.seconds)
    }
}

/// What this program runs of itself as another process.
#[derive(Debug, Subcommand)]
enum Part {
    /// Serve the same bytes to whoever asks
    #[command(hide = true)]
    Static {
        /// Where they are
        body: std::path::PathBuf,
    },
}

#[tokio::main]
async fn main() -> ExitCode {
    match run(Cli::parse()).await {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            eprintln!("slipway-bench: {error}");
            ExitCode::FAILURE
        }
    }
}

async fn run(cli: Cli) -> Result<()> {
    if let Some(Part::Static { body }) = cli.part {
        return contender::serve_static(&body).await;
    }
    if cli.list {
        for row in Row::ALL {
            println!("{}", row.describe());
        }
        return Ok(());
    }
    let rows = if cli.all { Row::ALL.to_vec() } else { cli.rows };
    if rows.is_empty() {
        return Err("name a row, or --all; --list names the rows".into());
    }
    rows::measure(&rows, cli.effort).await
}
