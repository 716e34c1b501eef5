//! The log, on standard error.

use std::io::IsTerminal;

use slipway_config::{LogFormat, LogSettings};
use tracing_subscriber::EnvFilter;

use crate::failure::Failure;

/// Starts the log. Called once, by the command.
pub(crate) fn start(settings: &LogSettings) -> Result<(), Failure> {
    let filter = EnvFilter::try_new(&settings.filter)
        .map_err(|error| Failure::new(format!("log.filter `{}` cannot be read: {error}", settings.filter)))?;
    let builder = tracing_subscriber::fmt()
        .with_env_filter(filter)
        .with_writer(std::io::stderr);
    let started = match settings.format {
        LogFormat::Json => builder.json().flatten_event(true).try_init(),
        LogFormat::Text => builder.with_ansi(std::io::stderr().is_terminal()).try_init(),
    };
    started.map_err(|error| Failure::new(format!("the log cannot be started: {error}")))
}

/// For the commands without a configuration: the same environment variables, quieter.
pub(crate) fn start_from_environment(filter: &str) -> Result<(), Failure> {
    let json = std::env::var("SLIPWAY_LOG__FORMAT").is_ok_and(|format| format == "json");
    start(&LogSettings {
        format: if json { LogFormat::Json } else { LogFormat::Text },
        filter: std::env::var("SLIPWAY_LOG__FILTER").unwrap_or_else(|_| filter.to_owned()),
    })
}
