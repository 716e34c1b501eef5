//! Starts the built-in database in the folder that the first argument names (or a throw-away one), prints its URL and
//! holds it until standard input ends, SIGTERM or Ctrl-C comes.

use std::error::Error;

use slipway_builtin_postgres::{BuiltinPostgres, SearchPlaces, Settings};
use tokio::io::AsyncReadExt;
use tokio::signal::unix::{SignalKind, signal};

#[tokio::main]
#[expect(
    clippy::print_stdout,
    clippy::print_stderr,
    reason = "this program talks to a terminal or to a test"
)]
async fn main() -> Result<(), Box<dyn Error>> {
    let settings = match std::env::args_os().nth(1) {
        Some(folder) => Settings::durable(folder),
        None => Settings::throwaway(),
    };
    let database = match BuiltinPostgres::start_with(settings, &SearchPlaces::system()).await {
        Ok(database) => database,
        Err(error) => {
            eprintln!("{error}");
            std::process::exit(1);
        }
    };
    println!("{} {}", database.pid(), database.url());
    let mut terminate = signal(SignalKind::terminate())?;
    let mut interrupt = signal(SignalKind::interrupt())?;
    let mut stdin = tokio::io::stdin();
    let mut byte = [0];
    tokio::select! {
        _ = terminate.recv() => {}
        _ = interrupt.recv() => {}
        exit = database.exited() => eprintln!("the database ended by itself: {exit}"),
        _ = stdin.read(&mut byte) => {}
    }
    database.stop().await?;
    println!("stopped");
    // A read of standard input that never ends would hold up the end of the runtime.
    std::process::exit(0);
}
