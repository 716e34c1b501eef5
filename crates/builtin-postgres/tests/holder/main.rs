//! A process for the tests to kill: starts the built-in database in the folder that the first argument names (or a
//! throw-away one), prints the server's process id and URL on one line, and holds it until standard input ends,
//! SIGTERM or Ctrl-C comes. Then it stops it and prints "stopped". An error is one line on standard error.

use std::error::Error;
use std::io::Read;

use slipway_builtin_postgres::{BuiltinPostgres, Settings};
use tokio::signal::unix::{SignalKind, signal};
use tokio::sync::oneshot;

#[tokio::main]
#[expect(clippy::print_stdout, clippy::print_stderr, reason = "this program talks to a test")]
async fn main() -> Result<(), Box<dyn Error>> {
    let settings = std::env::args_os()
        .nth(1)
        .map_or_else(Settings::throwaway, Settings::durable);
    let mut terminate = signal(SignalKind::terminate())?;
    let mut interrupt = signal(SignalKind::interrupt())?;
    let database = match BuiltinPostgres::start(settings).await {
        Ok(database) => database,
        Err(error) => {
            eprintln!("{error}");
            std::process::exit(1);
        }
    };
    println!("{} {}", database.pid(), database.url());
    // A thread, because the runtime would wait at its end for a read that may never come back.
    let (input_ended, input) = oneshot::channel();
    std::thread::spawn(move || input_ended.send(std::io::stdin().read(&mut [0])));
    tokio::select! {
        _ = terminate.recv() => {}
        _ = interrupt.recv() => {}
        exit = database.exited() => eprintln!("the database ended by itself: {exit}"),
        _ = input => {}
    }
    database.stop().await?;
    println!("stopped");
    Ok(())
}
