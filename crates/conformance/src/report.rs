//! What came of the cases.

use std::fmt;

/// How one case ended.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Verdict {
    /// The adapter does as it should.
    Passed,
    /// It does not, and this is how.
    Failed(String),
    /// It does not, as declared, for this reason.
    Deviates(&'static str),
    /// Its capabilities do not call for this case.
    NotApplicable,
}

/// One case with its verdict.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Outcome {
    /// The case's name.
    pub case: &'static str,
    /// How it ended.
    pub verdict: Verdict,
}

/// All cases that were tried. Its text is a table for people.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Report {
    /// In the order of the suite.
    pub outcomes: Vec<Outcome>,
}

impl Report {
    /// Whether nothing failed, and something was tried.
    pub fn is_success(&self) -> bool {
        let has_failed = |outcome: &Outcome| matches!(outcome.verdict, Verdict::Failed(_));
        !self.outcomes.is_empty() && !self.outcomes.iter().any(has_failed)
    }

    /// How many cases passed.
    pub fn passed(&self) -> usize {
        self.outcomes
            .iter()
            .filter(|outcome| outcome.verdict == Verdict::Passed)
            .count()
    }
}

impl fmt::Display for Report {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        for Outcome { case, verdict } in &self.outcomes {
            match verdict {
                Verdict::Passed => writeln!(f, "ok       {case}")?,
                Verdict::Failed(why) => writeln!(f, "FAILED   {case}: {why}")?,
                Verdict::Deviates(reason) => writeln!(f, "deviates {case}: {reason}")?,
                Verdict::NotApplicable => writeln!(f, "-        {case}")?,
            }
        }
        Ok(())
    }
}
