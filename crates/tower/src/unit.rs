//! A unit of work that is being watched: the scopes it runs in, its transaction, and how that ends.

use std::sync::Arc;

use watchpost_core::{Scopes, Span};
use watchpost_protocol::SpanStatus;

/// The unit of work of one request or job, from its first call to its last poll. Dropped without a word it was cancelled, or it panicked.
pub(crate) struct Unit {
    scopes: Arc<Scopes>,
    /// Owned here, and ended here; also the open span of the scopes.
    span: Option<Span>,
    /// What is known of the outcome; the program's own word, by `set_status`, wins over it.
    status: SpanStatus,
    /// Whether it is running. One that still is when it is dropped has panicked, also if somebody has caught that by then.
    running: bool,
}

impl Unit {
    pub(crate) fn new(scopes: &Scopes, span: Span) -> Self {
        let scopes = Arc::new(scopes.with_span(&span));
        Unit { scopes, span: Some(span), status: SpanStatus::Ok, running: false }
    }

    pub(crate) fn scopes(&self) -> &Arc<Scopes> {
        &self.scopes
    }

    /// Runs a part of the work in the scopes of the unit.
    pub(crate) fn run<T>(&mut self, work: impl FnOnce() -> T) -> T {
        let _entered = self.scopes.attach();
        self.running = true;
        let result = work();
        self.running = false;
        result
    }

    /// What the end will say, unless something worse is said first.
    pub(crate) fn set_status(&mut self, status: SpanStatus) {
        if self.status == SpanStatus::Ok {
            self.status = status;
        }
    }

    /// It is over.
    pub(crate) fn finish(mut self) {
        if let Some(span) = self.span.take() {
            span.finish_with(self.status);
        }
    }
}

impl Drop for Unit {
    fn drop(&mut self) {
        if let Some(span) = self.span.take() {
            let panicked = self.running || std::thread::panicking();
            self.set_status(if panicked { SpanStatus::InternalError } else { SpanStatus::Cancelled });
            span.finish_with(self.status);
        }
    }
}

impl std::fmt::Debug for Unit {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Unit").field("span", &self.span).field("status", &self.status).finish_non_exhaustive()
    }
}
