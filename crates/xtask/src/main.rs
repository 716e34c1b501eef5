//! The project's own chores: `cargo xtask test`, `cargo xtask ci` and what they are made of.

mod breaking;
mod ci;
mod clients;
mod deny;
mod node;
mod openapi;
mod postgres;
mod prepare;
mod run;
mod sqlx_cache;
mod test;
mod web;

use std::process::ExitCode;

use clap::{Parser, Subcommand};

#[derive(Debug, Parser)]
#[command(name = "cargo xtask")]
struct Cli {
    #[command(subcommand)]
    task: Task,
}

#[derive(Debug, Subcommand)]
enum Task {
    /// Bring what the tests need, then run all of them
    Test {
        /// Also every client generator, and the server against its document
        #[arg(long)]
        clients: bool,
        /// Handed to `cargo test`
        #[arg(last = true)]
        arguments: Vec<String>,
    },
    /// Only the generated clients
    Clients {
        /// Every generator, and the server against its document
        #[arg(long)]
        all: bool,
    },
    /// Only the dashboard, in a real browser
    Web,
    /// The chaos test in its full size: 200 followers, 10,000 events, everything killed three times
    Chaos {
        /// Repeats a run: everything random follows from it
        #[arg(long, default_value_t = 1)]
        seed: u64,
    },
    /// The image and the compose file, on a Docker engine: two replicas behind nginx, one of which is killed
    DeployTest,
    /// Everything that is checked beside the tests: format, clippy, licences and sources, generated files
    Ci,
    /// Renew crates/store/.sqlx from a throw-away database
    Sqlx {
        /// Only compare
        #[arg(long)]
        check: bool,
    },
    /// Renew the documents in openapi/ and the schema in config/, and tell what they break of the released one
    Openapi {
        /// Only compare
        #[arg(long)]
        check: bool,
        #[command(subcommand)]
        action: Option<OpenapiAction>,
    },
    /// Check licences and sources of all dependencies with cargo-deny
    Deny,
}

#[derive(Debug, Subcommand)]
enum OpenapiAction {
    /// Promise the present document: later ones must not break it
    Release {
        /// Even though it breaks what was promised before
        #[arg(long)]
        accept_breaks: bool,
    },
}

fn main() -> ExitCode {
    let result = match Cli::parse().task {
        Task::Test { clients, arguments } => test::run(clients, &arguments),
        Task::Clients { all } => test::run_clients(all),
        Task::Chaos { seed } => test::run_chaos(seed),
        Task::Web => test::run_web(),
        Task::DeployTest => test::run_deploy(),
        Task::Ci => ci::run(),
        Task::Sqlx { check } => sqlx_cache::run(check),
        Task::Openapi { check, action: None } => openapi::run(check),
        Task::Openapi {
            action: Some(OpenapiAction::Release { accept_breaks }),
            ..
        } => openapi::release(accept_breaks),
        Task::Deny => deny::run(),
    };
    match result {
        Ok(()) => ExitCode::SUCCESS,
        Err(failure) => {
            run::say(&failure.to_string());
            ExitCode::FAILURE
        }
    }
}
