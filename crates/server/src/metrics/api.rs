//! Requests, streams, answers in memory, and the feed behind them.

use slipway_feed::FeedFigures;

use super::stored::Stored;
use super::text::Text;
use crate::state::AppState;

/// Without an API the metrics stand there without a sample.
pub(super) fn write(text: &mut Text, state: Option<&AppState>, stored: Option<&Stored>) {
    requests(text, state);
    caches(text, state);
    let feed = state.map(|state| state.feed().figures());
    event_log(text, state, feed.as_ref(), stored);
    subscribers(text, feed.as_ref());
}

fn requests(text: &mut Text, state: Option<&AppState>) {
    let figures = state.map(AppState::request_figures);
    let routes = figures.map(|figures| figures.routes()).unwrap_or_default();
    let mut total = text.counter(
        "slipway_http_requests_total",
        "Requests by the template of their path; a stream counts when it begins.",
    );
    for route in &routes {
        for (status, count) in route.ended() {
            total.sample(
                &[("method", route.method()), ("route", route.route()), ("status", status)],
                count,
            );
        }
    }
    let mut took = text.histogram(
        "slipway_http_request_duration_seconds",
        "From the head of a request to the head of its answer.",
    );
    for route in &routes {
        took.buckets(
            &[("method", route.method()), ("route", route.route())],
            &route.durations().counts(),
        );
    }
    text.gauge(
        "slipway_http_requests_in_flight",
        "Requests that are not answered yet; streams are once they begin.",
    )
    .sample_if_known(&[], figures.map(|figures| figures.in_flight()));
    let mut problems = text.counter(
        "slipway_http_problems_total",
        "Errors that were answered, by the code of the problem.",
    );
    for (code, count) in figures.map(|figures| figures.problems()).unwrap_or_default() {
        problems.sample(&[("code", code)], count);
    }
    text.gauge(
        "slipway_http_open_streams",
        "Event streams, log streams and waiting requests that are open.",
    )
    .sample_if_known(&[], state.map(|state| state.streams().count()));
}

fn caches(text: &mut Text, state: Option<&AppState>) {
    let caches = state.map(|state| {
        [
            ("list", state.hot_lists().figures()),
            ("deployment", state.hot_deployments().figures()),
            ("applications", state.hot_applications().figures()),
        ]
    });
    let caches = caches.as_ref().map(|caches| caches.as_slice()).unwrap_or_default();
    let mut hits = text.counter(
        "slipway_answer_cache_hits_total",
        "Answers that were in memory and hold.",
    );
    for (kind, figures) in caches {
        hits.sample(&[("kind", kind)], figures.hits);
    }
    let mut misses = text.counter(
        "slipway_answer_cache_misses_total",
        "Answers that were not, also those that shared the read of an equal question.",
    );
    for (kind, figures) in caches {
        misses.sample(&[("kind", kind)], figures.misses);
    }
    let mut entries = text.gauge("slipway_answer_cache_entries", "Answers in memory.");
    for (kind, figures) in caches {
        entries.sample(&[("kind", kind)], figures.entries);
    }
    let mut bytes = text.gauge("slipway_answer_cache_bytes", "Memory that these answers take.");
    for (kind, figures) in caches {
        bytes.sample(&[("kind", kind)], figures.bytes);
    }
}

fn event_log(text: &mut Text, state: Option<&AppState>, feed: Option<&FeedFigures>, stored: Option<&Stored>) {
    text.gauge(
        "slipway_event_log_head",
        "The number of the last event in the database.",
    )
    .sample_if_known(&[], stored.map(|stored| stored.head.seq));
    let position = state.and_then(|state| state.feed().head());
    text.gauge(
        "slipway_feed_position",
        "The number of the last event that this process has read.",
    )
    .sample_if_known(&[], position.as_ref().map(|position| position.seq));
    let of_one_log = position
        .as_ref()
        .zip(stored)
        .filter(|(position, stored)| position.epoch == stored.head.epoch);
    text.gauge(
        "slipway_feed_lag_events",
        "How many events the database has that this process has not read.",
    )
    .sample_if_known(
        &[],
        of_one_log.map(|(position, stored)| (stored.head.seq - position.seq).max(0)),
    );
    let last_read = feed.and_then(|feed| feed.last_read_at);
    text.gauge(
        "slipway_feed_last_read_timestamp_seconds",
        "When this process last read the event log, as Unix time.",
    )
    .sample_if_known(&[], last_read.map(super::sync::unix_seconds));
    text.counter("slipway_feed_events_total", "Events that this process has read.")
        .sample_if_known(&[], feed.map(|feed| feed.events_read));
    text.gauge("slipway_feed_ring_events", "Events in memory.")
        .sample_if_known(&[], feed.map(|feed| feed.ring_events));
    text.counter(
        "slipway_feed_ring_hits_total",
        "How often a subscriber found in memory what it wanted.",
    )
    .sample_if_known(&[], feed.map(|feed| feed.ring_hits));
    text.counter("slipway_feed_replays_total", "How often one had to read the database.")
        .sample_if_known(&[], feed.map(|feed| feed.replays));
}

fn subscribers(text: &mut Text, feed: Option<&FeedFigures>) {
    text.gauge("slipway_feed_subscribers", "Who follows the event log.")
        .sample_if_known(&[], feed.map(|feed| feed.subscribers));
    text.gauge(
        "slipway_feed_subscribers_behind",
        "Who of them has not taken yet what waits for it.",
    )
    .sample_if_known(&[], feed.map(|feed| feed.subscribers_behind));
    text.gauge(
        "slipway_feed_backlog_events",
        "How many positions of the log all subscribers together are behind.",
    )
    .sample_if_known(&[], feed.map(|feed| feed.backlog));
    text.gauge(
        "slipway_feed_backlog_max_events",
        "How many positions of the log the slowest subscriber is behind.",
    )
    .sample_if_known(&[], feed.map(|feed| feed.backlog_max));
}
