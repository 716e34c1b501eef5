//! The commands, one file each.

mod demo;
mod migrate;
mod serve;
mod simulate;
mod token;

use std::io::Write;

use crate::cli::Command;
use crate::failure::Failure;

pub(crate) async fn run(command: Command) -> Result<(), Failure> {
    slipway_provider_http::install_crypto_provider();
    match command {
        Command::Demo(args) => demo::run(args).await,
        Command::Serve(args) => {
            serve::run(
                &args.config,
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
        Command::Migrate(args) => migrate::run(&args).await,
        Command::Openapi(args) if args.compat => {
            let document = slipway_server::openapi_compat_json();
            print(&document.map_err(|error| Failure::new(error.to_string()))?)
        }
        Command::Openapi(_) => print(&slipway_server::openapi_json()),
    }
}

/// Writes to standard output, at once.
fn print(text: &str) -> Result<(), Failure> {
    let mut output = std::io::stdout().lock();
    let newline = if text.ends_with('\n') { "" } else { "\n" };
    write!(output, "{text}{newline}")
        .and_then(|()| output.flush())
        .map_err(|error| Failure::new(format!("standard output cannot be written: {error}")))
}
