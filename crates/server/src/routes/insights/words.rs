//! How numbers are computed and why deployments are left out, in sentences.

use slipway_store::insights::Metric;

/// How a number is computed.
pub(super) fn definition(metric: Metric) -> &'static str {
    match metric {
        Metric::Frequency => {
            "Deployments that succeeded, divided by the days that have begun, days without deployments included. A deployment \
             belongs to the day on which it was created."
        }
        Metric::FailureRate => {
            "Deployments that failed, divided by those that succeeded or failed. A deployment belongs to the day on which it \
             was created."
        }
        Metric::Duration => {
            "From the start of work to its end, as the provider tells them, of deployments that succeeded: the median and the \
             95th percentile, interpolated. Time in the queue is not part of it."
        }
        Metric::LeadTime => {
            "From the commit to the end of the deployment, of those that succeeded and whose provider tells both times: the \
             median and the 95th percentile, interpolated."
        }
        Metric::Recovery => {
            "From the end of a deployment that failed to the end of the next one of the same application that succeeded, also \
             when that came after the last day; of several that failed in a row only the first counts. The median and the 95th \
             percentile, interpolated."
        }
    }
}

/// Why deployments are left out.
pub(super) fn explanation(reason: &str) -> &'static str {
    match reason {
        "failed" => "It failed.",
        "canceled" => "Somebody stopped it before its end.",
        "outcome_unknown" => "It ended, and the provider does not tell how in words that are known.",
        "unfinished" => "It has not ended yet.",
        "duration_unknown" => "It succeeded, and the provider does not tell when it began or when it ended.",
        "lead_time_unknown" => {
            "It succeeded, and the provider does not tell when its commit was made or when it ended, or tells a commit later \
             than the end."
        }
        "rollback" => "It took the application back to an earlier state, and brought no new commit.",
        "not_failed" => "It did not fail, so nothing had to recover.",
        "already_failing" => "The one before it had failed too: the time counts from the first.",
        "not_recovered" => "No later deployment of the application has succeeded yet.",
        "finish_time_unknown" => "The provider does not tell when it ended, or when the one after it did.",
        _ => "",
    }
}
