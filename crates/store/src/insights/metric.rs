//! What is measured, and which deployments count for it.

/// What is measured.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Metric {
    /// How many succeed in a day.
    Frequency,
    /// Which share of those that succeed or fail, fails.
    FailureRate,
    /// How long those take that succeed.
    Duration,
    /// How long it takes from a commit to the end of the deployment that brings it.
    LeadTime,
    /// How long it takes from a failed deployment to the end of the next one of its application that succeeds.
    Recovery,
}

/// What [`Metric::Recovery`] needs to know beside a failed deployment `one`: how the one before it ended, and which one brought
/// the application back.
pub(super) const NEIGHBOURS: &str = " LEFT JOIN LATERAL (
        SELECT earlier.status FROM deployments AS earlier
        WHERE one.status = 'failed' AND earlier.application_id = one.application_id
              AND earlier.status IN ('succeeded', 'failed')
              AND (earlier.created_at, earlier.id) < (one.created_at, one.id)
        ORDER BY earlier.created_at DESC, earlier.id DESC LIMIT 1) AS before ON true
    LEFT JOIN LATERAL (
        SELECT later.id, later.finished_at FROM deployments AS later
        WHERE one.status = 'failed' AND later.application_id = one.application_id AND later.status = 'succeeded'
              AND (later.created_at, later.id) > (one.created_at, one.id)
        ORDER BY later.created_at, later.id LIMIT 1) AS after ON true";

/// Of a failed deployment with its [`NEIGHBOURS`], in milliseconds.
const RECOVERY_MS: &str = "CASE WHEN after.finished_at >= one.finished_at THEN
        trunc(extract(epoch FROM after.finished_at - one.finished_at) * 1000)::bigint END";

impl Metric {
    /// Every metric.
    pub const ALL: [Self; 5] = [
        Self::Frequency,
        Self::FailureRate,
        Self::Duration,
        Self::LeadTime,
        Self::Recovery,
    ];

    /// The public spelling.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Frequency => "frequency",
            Self::FailureRate => "failure_rate",
            Self::Duration => "duration",
            Self::LeadTime => "lead_time",
            Self::Recovery => "recovery",
        }
    }

    /// What is joined to `deployments AS one` for it.
    pub(super) const fn joins(self) -> &'static str {
        match self {
            Self::Recovery => NEIGHBOURS,
            _ => "",
        }
    }

    /// Milliseconds that one deployment gives, or null.
    pub(super) const fn value(self) -> &'static str {
        match self {
            Self::Frequency | Self::FailureRate => "NULL::bigint",
            Self::Duration => "one.duration_ms",
            Self::LeadTime => "one.lead_time_ms",
            Self::Recovery => RECOVERY_MS,
        }
    }

    /// Why a deployment is left out; null where it counts. The words are public.
    pub(super) fn reason(self) -> String {
        let unless_succeeded = |inner: &str| {
            format!(
                "CASE WHEN one.status = 'succeeded' THEN {inner} WHEN one.status IN ('failed', 'canceled') THEN one.status
                 WHEN one.is_finished THEN 'outcome_unknown' ELSE 'unfinished' END"
            )
        };
        match self {
            Self::Frequency => unless_succeeded("NULL"),
            Self::FailureRate => "CASE WHEN one.status IN ('succeeded', 'failed') THEN NULL
                 WHEN one.status = 'canceled' THEN 'canceled'
                 WHEN one.is_finished THEN 'outcome_unknown' ELSE 'unfinished' END"
                .to_owned(),
            Self::Duration => unless_succeeded("CASE WHEN one.duration_ms IS NULL THEN 'duration_unknown' END"),
            Self::LeadTime => unless_succeeded(
                "CASE WHEN one.lead_time_ms IS NOT NULL THEN NULL WHEN one.rollback_of_id IS NOT NULL THEN 'rollback'
                      ELSE 'lead_time_unknown' END",
            ),
            Self::Recovery => format!(
                "CASE WHEN one.status <> 'failed' THEN 'not_failed' WHEN before.status = 'failed' THEN 'already_failing'
                      WHEN after.id IS NULL THEN 'not_recovered' WHEN {RECOVERY_MS} IS NULL THEN 'finish_time_unknown' END"
            ),
        }
    }
}
