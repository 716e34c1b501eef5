//! What people see: how wide, in which colours, and how times are told.

mod confirm;
mod progress;
mod table;
mod words;

use std::io::{IsTerminal, Write};

pub(crate) use confirm::{Answered, confirm};
pub(crate) use progress::Progress;
pub(crate) use table::{Cell, Column, Table};
pub(crate) use words::{ago, duration, instant, short_sha, status, style_of, word};

use crate::cli::client::Colour;
use crate::failure::Failure;

/// How something is stressed.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub(crate) enum Style {
    #[default]
    Plain,
    Bold,
    Dim,
    Red,
    Green,
    Yellow,
    Blue,
}

impl Style {
    fn code(self) -> Option<&'static str> {
        Some(match self {
            Self::Plain => return None,
            Self::Bold => "1",
            Self::Dim => "2",
            Self::Red => "31",
            Self::Green => "32",
            Self::Yellow => "33",
            Self::Blue => "34",
        })
    }

    pub(crate) fn paint(self, text: &str, with_colour: bool) -> String {
        match self.code().filter(|_| with_colour && !text.is_empty()) {
            Some(code) => format!("\u{1b}[{code}m{text}\u{1b}[0m"),
            None => text.to_owned(),
        }
    }
}

/// Standard output, as it was found.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Screen {
    /// Columns; none where nobody looks, and lines may be as long as they are.
    pub(crate) width: Option<usize>,
    pub(crate) has_colour: bool,
    pub(crate) is_terminal: bool,
}

impl Screen {
    pub(crate) fn of_stdout(colour: Colour) -> Self {
        let is_terminal = std::io::stdout().is_terminal();
        Self {
            width: width(),
            has_colour: colour.is_wanted(is_terminal),
            is_terminal,
        }
    }
}

fn width() -> Option<usize> {
    let (_, columns) = console::Term::stdout().size_checked()?;
    std::io::stdout().is_terminal().then(|| usize::from(columns).max(20))
}

/// Text of others on one line: what would move the cursor, change colours or the direction of reading is left out.
pub(crate) fn on_one_line(text: &str) -> String {
    let visible = |letter: char| match letter {
        '\n' | '\r' | '\t' => Some(' '),
        letter if letter.is_control() => None,
        '\u{200e}' | '\u{200f}' | '\u{202a}'..='\u{202e}' | '\u{2066}'..='\u{2069}' => None,
        letter => Some(letter),
    };
    text.chars().filter_map(visible).collect()
}

/// A line of a log: of all that steers a terminal only colours are left, and those only where they are wanted.
pub(crate) fn with_colours_only(line: &str, with_colour: bool) -> String {
    let (mut shown, mut rest) = (String::with_capacity(line.len()), line);
    while let Some(at) = rest.find('\u{1b}') {
        shown.push_str(&visible(&rest[..at]));
        let sequence = &rest[at + 1..];
        let Some(parameters) = sequence.strip_prefix('[') else {
            rest = sequence;
            continue;
        };
        let end = parameters.find(|letter: char| !matches!(letter, '0'..='9' | ';' | ':'));
        let Some(end) = end else { return shown };
        let is_colour = parameters[end..].starts_with('m');
        if is_colour && with_colour {
            shown.push_str(&rest[at..at + 2 + end + 1]);
        }
        let final_letter = parameters[end..].chars().next().map_or(0, char::len_utf8);
        rest = &parameters[end + final_letter..];
    }
    shown.push_str(&visible(rest));
    if with_colour && shown.contains('\u{1b}') {
        shown.push_str("\u{1b}[0m");
    }
    shown
}

fn visible(text: &str) -> String {
    text.chars()
        .filter(|letter| *letter == '\t' || !letter.is_control())
        .collect()
}

/// Writes one line to standard output, at once.
pub(crate) fn print_line(line: &str) -> Result<(), Failure> {
    let mut output = std::io::stdout().lock();
    let written = output.write_all(line.as_bytes()).and_then(|()| output.write_all(b"\n"));
    written
        .and_then(|()| output.flush())
        .map_err(|error| Failure::of_output(&error))
}

/// For people, beside what programs read from standard output.
pub(crate) fn tell(line: &str) {
    drop(writeln!(std::io::stderr(), "{line}"));
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn text_of_others_cannot_steer_the_terminal() {
        let nasty = "fix\u{1b}[2J\r\nthe \u{202e}build\u{7}\u{9b}31m";
        assert_eq!(on_one_line(nasty), "fix[2J  the build31m");
    }

    #[test]
    fn of_a_log_only_the_colours_reach_the_terminal() {
        let line = "\u{1b}[1;32mok\u{1b}[0m \u{1b}[2J\u{1b}]0;title\u{7}done\u{1b}";
        assert_eq!(
            with_colours_only(line, true),
            "\u{1b}[1;32mok\u{1b}[0m ]0;titledone\u{1b}[0m"
        );
        assert_eq!(with_colours_only(line, false), "ok ]0;titledone");
        assert_eq!(with_colours_only("plain\ttext\r", true), "plain\ttext");
        for cut in 0..=line.len() {
            with_colours_only(&line[..cut], true);
            with_colours_only(&line[cut..], false);
        }
    }

    #[test]
    fn colours_only_where_they_are_wanted() {
        assert_eq!(Style::Red.paint("x", true), "\u{1b}[31mx\u{1b}[0m");
        assert_eq!(Style::Red.paint("x", false), "x");
        assert_eq!(Style::Plain.paint("x", true), "x");
    }
}
