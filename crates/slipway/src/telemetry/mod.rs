//! The log, on standard error, and traces, where somebody keeps them.

mod filter;
mod members;
mod otlp;
mod trace;

use std::io::IsTerminal;
use std::sync::Arc;

use slipway_config::{LogFormat, LogSettings, TraceSettings};
use slipway_core::{Clock, SystemClock};
use tracing_subscriber::Layer;
use tracing_subscriber::fmt::format::{Format, Json};
use tracing_subscriber::layer::SubscriberExt;
use tracing_subscriber::util::SubscriberInitExt;

use self::filter::Wanted;
use self::members::Members;
use self::otlp::Exporter;
use self::trace::Traces;
use crate::failure::Failure;

/// What is still to be sent when the program ends.
pub(crate) struct Telemetry(Option<Exporter>);

impl Telemetry {
    /// Sends it, if that does not take long.
    pub(crate) async fn flush(self) {
        if let Some(exporter) = self.0 {
            exporter.flush().await;
        }
    }
}

/// Starts the log. Called once, by the command.
pub(crate) fn start(settings: &LogSettings) -> Result<(), Failure> {
    let clock: Arc<dyn Clock> = Arc::new(SystemClock);
    start_with_traces(settings, &TraceSettings { endpoint: None }, &clock).map(|_| ())
}

/// The same for a process whose work belongs to traces.
pub(crate) fn start_with_traces(
    settings: &LogSettings,
    traces: &TraceSettings,
    clock: &Arc<dyn Clock>,
) -> Result<Telemetry, Failure> {
    let filter = Wanted::parse(&settings.filter)
        .map_err(|error| Failure::new(format!("log.filter `{}` cannot be read: {error}", settings.filter)))?;
    let lines = match settings.format {
        LogFormat::Json => json_lines().with_writer(std::io::stderr).boxed(),
        LogFormat::Text => tracing_subscriber::fmt::layer()
            .with_writer(std::io::stderr)
            .with_ansi(std::io::stderr().is_terminal())
            .boxed(),
    };
    let exporter = traces.endpoint.as_ref().map(Exporter::start).transpose()?;
    // One filter for both: with one for each layer, a library that only asks whether a line would be taken makes the next one
    // get lost.
    tracing_subscriber::registry()
        .with(filter)
        .with(lines)
        .with(Traces::new(Arc::clone(clock), exporter.clone()))
        .try_init()
        .map_err(|error| Failure::new(format!("the log cannot be started: {error}")))?;
    Ok(Telemetry(exporter))
}

/// One object a line.
fn json_lines<S>() -> tracing_subscriber::fmt::Layer<S, Members, Format<Json>> {
    tracing_subscriber::fmt::layer()
        .json()
        .flatten_event(true)
        .fmt_fields(Members)
}

/// For the commands without a configuration: the same environment variables, quieter.
pub(crate) fn start_from_environment(filter: &str) -> Result<(), Failure> {
    let json = std::env::var("SLIPWAY_LOG__FORMAT").is_ok_and(|format| format == "json");
    start(&LogSettings {
        format: if json { LogFormat::Json } else { LogFormat::Text },
        filter: std::env::var("SLIPWAY_LOG__FILTER").unwrap_or_else(|_| filter.to_owned()),
    })
}
