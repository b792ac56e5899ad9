//! What a workload asks of whatever is measured, and how `tracing` does it.

use std::hint::black_box;

use tracing::{Span, debug, info, info_span};

/// Spans and events. Written twice: for `tracing`, so that all that listens to it runs the same code from the same callsites, and for
/// fastrace.
pub(crate) trait Api {
    /// A span that is entered more than once.
    type Span;

    /// Does `work` inside a new root span.
    fn in_root(&self, work: impl FnOnce());
    /// Does `work` inside a new child.
    fn in_child(&self, work: impl FnOnce());
    /// The same with two fields.
    fn in_child_with_2_fields(&self, work: impl FnOnce());
    /// The same with three fields.
    fn in_child_with_3_fields(&self, work: impl FnOnce());
    /// A child to enter later.
    fn child(&self) -> Self::Span;
    /// Does `work` inside a span that exists already.
    fn enter(&self, span: &Self::Span, work: impl FnOnce());
    /// An INFO event with two fields.
    fn info(&self);
    /// A DEBUG event with two fields.
    fn debug(&self);
    /// A counter with two attributes goes up by one.
    fn count(&self);
}

/// The macros of `tracing`, and a counter of the subject's own.
pub(crate) struct Tracing {
    pub(crate) count: fn(),
}

impl Api for Tracing {
    type Span = Span;

    #[inline]
    fn in_root(&self, work: impl FnOnce()) {
        info_span!("request").in_scope(work);
    }

    #[inline]
    fn in_child(&self, work: impl FnOnce()) {
        info_span!("query").in_scope(work);
    }

    #[inline]
    fn in_child_with_2_fields(&self, work: impl FnOnce()) {
        info_span!("query", rows = black_box(42_u64), table = black_box("users")).in_scope(work);
    }

    #[inline]
    fn in_child_with_3_fields(&self, work: impl FnOnce()) {
        info_span!("query", rows = black_box(42_u64), table = black_box("users"), cached = black_box(true))
            .in_scope(work);
    }

    fn child(&self) -> Span {
        info_span!("query")
    }

    #[inline]
    fn enter(&self, span: &Span, work: impl FnOnce()) {
        span.in_scope(work);
    }

    #[inline]
    fn info(&self) {
        info!(items = black_box(3_u64), plan = black_box("pro"), "cart loaded");
    }

    #[inline]
    fn debug(&self) {
        debug!(items = black_box(3_u64), plan = black_box("pro"), "cart looked up");
    }

    #[inline]
    fn count(&self) {
        (self.count)();
    }
}
