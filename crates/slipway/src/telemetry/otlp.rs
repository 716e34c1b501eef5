//! Sends finished spans to a collector: OTLP over HTTP, as JSON
//! (<https://opentelemetry.io/docs/specs/otlp/#json-protobuf-encoding>). What cannot be sent is dropped: traces never hold
//! anything up.

use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Duration;

use serde_json::{Value as Json, json};
use slipway_provider_http::install_crypto_provider;
use tokio::sync::{mpsc, oneshot};
use url::Url;

use super::trace::{Finished, Value};
use crate::failure::Failure;

/// So many spans wait at most.
const QUEUE: usize = 4096;
const BATCH: usize = 512;
/// How long a span waits for others to go with.
const PAUSE: Duration = Duration::from_secs(2);
const PATIENCE: Duration = Duration::from_secs(5);

enum Message {
    Span(Box<Finished>),
    /// Answer once everything before was sent.
    Flush(oneshot::Sender<()>),
}

/// Where finished spans go.
#[derive(Clone)]
pub(super) struct Exporter {
    queue: mpsc::Sender<Message>,
    dropped: Arc<AtomicU64>,
}

impl Exporter {
    /// Starts sending to a collector, which is named without `/v1/traces`.
    pub(super) fn start(endpoint: &Url) -> Result<Self, Failure> {
        install_crypto_provider();
        let refused = |error: &dyn std::fmt::Display| Failure::new(format!("traces.endpoint cannot be used: {error}"));
        let mut url = endpoint.clone();
        url.path_segments_mut()
            .map_err(|()| refused(&"it takes no path"))?
            .pop_if_empty()
            .extend(["v1", "traces"]);
        let http = reqwest::Client::builder()
            .timeout(PATIENCE)
            .redirect(reqwest::redirect::Policy::none())
            .build()
            .map_err(|error| refused(&error.without_url()))?;
        let (queue, messages) = mpsc::channel(QUEUE);
        let dropped = Arc::new(AtomicU64::new(0));
        tokio::spawn(run(http, url, messages, Arc::clone(&dropped)));
        Ok(Self { queue, dropped })
    }

    pub(super) fn send(&self, span: Finished) {
        if self.queue.try_send(Message::Span(Box::new(span))).is_err() {
            self.dropped.fetch_add(1, Ordering::Relaxed);
        }
    }

    /// Waits, not for long, until everything was sent.
    pub(super) async fn flush(&self) {
        let (done, sent) = oneshot::channel();
        let flushed = async {
            if self.queue.send(Message::Flush(done)).await.is_ok() {
                let _ = sent.await;
            }
        };
        let _ = tokio::time::timeout(PATIENCE, flushed).await;
    }
}

async fn run(http: reqwest::Client, url: Url, mut messages: mpsc::Receiver<Message>, dropped: Arc<AtomicU64>) {
    let mut is_away = false;
    let mut taken = Vec::with_capacity(BATCH);
    while messages.recv_many(&mut taken, BATCH).await > 0 {
        if !taken.iter().any(|message| matches!(message, Message::Flush(_))) && taken.len() < BATCH {
            // Others that come meanwhile go along.
            tokio::select! {
                () = tokio::time::sleep(PAUSE) => {}
                _ = messages.recv_many(&mut taken, BATCH) => {}
            }
        }
        let (mut spans, mut waiting) = (Vec::new(), Vec::new());
        for message in taken.drain(..) {
            match message {
                Message::Span(span) => spans.push(*span),
                Message::Flush(done) => waiting.push(done),
            }
        }
        if !spans.is_empty() {
            let sent = http.post(url.clone()).json(&body(&spans)).send().await;
            let sent = sent.and_then(reqwest::Response::error_for_status);
            match sent {
                Ok(_) => is_away = false,
                Err(error) => {
                    dropped.fetch_add(u64::try_from(spans.len()).unwrap_or(0), Ordering::Relaxed);
                    if !std::mem::replace(&mut is_away, true) {
                        let error = error.without_url();
                        tracing::warn!(
                            error = &error as &dyn std::error::Error,
                            "traces cannot be sent and are dropped"
                        );
                    }
                }
            }
        }
        if waiting.is_empty() {
            continue;
        }
        let lost = dropped.load(Ordering::Relaxed);
        if lost > 0 {
            tracing::info!(spans = lost, "spans of traces were dropped");
        }
        for done in waiting {
            // Who waited may have given up.
            let _ = done.send(());
        }
    }
}

fn body(spans: &[Finished]) -> Json {
    let spans: Vec<Json> = spans.iter().map(span).collect();
    json!({"resourceSpans": [{
        "resource": {"attributes": [
            {"key": "service.name", "value": {"stringValue": "slipway"}},
            {"key": "service.version", "value": {"stringValue": env!("CARGO_PKG_VERSION")}},
        ]},
        "scopeSpans": [{"scope": {"name": "slipway", "version": env!("CARGO_PKG_VERSION")}, "spans": spans}],
    }]})
}

fn span(span: &Finished) -> Json {
    let attribute = |(name, value): &(&'static str, Value)| {
        // 64-bit integers are texts in this encoding.
        let value = match value {
            Value::Text(text) => json!({"stringValue": text}),
            Value::Integer(number) => json!({"intValue": number.to_string()}),
            Value::Boolean(is) => json!({"boolValue": is}),
        };
        json!({"key": name, "value": value})
    };
    let is_wrong = span.attributes.iter().any(|(name, value)| match (*name, value) {
        ("error", _) => true,
        ("http.status", Value::Integer(status)) => *status >= 500,
        _ => false,
    });
    let kind = match span.name {
        "server.request" => 2,
        "provider_http.request.send" => 3,
        _ => 1,
    };
    json!({
        "traceId": span.context.trace_id(),
        "spanId": span.context.span_id(),
        "parentSpanId": span.parent_span_id.as_deref().unwrap_or_default(),
        "name": span.name,
        "kind": kind,
        "startTimeUnixNano": span.started_at.unix_timestamp_nanos().to_string(),
        "endTimeUnixNano": span.ended_at.unix_timestamp_nanos().to_string(),
        "attributes": span.attributes.iter().map(attribute).collect::<Vec<_>>(),
        "status": {"code": if is_wrong { 2 } else { 0 }},
    })
}
