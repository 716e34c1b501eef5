//! Rows of the table: what was measured once a round, what it is compared with, and whether the goal is reached.

use std::fmt::Write;

/// What a figure counts, which decides how it is written.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Unit {
    PerSecond,
    Milliseconds,
    Seconds,
    Kibibytes,
    Mebibytes,
    /// A plain number: lost events and the like.
    Count,
}

/// What a ratio or a figure has to be.
#[derive(Debug, Clone, Copy, PartialEq)]
pub(crate) enum Goal {
    AtLeast(f64),
    AtMost(f64),
    /// Shown, and no goal.
    None,
}

/// One row of the table.
#[derive(Debug, Clone)]
pub(crate) struct Outcome {
    number: &'static str,
    title: String,
    figures: Vec<Figure>,
    checks: Vec<Check>,
    notes: Vec<String>,
}

#[derive(Debug, Clone)]
struct Figure {
    name: String,
    unit: Unit,
    values: Vec<f64>,
    goal: Goal,
}

#[derive(Debug, Clone)]
struct Check {
    text: String,
    values: Vec<f64>,
    goal: Goal,
}

impl Outcome {
    /// A row of the table of goals, by its number there.
    pub(crate) fn new(number: &'static str, title: impl Into<String>) -> Self {
        let title = title.into();
        eprintln!("{number} {title} …");
        Self {
            number,
            title,
            figures: Vec::new(),
            checks: Vec::new(),
            notes: Vec::new(),
        }
    }

    /// What one round came to. Figures stand in the order in which they first come.
    pub(crate) fn record(&mut self, name: &str, unit: Unit, value: f64) {
        match self.figures.iter_mut().find(|figure| figure.name == name) {
            Some(figure) => figure.values.push(value),
            None => self.figures.push(Figure {
                name: name.to_owned(),
                unit,
                values: vec![value],
                goal: Goal::None,
            }),
        }
    }

    /// Something that has to be known beside the figures.
    pub(crate) fn note(&mut self, note: impl Into<String>) {
        let note = note.into();
        if !self.notes.contains(&note) {
            self.notes.push(note);
        }
    }

    /// One figure divided by another, round by round, so that what slows the whole machine for a while slows both sides.
    /// Nothing where one of them was not measured.
    pub(crate) fn compare(&mut self, of: &str, with: &str, goal: Goal) {
        let Some(ratios) = self.ratios(of, with) else { return };
        self.checks.push(Check {
            text: format!("{of} : {with}"),
            values: ratios,
            goal,
        });
    }

    /// The same with the better, the larger, of several.
    pub(crate) fn compare_with_best(&mut self, of: &str, with: &[&str], goal: Goal) {
        let values = |name: &str| {
            self.figures
                .iter()
                .find(|figure| figure.name == name)
                .map(|figure| median(&figure.values))
        };
        let best = with
            .iter()
            .filter_map(|name| Some((name, values(name)?)))
            .max_by(|(_, one), (_, other)| one.total_cmp(other));
        if let Some((best, _)) = best {
            self.compare(of, best, goal);
        }
    }

    /// A figure that has to be so much by itself.
    pub(crate) fn require(&mut self, of: &str, goal: Goal) {
        if let Some(figure) = self.figures.iter_mut().find(|figure| figure.name == of) {
            figure.goal = goal;
        }
    }

    fn ratios(&self, of: &str, with: &str) -> Option<Vec<f64>> {
        let values = |name: &str| {
            self.figures
                .iter()
                .find(|figure| figure.name == name)
                .map(|figure| &figure.values)
        };
        let ratios = values(of)?.iter().zip(values(with)?).map(|(of, with)| of / with);
        Some(ratios.collect())
    }

    /// Lines of a Markdown table, below [`HEAD`].
    pub(crate) fn to_markdown(&self) -> String {
        let mut lines = String::new();
        let (mut number, mut title) = (self.number, self.title.as_str());
        for Figure {
            name,
            unit,
            values,
            goal,
        } in &self.figures
        {
            let value = write_values(values, unit.decimals(), unit.sign());
            let goal = goal.judge(median(values));
            let _ = writeln!(lines, "| {number} | {title} | {name} | {value} | {goal} |");
            (number, title) = ("", "");
        }
        for Check { text, values, goal } in &self.checks {
            let (value, goal) = (write_values(values, 2, ""), goal.judge(median(values)));
            let _ = writeln!(lines, "| | | {text} | {value} | {goal} |");
        }
        for note in &self.notes {
            let _ = writeln!(lines, "| | | {note} | | | |");
        }
        lines
    }
}

