//! What a span belongs to.

use opentelemetry::Context;
use opentelemetry::trace::{SpanContext, SpanId, TraceContextExt, TraceFlags, TraceId, TraceState};
use tracing::Span;
use tracing_opentelemetry::OpenTelemetrySpanExt;

/// Another span, here or at the client. It does not keep that span from ending.
#[derive(Clone, Debug)]
pub struct Parent(SpanContext);

impl Parent {
    /// The span of the client's that the parts of a valid `traceparent` name.
    pub fn of_remote(trace_id: &str, parent_id: &str, flags: &str) -> Option<Self> {
        let flags = u8::from_str_radix(flags, 16).ok()?;
        let context = SpanContext::new(
            TraceId::from_hex(trace_id).ok()?,
            SpanId::from_hex(parent_id).ok()?,
            TraceFlags::new(flags) & TraceFlags::SAMPLED,
            true,
            TraceState::NONE,
        );
        context.is_valid().then_some(Self(context))
    }

    /// `span`, if it is one that is taken.
    pub fn of(span: &Span) -> Option<Self> {
        let context = span.context().span().span_context().clone();
        context.is_valid().then_some(Self(context))
    }

    /// Makes `span`, which nothing has entered yet, a child.
    pub fn adopt(&self, span: Span) -> Span {
        let context = Context::new().with_remote_span_context(self.0.clone());
        // Fails only where no spans are taken.
        let _ = span.set_parent(context);
        span
    }
}
