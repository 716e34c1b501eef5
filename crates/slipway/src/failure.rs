//! Why a command failed, for the person at the keyboard: one clear sentence with the way out, and an exit code for scripts.

use std::error::Error;
use std::fmt;

/// Exit codes. The client's are written down in docs/CLI.md.
pub(crate) mod code {
    /// Done; what was waited for succeeded.
    pub(crate) const SUCCEEDED: u8 = 0;
    /// The command or the deployment failed, or the gateway refused to do what was asked.
    pub(crate) const FAILED: u8 = 1;
    /// The deployment was canceled.
    pub(crate) const CANCELED: u8 = 2;
    /// Nobody can tell how it ended, or the time ran out.
    pub(crate) const UNKNOWN: u8 = 3;
    /// The command was called with something that cannot be (`EX_USAGE` of sysexits.h).
    pub(crate) const USAGE: u8 = 64;
    /// No gateway answers, or it refuses the token (`EX_UNAVAILABLE`).
    pub(crate) const UNAVAILABLE: u8 = 69;
}

#[derive(Debug)]
pub(crate) struct Failure {
    /// Empty when everything was said already.
    sentence: String,
    code: u8,
    /// Whether it may mend itself.
    is_passing: bool,
}

impl Failure {
    pub(crate) fn new(sentence: impl Into<String>) -> Self {
        Self::with_code(code::FAILED, sentence)
    }

    pub(crate) fn with_code(code: u8, sentence: impl Into<String>) -> Self {
        Self {
            sentence: sentence.into(),
            code,
            is_passing: false,
        }
    }

    /// Of what may mend itself: a gateway that is away for a moment.
    pub(crate) fn passing(self, is_passing: bool) -> Self {
        Self { is_passing, ..self }
    }

    pub(crate) fn is_passing(&self) -> bool {
        self.is_passing
    }

    pub(crate) fn usage(sentence: impl Into<String>) -> Self {
        Self::with_code(code::USAGE, sentence)
    }

    /// An end that needs no words: the code says it.
    pub(crate) fn silent(code: u8) -> Self {
        Self::with_code(code, "")
    }

    /// What standard output cannot take. A reader that has seen enough, as `head` has, is no fault.
    pub(crate) fn of_output(error: &std::io::Error) -> Self {
        if error.kind() == std::io::ErrorKind::BrokenPipe {
            return Self::silent(code::SUCCEEDED);
        }
        Self::new(format!("standard output cannot be written: {error}"))
    }

    pub(crate) fn code(&self) -> u8 {
        self.code
    }

    pub(crate) fn is_silent(&self) -> bool {
        self.sentence.is_empty()
    }
}

impl fmt::Display for Failure {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.sentence)
    }
}

impl From<slipway_builtin_postgres::Error> for Failure {
    fn from(error: slipway_builtin_postgres::Error) -> Self {
        Self::new(error.to_string())
    }
}

/// An error with everything that led to it.
pub(crate) fn chain(error: &dyn Error) -> String {
    let mut text = error.to_string();
    let mut source = error.source();
    while let Some(error) = source {
        let cause = error.to_string();
        // Some libraries repeat the cause in their own text.
        if !text.contains(&cause) {
            text = format!("{text}: {cause}");
        }
        source = error.source();
    }
    text
}
