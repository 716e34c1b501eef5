//! Which lines are logged.
//!
//! Spans of ours that name something are there whatever the log leaves out: a request's id and its trace go on through them
//! to providers, to events and to the lines that are left.

use tracing::span::{Attributes, Id, Record};
use tracing::subscriber::Interest;
use tracing::{Event, Level, Metadata, Subscriber};
use tracing_subscriber::filter::{LevelFilter, ParseError, Targets};
use tracing_subscriber::layer::Context;
use tracing_subscriber::{EnvFilter, Layer};

/// The filter of the configuration.
pub(super) struct Wanted<S>(Box<dyn Layer<S> + Send + Sync>);

impl<S: Subscriber> Wanted<S> {
    /// From directives such as `info,slipway_engine=debug`.
    pub(super) fn parse(directives: &str) -> Result<Self, ParseError> {
        let filter = EnvFilter::try_new(directives)?;
        // Only directives about spans and their fields need a look at each step of a request; levels by target do not.
        if !directives.contains('[')
            && let Ok(targets) = directives.parse::<Targets>()
        {
            return Ok(Self(Box::new(targets)));
        }
        Ok(Self(Box::new(filter)))
    }
}

fn is_always_there(metadata: &Metadata<'_>) -> bool {
    metadata.is_span() && *metadata.level() <= Level::INFO && metadata.target().starts_with("slipway")
}

impl<S: Subscriber> Layer<S> for Wanted<S> {
    fn register_callsite(&self, metadata: &'static Metadata<'static>) -> Interest {
        let interest = self.0.register_callsite(metadata);
        if is_always_there(metadata) {
            Interest::always()
        } else {
            interest
        }
    }

    fn enabled(&self, metadata: &Metadata<'_>, context: Context<'_, S>) -> bool {
        is_always_there(metadata) || self.0.enabled(metadata, context)
    }

    fn max_level_hint(&self) -> Option<LevelFilter> {
        self.0.max_level_hint().map(|hint| hint.max(LevelFilter::INFO))
    }

    fn on_new_span(&self, attributes: &Attributes<'_>, id: &Id, context: Context<'_, S>) {
        self.0.on_new_span(attributes, id, context);
    }

    fn on_record(&self, span: &Id, values: &Record<'_>, context: Context<'_, S>) {
        self.0.on_record(span, values, context);
    }

    fn event_enabled(&self, event: &Event<'_>, context: Context<'_, S>) -> bool {
        self.0.event_enabled(event, context)
    }

    fn on_enter(&self, id: &Id, context: Context<'_, S>) {
        self.0.on_enter(id, context);
    }

    fn on_exit(&self, id: &Id, context: Context<'_, S>) {
        self.0.on_exit(id, context);
    }

    fn on_close(&self, id: Id, context: Context<'_, S>) {
        self.0.on_close(id, context);
    }
}
