//! The place of a request in a trace.

use slipway_core::TraceContext;

/// A place of its own below another one, or in a new trace.
pub(crate) fn next(parent: Option<TraceContext>) -> TraceContext {
    match parent {
        Some(parent) => parent.child(rand::random()),
        None => TraceContext::root(rand::random(), rand::random()),
    }
}