impl Goal {
    /// The goal and whether it is reached: two columns.
    fn judge(self, value: f64) -> String {
        let (goal, is_reached) = match self {
            Self::AtLeast(least) => (format!("≥ {least}"), value >= least),
            Self::AtMost(most) => (format!("≤ {most}"), value <= most),
            Self::None => return "|".to_owned(),
        };
        format!("{goal} | {}", if is_reached { "**yes**" } else { "no" })
    }
}

fn write_values(values: &[f64], decimals: usize, sign: &str) -> String {
    let (low, high) = spread(values);
    let middle = median(values);
    match values.len() {
        0 | 1 => format!("{middle:.decimals$}{sign}"),
        _ => format!("{middle:.decimals$}{sign} ({low:.decimals$} to {high:.decimals$})"),
    }
}

/// The head of the table.
pub(crate) const HEAD: &str = "| # | what | figure, or one : another | median (min to max) | goal | reached |\n\
                               |---|---|---|---|---|---|\n";

impl Unit {
    fn decimals(self) -> usize {
        match self {
            Self::PerSecond | Self::Count => 0,
            Self::Milliseconds | Self::Seconds => 2,
            Self::Kibibytes | Self::Mebibytes => 1,
        }
    }

    fn sign(self) -> &'static str {
        match self {
            Self::PerSecond => "/s",
            Self::Milliseconds => " ms",
            Self::Seconds => " s",
            Self::Kibibytes => " KiB",
            Self::Mebibytes => " MiB",
            Self::Count => "",
        }
    }
}

/// The one in the middle; not a number where there is none.
pub(crate) fn median(values: &[f64]) -> f64 {
    percentile(values, 0.5)
}

/// The value below which that share of all lies, between two where none is exactly there.
pub(crate) fn percentile(values: &[f64], share: f64) -> f64 {
    let mut sorted = values.to_vec();
    sorted.sort_by(f64::total_cmp);
    let Some(last) = sorted.len().checked_sub(1) else {
        return f64::NAN;
    };
    let at = last as f64 * share;
    let (below, above) = (sorted[at.floor() as usize], sorted[at.ceil() as usize]);
    below + (above - below) * at.fract()
}

fn spread(values: &[f64]) -> (f64, f64) {
    let low = values.iter().copied().fold(f64::INFINITY, f64::min);
    (low, values.iter().copied().fold(f64::NEG_INFINITY, f64::max))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_median_is_the_one_in_the_middle() {
        assert!((median(&[3.0, 1.0, 2.0]) - 2.0).abs() < f64::EPSILON);
        assert!((median(&[4.0, 1.0, 2.0, 3.0]) - 2.5).abs() < f64::EPSILON);
        assert!((percentile(&[4.0, 1.0, 2.0, 3.0], 1.0) - 4.0).abs() < f64::EPSILON);
        assert!(median(&[]).is_nan());
        assert_eq!(spread(&[3.0, 1.0, 2.0]), (1.0, 3.0));
    }

    #[test]
    fn a_row_says_whether_its_goals_are_reached() {
        let mut row = Outcome::new("3", "a list");
        for (limit, ours) in [(100.0, 80.0), (200.0, 150.0), (100.0, 79.0)] {
            row.record("limit", Unit::PerSecond, limit);
            row.record("slipway", Unit::PerSecond, ours);
        }
        row.compare_with_best("slipway", &["limit", "not measured"], Goal::AtLeast(0.75));
        row.require("slipway", Goal::AtMost(70.0));
        row.compare("slipway", "not measured", Goal::AtLeast(1.0));
        assert_eq!(
            row.to_markdown(),
            "| 3 | a list | limit | 100/s (100 to 200) | | |\n\
             |  |  | slipway | 80/s (79 to 150) | ≤ 70 | no |\n\
             | | | slipway : limit | 0.79 (0.75 to 0.80) | ≥ 0.75 | **yes** |\n"
        );
    }
}
