//! From what was counted to what is shown.

use slipway_api::{DurationInsightView, FrequencyInsightView, InsightView, RateInsightView};
use slipway_store::insights::{Numbers, Spread};

/// The numbers of so many days that have begun.
pub(super) fn view(numbers: &Numbers, days: i64) -> InsightView {
    let all = numbers.deployments;
    let ended = numbers.succeeded + numbers.failed;
    InsightView {
        deployments: all,
        succeeded: numbers.succeeded,
        failed: numbers.failed,
        canceled: numbers.canceled,
        unknown: numbers.unknown,
        unfinished: numbers.unfinished,
        frequency: FrequencyInsightView {
            per_day: ratio(numbers.succeeded, days),
            days,
            counted: numbers.succeeded,
            left_out: all - numbers.succeeded,
        },
        failure_rate: RateInsightView {
            value: ratio(numbers.failed, ended),
            counted: ended,
            left_out: all - ended,
            reason: (ended == 0).then(|| "nothing_ended".to_owned()),
        },
        duration: duration(&numbers.duration, all, numbers.succeeded, "nothing_succeeded"),
        lead_time: duration(&numbers.lead_time, all, numbers.succeeded, "nothing_succeeded"),
        recovery: duration(&numbers.recovery, all, numbers.failed, "nothing_failed"),
    }
}

fn duration(spread: &Spread, all: i64, candidates: i64, without_any: &str) -> DurationInsightView {
    let reason = match (spread.counted, candidates) {
        (0, 0) => Some(without_any),
        (0, _) => Some("times_unknown"),
        _ => None,
    };
    DurationInsightView {
        median_ms: spread.median_ms,
        p95_ms: spread.p95_ms,
        counted: spread.counted,
        left_out: all - spread.counted,
        reason: reason.map(str::to_owned),
    }
}

#[expect(
    clippy::cast_precision_loss,
    reason = "nobody has as many deployments as a double cannot count"
)]
fn ratio(part: i64, whole: i64) -> Option<f64> {
    (whole > 0).then(|| part as f64 / whole as f64)
}
