//! Which trace each span belongs to, and what of it is exported.
//!
//! A span with a place of its own names it in its fields (`trace_id`, `span_id`, `trace_flags`), so that every line of the log
//! within carries it; spans within take it over. Nothing is random here.

use std::fmt;
use std::sync::Arc;

use slipway_core::{Clock, TraceContext, TraceFinder};
use time::OffsetDateTime;
use tracing::field::{Field, Visit};
use tracing::span::{Attributes, Id, Record};
use tracing::{Dispatch, Subscriber};
use tracing_subscriber::Layer;
use tracing_subscriber::layer::Context;
use tracing_subscriber::registry::{LookupSpan, Registry};

use super::otlp::Exporter;

/// Keeps the trace of each span, and hands those with a place of their own to the exporter when they end.
pub(super) struct Traces {
    clock: Arc<dyn Clock>,
    /// None: nothing is exported.
    exporter: Option<Exporter>,
    finder: TraceFinder,
}

/// A span that has ended.
#[derive(Debug, Clone, PartialEq)]
pub(super) struct Finished {
    pub(super) name: &'static str,
    pub(super) context: TraceContext,
    pub(super) parent_span_id: Option<String>,
    pub(super) started_at: OffsetDateTime,
    pub(super) ended_at: OffsetDateTime,
    pub(super) attributes: Vec<(&'static str, Value)>,
}

/// What a field of a span can be.
#[derive(Debug, Clone, PartialEq)]
pub(super) enum Value {
    Text(String),
    Integer(i64),
    Boolean(bool),
}

/// One that has not.
struct Open {
    context: TraceContext,
    parent_span_id: Option<String>,
    started_at: OffsetDateTime,
    fields: Fields,
}

impl Traces {
    pub(super) fn new(clock: Arc<dyn Clock>, exporter: Option<Exporter>) -> Self {
        Self {
            clock,
            exporter,
            finder: TraceFinder(find),
        }
    }
}

fn find(dispatch: &Dispatch, id: &Id) -> Option<TraceContext> {
    let span = dispatch.downcast_ref::<Registry>()?.span(id)?;
    span.extensions().get::<TraceContext>().copied()
}

impl<S: Subscriber + for<'a> LookupSpan<'a>> Layer<S> for Traces {
    fn on_new_span(&self, attributes: &Attributes<'_>, id: &Id, context: Context<'_, S>) {
        let Some(span) = context.span(id) else { return };
        if !attributes.metadata().target().starts_with("slipway") {
            return;
        }
        let mut named = HasPlace(false);
        attributes.record(&mut named);
        let mut fields = Fields::default();
        if named.0 {
            attributes.record(&mut fields);
        }
        let Some(place) = fields.take_place() else {
            let inherited = span
                .parent()
                .and_then(|parent| parent.extensions().get::<TraceContext>().copied());
            if let Some(inherited) = inherited {
                span.extensions_mut().insert(inherited);
            }
            return;
        };
        span.extensions_mut().insert(place);
        if self.exporter.is_some() && place.is_sampled() {
            span.extensions_mut().insert(Open {
                context: place,
                parent_span_id: fields.take("parent_span_id"),
                started_at: self.clock.now(),
                fields,
            });
        }
    }

    fn on_record(&self, id: &Id, values: &Record<'_>, context: Context<'_, S>) {
        if let Some(span) = context.span(id)
            && let Some(open) = span.extensions_mut().get_mut::<Open>()
        {
            values.record(&mut open.fields);
        }
    }

    fn on_close(&self, id: Id, context: Context<'_, S>) {
        let (Some(span), Some(exporter)) = (context.span(&id), &self.exporter) else {
            return;
        };
        let Some(open) = span.extensions_mut().remove::<Open>() else {
            return;
        };
        exporter.send(Finished {
            name: span.name(),
            context: open.context,
            parent_span_id: open.parent_span_id,
            started_at: open.started_at,
            ended_at: self.clock.now(),
            attributes: open.fields.0,
        });
    }

    unsafe fn downcast_raw(&self, id: std::any::TypeId) -> Option<*const ()> {
        if id == std::any::TypeId::of::<Self>() {
            return Some(std::ptr::from_ref(self).cast());
        }
        (id == std::any::TypeId::of::<TraceFinder>()).then(|| std::ptr::from_ref(&self.finder).cast())
    }
}

/// Whether a span names its place. Most do not, and then nothing of them is copied.
struct HasPlace(bool);

impl Visit for HasPlace {
    fn record_str(&mut self, field: &Field, _: &str) {
        self.0 |= field.name() == "trace_id";
    }

    fn record_debug(&mut self, field: &Field, _: &dyn fmt::Debug) {
        self.0 |= field.name() == "trace_id";
    }
}

/// The fields of a span. One that is recorded again has its last value.
#[derive(Debug, Default)]
struct Fields(Vec<(&'static str, Value)>);

impl Fields {
    fn set(&mut self, field: &Field, value: Value) {
        self.0.retain(|(name, _)| *name != field.name());
        self.0.push((field.name(), value));
    }

    fn take(&mut self, name: &str) -> Option<String> {
        let place = self.0.iter().position(|(known, _)| *known == name)?;
        match self.0.swap_remove(place).1 {
            Value::Text(text) => Some(text),
            Value::Integer(_) | Value::Boolean(_) => None,
        }
    }

    fn take_place(&mut self) -> Option<TraceContext> {
        let (trace_id, span_id) = (self.take("trace_id")?, self.take("span_id")?);
        let flags = self.take("trace_flags").unwrap_or_else(|| "01".to_owned());
        TraceContext::parse(&format!("00-{trace_id}-{span_id}-{flags}"))
    }
}

impl Visit for Fields {
    fn record_str(&mut self, field: &Field, value: &str) {
        self.set(field, Value::Text(value.to_owned()));
    }

    fn record_i64(&mut self, field: &Field, value: i64) {
        self.set(field, Value::Integer(value));
    }

    fn record_u64(&mut self, field: &Field, value: u64) {
        self.set(field, Value::Integer(i64::try_from(value).unwrap_or(i64::MAX)));
    }

    fn record_bool(&mut self, field: &Field, value: bool) {
        self.set(field, Value::Boolean(value));
    }

    fn record_debug(&mut self, field: &Field, value: &dyn fmt::Debug) {
        self.set(field, Value::Text(format!("{value:?}")));
    }
}
