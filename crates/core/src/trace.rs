//! Where work belongs in a trace: [W3C Trace Context](https://www.w3.org/TR/trace-context/). Spans carry it, so that nobody
//! has to hand it on: whoever keeps the spans tells.

use std::fmt;

use tracing::{Dispatch, Span, dispatcher};

/// How the subscriber that keeps the spans tells the place of one. It answers to this type by
/// [`tracing::Subscriber::downcast_raw`].
#[derive(Debug, Clone, Copy)]
pub struct TraceFinder(pub fn(&Dispatch, &tracing::span::Id) -> Option<TraceContext>);

/// A trace and a place in it. Displayed as `traceparent` is written.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct TraceContext {
    trace_id: u128,
    span_id: u64,
    is_sampled: bool,
}

impl TraceContext {
    /// Where the present span belongs; none outside of any, and where nobody keeps them.
    pub fn current() -> Option<Self> {
        let id = Span::current().id()?;
        dispatcher::get_default(|dispatch| {
            let finder = dispatch.downcast_ref::<TraceFinder>()?;
            (finder.0)(dispatch, &id)
        })
    }

    /// A new trace. The numbers are random.
    pub fn root(trace_id: u128, span_id: u64) -> Self {
        Self {
            // All zeros is no id.
            trace_id: trace_id.max(1),
            span_id: span_id.max(1),
            is_sampled: true,
        }
    }

    /// The context of a `traceparent`, of any version that reads as the first one does; none of anything else, which then
    /// begins a new trace.
    pub fn parse(traceparent: &str) -> Option<Self> {
        let is_hex = |text: &str| text.bytes().all(|byte| matches!(byte, b'0'..=b'9' | b'a'..=b'f'));
        let mut parts = traceparent.trim().split('-');
        let mut part = |length: usize| parts.next().filter(|part| part.len() == length && is_hex(part));
        let (version, trace_id, span_id, flags) = (part(2)?, part(32)?, part(16)?, part(2)?);
        let has_more = parts.next().is_some();
        if version == "ff" || (version == "00" && has_more) {
            return None;
        }
        let trace_id = u128::from_str_radix(trace_id, 16).ok().filter(|id| *id != 0)?;
        let span_id = u64::from_str_radix(span_id, 16).ok().filter(|id| *id != 0)?;
        let is_sampled = u8::from_str_radix(flags, 16).ok()? & 1 == 1;
        Some(Self {
            trace_id,
            span_id,
            is_sampled,
        })
    }

    /// A place below this one. The number is random.
    #[must_use]
    pub fn child(self, span_id: u64) -> Self {
        Self {
            span_id: span_id.max(1),
            ..self
        }
    }

    /// 32 hexadecimal digits.
    pub fn trace_id(self) -> String {
        format!("{:032x}", self.trace_id)
    }

    /// 16 hexadecimal digits.
    pub fn span_id(self) -> String {
        format!("{:016x}", self.span_id)
    }

    /// `trace-flags`, 2 hexadecimal digits.
    pub fn flags(self) -> &'static str {
        if self.is_sampled { "01" } else { "00" }
    }

    /// Whether who began the trace wants it kept.
    pub fn is_sampled(self) -> bool {
        self.is_sampled
    }
}

impl fmt::Display for TraceContext {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "00-{:032x}-{:016x}-{}", self.trace_id, self.span_id, self.flags())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_traceparent_is_read_as_the_specification_says_and_nothing_else_is() {
        let known = "00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01";
        let context = TraceContext::parse(known).expect("the example of the specification");
        assert_eq!(context.to_string(), known);
        assert_eq!(context.trace_id(), "0af7651916cd43dd8448eb211c80319c");
        let child = context.child(7);
        assert_eq!(
            (child.trace_id(), child.span_id()),
            (context.trace_id(), format!("{:016x}", 7))
        );
        let unsampled = TraceContext::parse(&known.replace("-01", "-00")).expect("a context");
        assert!(!unsampled.is_sampled() && context.is_sampled());
        assert!(
            TraceContext::parse(&known.replacen("00-", "cc-", 1)).is_some(),
            "a later version"
        );
        assert!(TraceContext::parse(&format!("{}-what-will-be", known.replacen("00-", "cc-", 1))).is_some());
        for wrong in [
            "",
            "00",
            &format!("{known}-more"),
            &known.replacen("00-", "ff-", 1),
            &known.to_uppercase(),
            &known.replace("0af7651916cd43dd8448eb211c80319c", &"0".repeat(32)),
            &known.replace("b7ad6b7169203331", &"0".repeat(16)),
            &known.replace("b7ad6b7169203331", "b7ad6b716920333"),
            &known.replace("b7ad6b7169203331", "+7ad6b7169203331"),
        ] {
            assert_eq!(TraceContext::parse(wrong), None, "{wrong}");
        }
    }
}
