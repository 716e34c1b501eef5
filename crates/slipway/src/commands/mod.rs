//! The commands, one file each.

mod action;
mod apps;
mod backfill;
mod board;
mod cancel;
mod check;
mod completions;
mod demo;
mod get;
mod list;
mod logs;
mod migrate;
mod redeploy;
mod rollback;
mod serve;
mod session;
mod simulate;
mod token;
mod trigger;
mod wait;
mod watch;
mod webhook;

use std::io::Write;

pub(crate) use action::ActionArgs;
pub(crate) use apps::AppsArgs;
pub(crate) use backfill::BackfillArgs;
pub(crate) use board::BoardArgs;
pub(crate) use completions::CompletionsArgs;
pub(crate) use get::GetArgs;
pub(crate) use list::ListArgs;
pub(crate) use logs::LogsArgs;
pub(crate) use rollback::RollbackArgs;
pub(crate) use trigger::TriggerArgs;
pub(crate) use wait::WaitArgs;
pub(crate) use watch::WatchArgs;

use crate::accounts::PROVIDERS;
use crate::cli::client::ClientCommand;
use crate::cli::{Command, ConfigCommand};
use crate::failure::Failure;

pub(crate) async fn run(command: Command) -> Result<(), Failure> {
    slipway_provider_http::install_crypto_provider();
    match command {
        Command::Demo(args) => demo::run(args).await,
        Command::Serve(args) => {
            serve::run(
                &args.gateway,
                serve::Roles {
                    api: true,
                    sync: !args.no_sync,
                },
            )
            .await
        }
        Command::Sync(args) => serve::run(&args, serve::Roles { api: false, sync: true }).await,
        Command::Simulate(args) => simulate::run(args).await,
        Command::Token(command) => token::run(command).await,
        Command::Webhook(command) => webhook::run(command),
        Command::Check(args) => check::run(&args).await,
        Command::Migrate(args) => migrate::run(&args).await,
        Command::Openapi(args) if args.compat => {
            let document = slipway_server::openapi_compat_json();
            print(&document.map_err(|error| Failure::new(error.to_string()))?)
        }
        Command::Openapi(_) => print(&slipway_server::openapi_json()),
        Command::Config(ConfigCommand::Schema) => print(&slipway_config::schema(PROVIDERS)),
        Command::Client(command) => ask(command).await,
    }
}

async fn ask(command: ClientCommand) -> Result<(), Failure> {
    match command {
        ClientCommand::List(args) => list::run(*args).await,
        ClientCommand::Get(args) => get::run(args).await,
        ClientCommand::Watch(args) => watch::run(args).await,
        ClientCommand::Wait(args) => wait::run(args).await,
        ClientCommand::Logs(args) => logs::run(args).await,
        ClientCommand::Trigger(args) => trigger::run(args).await,
        ClientCommand::Cancel(args) => cancel::run(args).await,
        ClientCommand::Redeploy(args) => redeploy::run(args).await,
        ClientCommand::Rollback(args) => rollback::run(args).await,
        ClientCommand::Apps(args) => apps::run(args).await,
        ClientCommand::Board(args) => board::run(args).await,
        ClientCommand::Backfill(args) => backfill::run(args).await,
        ClientCommand::Completions(args) => completions::run(&args),
    }
}

/// Writes to standard output, at once.
fn print(text: &str) -> Result<(), Failure> {
    print_as_it_is(text)?;
    if text.ends_with('\n') {
        Ok(())
    } else {
        print_as_it_is("\n")
    }
}

fn print_as_it_is(text: &str) -> Result<(), Failure> {
    let mut output = std::io::stdout().lock();
    output
        .write_all(text.as_bytes())
        .and_then(|()| output.flush())
        .map_err(|error| Failure::of_output(&error))
}
