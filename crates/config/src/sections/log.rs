//! `[log]`

use crate::reader::Reader;

/// What is logged, and how.
#[derive(Debug, Clone)]
pub struct LogSettings {
    /// For people or for machines.
    pub format: LogFormat,
    /// In the syntax of tracing-subscriber's `EnvFilter`.
    pub filter: String,
}

/// How a line of the log looks.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum LogFormat {
    /// For people, in colour on a terminal.
    Text,
    /// One JSON object a line.
    Json,
}

pub(super) fn read(mut section: Reader<'_>) -> Option<LogSettings> {
    let format = section.choice("format", &[("text", LogFormat::Text), ("json", LogFormat::Json)]);
    let format = section.required("format", format);
    let filter = section.string("filter").map(|taken| taken.value);
    let filter = section.required("filter", filter);
    section.finish();
    Some(LogSettings {
        format: format?,
        filter: filter?,
    })
}
