#![doc = include_str!("../README.md")]

mod cases;
mod report;
mod subject;

use std::panic::AssertUnwindSafe;
use std::time::Duration;

use futures_util::FutureExt;
use tokio::time::timeout;

use cases::Case;
pub use report::{Outcome, Report, Verdict};
pub use subject::{Course, Deviation, Fault, Subject, World};

/// The longest that a case may take. Adapters give up long before.
const MAX_DURATION: Duration = Duration::from_secs(90);

/// Tries every case.
pub async fn run(subject: &dyn Subject) -> Report {
    run_where(subject, |_| true).await
}

/// Tries one case, by its name. The report is empty when there is none of that name.
pub async fn run_only(subject: &dyn Subject, name: &str) -> Report {
    run_where(subject, |case| case == name).await
}

/// The names of all cases.
pub fn case_names() -> Vec<&'static str> {
    cases::all().iter().map(|case| case.name).collect()
}

async fn run_where(subject: &dyn Subject, is_wanted: impl Fn(&str) -> bool) -> Report {
    let cases = cases::all();
    let mut outcomes = Vec::new();
    for case in cases.iter().filter(|case| is_wanted(case.name)) {
        let tried = tried(subject, case).await;
        let deviation = subject
            .deviations()
            .iter()
            .find(|deviation| deviation.case == case.name);
        let verdict = match (tried, deviation) {
            (Verdict::Failed(_), Some(deviation)) => Verdict::Deviates(deviation.reason),
            (_, Some(_)) => Verdict::Failed("it is declared a deviation and does not fail".to_owned()),
            (verdict, None) => verdict,
        };
        outcomes.push(Outcome {
            case: case.name,
            verdict,
        });
    }
    for deviation in subject.deviations() {
        if !cases.iter().any(|case| case.name == deviation.case) {
            outcomes.push(Outcome {
                case: deviation.case,
                verdict: Verdict::Failed("a deviation from a case that does not exist".to_owned()),
            });
        }
    }
    Report { outcomes }
}

async fn tried(subject: &dyn Subject, case: &Case) -> Verdict {
    let world = subject.world().await;
    if !(case.applies)(&world.provider().capabilities()) {
        return Verdict::NotApplicable;
    }
    let run = AssertUnwindSafe((case.run)(&*world)).catch_unwind();
    match timeout(MAX_DURATION, run).await {
        Ok(Ok(Ok(()))) => Verdict::Passed,
        Ok(Ok(Err(why))) => Verdict::Failed(why),
        Ok(Err(_)) => Verdict::Failed("it panicked".to_owned()),
        Err(_) => Verdict::Failed(format!("it did not end within {} s", MAX_DURATION.as_secs())),
    }
}
