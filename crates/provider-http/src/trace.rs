//! The trace that the present work belongs to. Spans carry it: whoever keeps them tells.

use slipway_core::TraceContext;
use tracing::{Dispatch, Span, dispatcher};

/// How the subscriber that keeps the spans tells the trace of one. It answers to this type by
/// [`tracing::Subscriber::downcast_raw`].
#[derive(Debug, Clone, Copy)]
pub struct TraceFinder(pub fn(&Dispatch, &tracing::span::Id) -> Option<TraceContext>);

/// The trace of the present span; none outside of any, and where nobody keeps them.
pub fn current_trace() -> Option<TraceContext> {
    let id = Span::current().id()?;
    dispatcher::get_default(|dispatch| {
        let finder = dispatch.downcast_ref::<TraceFinder>()?;
        (finder.0)(dispatch, &id)
    })
}

/// A place of its own below another one, or in a new trace.
pub(crate) fn next(parent: Option<TraceContext>) -> TraceContext {
    match parent {
        Some(parent) => parent.child(rand::random()),
        None => TraceContext::root(rand::random(), rand::random()),
    }
}
