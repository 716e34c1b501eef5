//! How far a deployment is, against what its application usually takes. On standard error, and only on a terminal.

use std::io::IsTerminal;
use std::time::Duration;

use indicatif::{ProgressBar, ProgressDrawTarget, ProgressStyle};

const TICK: Duration = Duration::from_millis(200);
/// A bar that is full says "done", which only the gateway may say.
const NEARLY: u64 = 990;
const WHOLE: u64 = 1_000;

#[derive(Debug)]
pub(crate) struct Progress {
    bar: ProgressBar,
    usual_ms: Option<i64>,
}

impl Progress {
    /// With the usual duration in milliseconds a bar, without it a spinner. Hidden where nobody looks.
    pub(crate) fn new(usual_ms: Option<i64>, with_colour: bool) -> Self {
        let usual_ms = usual_ms.filter(|usual| *usual > 0);
        let (filled, plain) = if with_colour {
            ("{bar:24.green/dim}", "{spinner:.blue}")
        } else {
            ("{bar:24}", "{spinner}")
        };
        let template = match usual_ms {
            Some(_) => format!("{plain} {{prefix}}  {filled}  {{msg}}"),
            None => format!("{plain} {{prefix}}  {{msg}}"),
        };
        let bar = ProgressBar::with_draw_target(Some(WHOLE), target());
        if let Ok(style) = ProgressStyle::with_template(&template) {
            bar.set_style(style.progress_chars("━╸─"));
        }
        bar.enable_steady_tick(TICK);
        Self { bar, usual_ms }
    }

    /// A bar of steps that are done or not.
    pub(crate) fn of_steps(with_colour: bool) -> Self {
        Self::new(Some(1), with_colour)
    }

    /// How many are done.
    pub(crate) fn show_steps(&self, what: &str, done: usize, of: usize) {
        self.bar.set_prefix(super::on_one_line(what));
        self.bar.set_message(format!("{done} of {of} applications"));
        let share = done.saturating_mul(1_000) / of.max(1);
        self.bar.set_position(u64::try_from(share).unwrap_or(0).min(NEARLY));
    }

    pub(crate) fn is_shown(&self) -> bool {
        !self.bar.is_hidden()
    }

    /// What is shown before the bar, and how long it has been going on.
    pub(crate) fn show(&self, what: &str, elapsed_ms: i64) {
        self.bar.set_prefix(super::on_one_line(what));
        let elapsed = super::duration(elapsed_ms);
        self.bar.set_message(match self.usual_ms {
            None => elapsed,
            Some(usual) if elapsed_ms > usual => {
                format!("{elapsed}, longer than the usual {}", super::duration(usual))
            }
            Some(usual) => format!("{elapsed} of usually {}", super::duration(usual)),
        });
        if let Some(usual) = self.usual_ms {
            let share = elapsed_ms.max(0).saturating_mul(1_000) / usual;
            self.bar.set_position(u64::try_from(share).unwrap_or(0).min(NEARLY));
        }
    }

    /// Prints a line above the bar; only where the bar is shown.
    pub(crate) fn note(&self, line: &str) {
        if self.is_shown() {
            self.bar.println(super::on_one_line(line));
        }
    }
}

impl Drop for Progress {
    fn drop(&mut self) {
        self.bar.finish_and_clear();
    }
}

fn target() -> ProgressDrawTarget {
    if std::io::stderr().is_terminal() {
        ProgressDrawTarget::stderr()
    } else {
        ProgressDrawTarget::hidden()
    }
}
