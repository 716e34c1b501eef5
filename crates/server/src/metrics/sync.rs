//! Accounts, what was asked of their providers, and what came of it.

use slipway_core::FreshnessState;
use time::OffsetDateTime;

use super::stored::Stored;
use super::text::Text;
use crate::freshness::AccountFreshness;
use crate::monitored::Monitored;

/// The closed set of `freshness.state`.
const STATES: [FreshnessState; 5] = [
    FreshnessState::Fresh,
    FreshnessState::Syncing,
    FreshnessState::Stale,
    FreshnessState::Error,
    FreshnessState::Never,
];

pub(super) fn write(text: &mut Text, monitored: &Monitored, stored: Option<&Stored>) {
    accounts(text, monitored, stored);
    budgets(text, monitored);
    upstream(text, monitored);
    work(text, monitored);
    let unmapped = stored.map(|stored| &stored.unmapped);
    let mut seen = text.counter(
        "slipway_unmapped_statuses_total",
        "Observations whose status no mapping knows, in all processes; GET /api/v1/providers names the statuses.",
    );
    for (provider, (count, _)) in unmapped.into_iter().flatten() {
        seen.sample(&[("provider", provider)], count);
    }
    let mut words = text.gauge("slipway_unmapped_status_words", "How many such statuses there are.");
    for (provider, (_, count)) in unmapped.into_iter().flatten() {
        words.sample(&[("provider", provider)], count);
    }
}

/// Of the accounts that are configured: others have no reader, and their age says nothing.
fn accounts(text: &mut Text, monitored: &Monitored, stored: Option<&Stored>) {
    let all = stored
        .map(|stored| stored.accounts.accounts.as_slice())
        .unwrap_or_default();
    let is_configured =
        |account: &&AccountFreshness| monitored.setup.provider(&account.row.account.as_str().into()).is_some();
    let accounts: Vec<_> = all.iter().filter(is_configured).collect();
    let now = monitored.clock.now();
    fn labels(account: &AccountFreshness) -> [(&str, &str); 2] {
        [
            ("account", account.row.account.as_str()),
            ("provider", account.row.provider.as_str()),
        ]
    }
    let mut lag = text.gauge(
        "slipway_account_lag_seconds",
        "How long ago an account was last read with success.",
    );
    for account in &accounts {
        let age = account
            .row
            .last_success_at
            .map(|at| (now - at).as_seconds_f64().max(0.0));
        lag.sample_if_known(&labels(account), age);
    }
    let mut state = text.gauge(
        "slipway_account_state",
        "1 for the state of an account's freshness, 0 for the others.",
    );
    for account in &accounts {
        let [name, provider] = labels(account);
        for known in STATES {
            let is_state = account.state(now) == known;
            state.sample(&[name, provider, ("state", known.as_str())], u8::from(is_state));
        }
    }
    let mut applications = text.gauge(
        "slipway_account_applications",
        "Applications of an account that are followed.",
    );
    for account in &accounts {
        applications.sample(&labels(account), account.backfill.all);
    }
    let mut complete = text.gauge(
        "slipway_account_applications_backfilled",
        "Applications of an account whose history was read to its end.",
    );
    for account in &accounts {
        complete.sample(&labels(account), account.backfill.complete);
    }
}

fn budgets(text: &mut Text, monitored: &Monitored) {
    let configured = monitored.setup.now();
    let budgets: Vec<_> = configured
        .registry
        .iter()
        .filter_map(|(account, provider)| Some((account.as_str(), provider.info().name, provider.rate_budget()?)))
        .collect();
    let mut left = text.gauge(
        "slipway_upstream_budget_remaining_requests",
        "Requests that are left of a provider's rate limit in its present window, as this process counts.",
    );
    for (account, provider, budget) in &budgets {
        left.sample(&[("account", account), ("provider", provider)], budget.remaining);
    }
    let mut limit = text.gauge("slipway_upstream_budget_limit_requests", "Requests in a whole window.");
    for (account, provider, budget) in &budgets {
        limit.sample(&[("account", account), ("provider", provider)], budget.limit);
    }
}

fn upstream(text: &mut Text, monitored: &Monitored) {
    let accounts = monitored.calls.accounts();
    let mut total = text.counter(
        "slipway_upstream_requests_total",
        "Requests to providers by how they ended: a class of statuses, a kind of error without an answer that could be used, \
         or held_back where our own count of the rate limit did not let them go.",
    );
    for (account, calls) in &accounts {
        for (operation, outcome, count) in calls.ended() {
            total.sample(
                &[("account", account), ("operation", operation), ("outcome", outcome)],
                count,
            );
        }
    }
    let mut took = text.histogram(
        "slipway_upstream_request_duration_seconds",
        "How long requests to providers took, to the end of the answer.",
    );
    for (account, calls) in &accounts {
        took.buckets(&[("account", account)], &calls.durations().counts());
    }
}

fn work(text: &mut Text, monitored: &Monitored) {
    let figures = &monitored.figures;
    let mut reads = text.counter(
        "slipway_sync_reads_total",
        "Looks at accounts and applications by how they ended: succeeded, postponed, not_stored, lease_lost, or the kind of \
         the provider's error.",
    );
    for (account, outcome, count) in figures.reads() {
        reads.sample(&[("account", &account), ("outcome", outcome)], count);
    }
    text.counter(
        "slipway_sync_lease_takeovers_total",
        "Targets taken over from a process that let its lease expire.",
    )
    .sample(&[], figures.lease_takeovers());
    text.counter(
        "slipway_sync_leases_lost_total",
        "Leases of this process that another one had taken over.",
    )
    .sample(&[], figures.leases_lost());
    let (created, changed) = figures.deployments();
    text.counter(
        "slipway_deployments_ingested_total",
        "Deployments that were brought in anew, and changes of known ones.",
    )
    .sample(&[("change", "created")], created)
    .sample(&[("change", "changed")], changed);
}

pub(super) fn unix_seconds(at: OffsetDateTime) -> f64 {
    (at - OffsetDateTime::UNIX_EPOCH).as_seconds_f64()
}
