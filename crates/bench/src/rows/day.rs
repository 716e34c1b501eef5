//! Row 13: a simulated day on the providers' rate limits.

use std::path::Path;

use slipway_simulator::Provider;

use crate::day::{self, Day, Kind, Lag};
use crate::report::{Goal, Outcome, Unit, percentile};
use crate::{Effort, Result};

/// Stacks on a page of Cloud 66.
const STACKS_ON_A_PAGE: usize = 30;
/// What Cloud 66 lets one ask in an hour, what is kept for writes taken off.
const CLOUD66_REQUESTS: f64 = 3_600.0 - 60.0;

pub(super) async fn measure(effort: &Effort) -> Result<Outcome> {
    let day = day::measure(effort.day_applications, effort.day_hours).await?;
    if let Some(file) = &effort.plot {
        write_plot(file, &day)?;
    }
    Ok(tell(&day, effort))
}

fn write_plot(file: &Path, day: &Day) -> Result<()> {
    Ok(std::fs::write(file, day::draw(day))?)
}

/// In how many seconds a change can be seen by polling, at the latest: an account's list is read as often as it is set, and no
/// more often than the provider's limit allows for all of its pages.
fn bound(provider: Provider, applications: usize) -> f64 {
    let every = day::settings().account_interval.as_secs_f64();
    match provider {
        Provider::Cloud66 => every.max(applications.div_ceil(STACKS_ON_A_PAGE) as f64 * 3_600.0 / CLOUD66_REQUESTS),
        Provider::Scalingo => every,
    }
}

fn tell(day: &Day, effort: &Effort) -> Outcome {
    let mut row = Outcome::new(
        "13",
        format!(
            "{} simulated hours of {} applications over 10 accounts, 2 % changing an hour",
            effort.day_hours, effort.day_applications
        ),
    );
    let (read_in, read_by) = &day.first_read;
    row.record(
        "first read of everything, minutes",
        Unit::Count,
        read_in.as_secs_f64() / 60.0,
    );
    let read_by: u64 = read_by.sent.values().sum();
    row.record("first read of everything, calls", Unit::Count, read_by as f64);
    for kind in Kind::ALL {
        let name = format!("calls, {}", kind.name());
        row.record(&name, Unit::Count, day.asked.of_kind(kind) as f64);
    }
    for provider in [Provider::Cloud66, Provider::Scalingo].map(Provider::name) {
        let calls = day.asked.sent.get(&(provider, Kind::Status)).copied().unwrap_or(0);
        row.record(&format!("calls, status, {provider}"), Unit::Count, calls as f64);
    }
    row.record(
        "calls that our own budget put off",
        Unit::Count,
        day.asked.held_back as f64,
    );
    row.record(
        "calls that were throttled or failed",
        Unit::Count,
        day.asked.refused as f64,
    );
    row.record(
        "deployments",
        Unit::Count,
        day.lags.iter().filter(|lag| lag.is_new).count() as f64,
    );
    row.record("changes of their status", Unit::Count, day.lags.len() as f64);
    row.record(
        "changes that were never seen",
        Unit::Count,
        day.lags.iter().filter(|lag| lag.seen.is_none()).count() as f64,
    );
    row.compare("calls, status", "changes of their status", Goal::AtMost(1.5));
    row.compare("calls, status", "deployments", Goal::None);
    row.require("calls that were throttled or failed", Goal::AtMost(0.0));
    row.require("changes that were never seen", Goal::AtMost(0.0));

    quantiles(&mut row, day, "lag, streamed", |_, is_streamed| is_streamed);
    row.require("lag, streamed, p95", Goal::AtMost(3.0));
    for provider in [Provider::Cloud66, Provider::Scalingo] {
        let name = format!("lag, polled, {}", provider.name());
        quantiles(&mut row, day, &name, |lag, is_streamed| {
            !is_streamed && lag.provider == provider
        });
        let bound_name = format!("bound of {}", provider.name());
        row.record(&bound_name, Unit::Seconds, bound(provider, day.applications_each));
        row.compare(&format!("{name}, p95"), &bound_name, Goal::AtMost(1.2));
    }
    if day.impatient > 0 {
        row.note(format!(
            "the clock moved on {} times while something was still being done",
            day.impatient
        ));
    }
    row.note("in virtual time: real engine, adapters, HTTP, WebSockets and PostgreSQL; timers are up to 0.5 s late");
    row
}

fn quantiles(row: &mut Outcome, day: &Day, name: &str, fits: impl Fn(&Lag, bool) -> bool) {
    let lags: Vec<f64> = day
        .lags
        .iter()
        .filter_map(|lag| lag.seen.filter(|(_, is_streamed)| fits(lag, *is_streamed)))
        .map(|(seconds, _)| seconds)
        .collect();
    for (word, share) in [("p50", 0.5), ("p95", 0.95), ("p99", 0.99)] {
        if !lags.is_empty() {
            row.record(&format!("{name}, {word}"), Unit::Seconds, percentile(&lags, share));
        }
    }
}
