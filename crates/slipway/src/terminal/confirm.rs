//! Asks before something is done that cannot be undone.

use std::io::{BufRead, IsTerminal, Write};

/// What came of a question.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Answered {
    Yes,
    No,
    /// Nobody is there to be asked.
    Nobody,
}

/// Asks on standard error, so that standard output stays what programs read.
pub(crate) fn confirm(question: &str) -> Answered {
    let mut errors = std::io::stderr();
    if !std::io::stdin().is_terminal() || !errors.is_terminal() {
        return Answered::Nobody;
    }
    drop(write!(errors, "{question} [y/N] ").and_then(|()| errors.flush()));
    let mut line = String::new();
    match std::io::stdin().lock().read_line(&mut line) {
        Ok(_) if matches!(line.trim().to_lowercase().as_str(), "y" | "yes") => Answered::Yes,
        _ => Answered::No,
    }
}
