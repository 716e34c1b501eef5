#![doc = include_str!("../README.md")]
#![expect(
    clippy::print_stdout,
    clippy::print_stderr,
    reason = "a program that prints its figures"
)]

mod bare;
mod contender;
mod database;
mod day;
mod load;
mod machine;
mod process;
mod report;
mod rows;
mod subscribers;
mod world;
mod writer;

use std::path::{Path, PathBuf};
use std::process::ExitCode;
use std::time::Duration;

use clap::{Parser, Subcommand};

use crate::rows::Row;

type Error = Box<dyn std::error::Error + Send + Sync>;
type Result<T, E = Error> = std::result::Result<T, E>;

/// Between these two lines of a document stands the table.
const MARKERS: [&str; 2] = ["<!-- table -->\n", "<!-- end of the table -->\n"];

/// Beside a document with the table stands the picture of the simulated day.
const PLOT: &str = "benchmarks-day.svg";

#[derive(Debug, Parser)]
#[command(name = "slipway-bench", args_conflicts_with_subcommands = true)]
struct Cli {
    /// Which figures, or `all`; `--list` names them
    rows: Vec<Row>,
    /// Name the figures and end
    #[arg(long)]
    list: bool,
    /// Put the table into this file too, between its two markers; with `all`
    #[arg(long)]
    write: Option<PathBuf>,
    #[command(flatten)]
    effort: Effort,
    #[command(subcommand)]
    part: Option<Part>,
}

/// How long and how much is measured.
#[derive(Debug, Clone, clap::Args)]
struct Effort {
    /// How many deployments the history has
    #[arg(long, default_value_t = 200_000)]
    deployments: u32,
    /// How long one measurement takes, in seconds
    #[arg(long, default_value_t = 5.0)]
    seconds: f64,
    /// How often each contender is measured, in turns
    #[arg(long, default_value_t = 5)]
    rounds: usize,
    /// How many connections send requests
    #[arg(long, default_value_t = 16)]
    connections: usize,
    /// How many subscribers a broadcast has: several sizes, each measured
    #[arg(long, value_delimiter = ',', default_values_t = [1_000, 10_000])]
    subscribers: Vec<usize>,
    /// How many events behind those are who catch up
    #[arg(long, default_value_t = 10_000)]
    behind: usize,
    /// How many deployments history grows to
    #[arg(long, default_value_t = 1_000_000)]
    grow_to: u32,
    /// How many applications the simulated day has
    #[arg(long, default_value_t = 10_000)]
    day_applications: usize,
    /// How many hours of the simulated day are measured
    #[arg(long, default_value_t = 1.0)]
    day_hours: f64,
    /// Draw the simulated day into this file [default: benchmarks-day.svg beside the file of `--write`]
    #[arg(long)]
    plot: Option<PathBuf>,
    /// Leave out what other servers reach
    #[arg(long)]
    without_peers: bool,
    /// Measure this gateway, instead of one that is built first
    #[arg(long)]
    gateway: Option<PathBuf>,
}

impl Effort {
    fn duration(&self) -> Duration {
        Duration::from_secs_f64(self.seconds)
    }

    /// So many a second, in one measurement.
    fn events(&self, per_second: u32) -> usize {
        (self.seconds * f64::from(per_second)).ceil() as usize
    }

    /// The smaller broadcast.
    fn few_subscribers(&self) -> usize {
        self.subscribers.iter().copied().min().unwrap_or(1_000)
    }

    /// The larger broadcast.
    fn many_subscribers(&self) -> usize {
        self.subscribers.iter().copied().max().unwrap_or(10_000)
    }
}

/// What this program runs of itself as another process.
#[derive(Debug, Subcommand)]
enum Part {
    /// Serve the same bytes to whoever asks
    #[command(hide = true)]
    Static {
        /// Where they are
        body: PathBuf,
    },
    /// List deployments
    #[command(hide = true)]
    HandWritten {
        /// Of which database
        database_url: String,
    },
    /// Send blocks to every subscriber, when the input says how many
    #[command(hide = true)]
    RawSend {
        /// Where the block is
        block: PathBuf,
        /// How many subscribers are waited for
        subscribers: usize,
    },
    /// Send so many blocks to each subscriber, as soon as all are there
    #[command(hide = true)]
    Flood {
        /// Where the block is
        block: PathBuf,
        /// How many subscribers are waited for
        subscribers: usize,
        /// How many blocks
        events: u64,
    },
    /// Commit events, when the input says so
    #[command(hide = true)]
    Write {
        /// Where
        database_url: String,
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
    match cli.part {
        Some(Part::Static { body }) => return contender::serve_fixed(&body).await,
        Some(Part::HandWritten { database_url }) => return contender::serve_hand_written(&database_url).await,
        Some(Part::RawSend { block, subscribers }) => return contender::send_raw(&block, subscribers),
        Some(Part::Flood {
            block,
            subscribers,
            events,
        }) => return contender::send_flood(&block, subscribers, events),
        Some(Part::Write { database_url }) => return writer::run(&database_url).await,
        None => {}
    }
    if cli.list {
        for row in Row::ALL.iter().chain(Row::LONG) {
            println!("{}", row.describe());
        }
        return Ok(());
    }
    let rows = match cli.rows.as_slice() {
        [] => return Err("name a row, or all of them with `all`; --list names them".into()),
        rows if rows.contains(&Row::All) => {
            let named = Row::LONG.iter().filter(|row| rows.contains(row));
            Row::ALL.iter().chain(named).copied().collect()
        }
        _ if cli.write.is_some() => return Err("only the whole table is written: measure `all`".into()),
        rows => rows.to_vec(),
    };
    contender::prepare(cli.effort.gateway.clone()).await?;
    let beside = cli.write.as_ref().map(|document| document.with_file_name(PLOT));
    let effort = Effort {
        plot: cli.effort.plot.clone().or(beside),
        ..cli.effort
    };
    let (table, failures) = rows::measure(&rows, &effort).await?;
    print!("{table}");
    if let Some(file) = cli.write {
        write_between_markers(&file, &table)?;
    }
    match failures {
        0 => Ok(()),
        failures => Err(format!("{failures} rows could not be measured; the table says why").into()),
    }
}

fn write_between_markers(file: &Path, table: &str) -> Result<()> {
    let text = std::fs::read_to_string(file)?;
    let [begin, end] = MARKERS;
    let parts = text
        .split_once(begin)
        .and_then(|(before, rest)| Some((before, rest.split_once(end)?.1)));
    let (before, after) = parts.ok_or("the document has no place for a table")?;
    Ok(std::fs::write(file, format!("{before}{begin}\n{table}\n{end}{after}"))?)
}
