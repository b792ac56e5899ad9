//! A unit of work that is being watched: the scopes it runs in, its transaction, and how that ends.

use std::sync::Arc;

use watchpost_core::layer::{Draft, ErrorRecord, any_active, scratch};
use watchpost_core::{Client, Fields, RawStack, Scopes, ScopesGuard, layer, mute};
use watchpost_protocol::{Event, SpanStatus};

use crate::error::{self, ServiceError};

/// The scopes that work begins in and the client that it is reported to; `None` if nothing of it could be reported.
pub(crate) fn place_of_work() -> Option<(Arc<Scopes>, Client)> {
    if mute::is_muted() {
        return None;
    }
    if !any_active() {
        layer::served_without_client();
        return None;
    }
    let scopes = Scopes::current();
    let client = scopes.client()?;
    Some((scopes, client))
}

/// The unit of work of one request or job, from its first call to its last poll. Dropped without a word it was cancelled, or it panicked.
pub(crate) struct Unit {
    /// Their open span is the transaction, if there is one.
    scopes: Arc<Scopes>,
    /// What is known of the outcome; the program's own word, by `set_status`, wins over it.
    status: SpanStatus,
    ends: Ends,
    /// Whether there was an answer, which says how it has ended; else it has gone wrong if something in it did.
    answered: bool,
    /// Whether it is running. One that still is when it is dropped has panicked, also if somebody has caught that by then.
    running: bool,
    finished: bool,
}

/// What ends with a unit of work.
#[derive(Debug, Clone, Copy, PartialEq)]
enum Ends {
    /// Its transaction, and the session that began with it.
    Session,
    /// A span of somebody else's work: what that comes to is not known yet.
    Span,
    /// There was no span to open.
    Nothing,
}

impl Unit {
    /// Of work that these scopes were made for: a request that has come in, a job.
    pub(crate) fn of_work(scopes: Scopes) -> Self {
        Unit::new(Arc::new(scopes), Ends::Session)
    }

    /// Of a part of the work that goes on in the scopes `around`; `opened` are those with a span of its own.
    pub(crate) fn of_part(around: Arc<Scopes>, opened: Option<Scopes>) -> Self {
        match opened {
            Some(scopes) => Unit::new(Arc::new(scopes), Ends::Span),
            None => Unit::new(around, Ends::Nothing),
        }
    }

    fn new(scopes: Arc<Scopes>, ends: Ends) -> Self {
        Unit { scopes, status: SpanStatus::Ok, ends, answered: false, running: false, finished: false }
    }

    pub(crate) fn scopes(&self) -> &Arc<Scopes> {
        &self.scopes
    }

    /// A part of the work runs, in the scopes of the unit, until what is returned is dropped.
    pub(crate) fn enter(&mut self) -> Running<'_> {
        let entered = self.scopes.attach();
        self.running = true;
        Running { unit: self, unwinds: std::thread::panicking(), _entered: entered }
    }

    /// Adds attributes to the transaction, if it is recorded at all.
    pub(crate) fn record(&self, fill: impl FnOnce(&mut Fields)) {
        if let Some(span) = self.scopes.span_ref().filter(|span| span.is_recorded()) {
            scratch::with(|fields| {
                fill(fields);
                span.record(fields);
            });
        }
    }

    /// Makes an issue of an error on its way out, unless the program has reported it already.
    pub(crate) fn report(&self, handled: bool, stack: Option<RawStack>, error: impl FnOnce() -> ErrorRecord) {
        let build = || Draft::of_error(error(), Event::default());
        layer::capture_outgoing(&self.scopes, handled, stack, build);
    }

    /// Makes an issue of an answer that is a failure, of which no error is known.
    pub(crate) fn report_failure(&self, failure: impl FnOnce() -> ErrorRecord) {
        layer::capture_outgoing(&self.scopes, false, no_stack(), || Draft::of_failure(failure()));
    }

    /// The work has failed, and nobody has handled that.
    pub(crate) fn fail<E: ServiceError>(&mut self, error: &E, origin: &'static str) {
        self.set_status(SpanStatus::InternalError);
        self.report(false, no_stack(), || error::unhandled(error, origin));
    }

    /// What the end will say, unless something worse is said first.
    pub(crate) fn set_status(&mut self, status: SpanStatus) {
        if self.status == SpanStatus::Ok {
            self.status = status;
        }
    }

    /// There is an answer, with this status.
    pub(crate) fn answer(&mut self, status: SpanStatus) {
        self.answered = true;
        self.set_status(status);
    }

    /// It is over.
    pub(crate) fn finish(mut self) {
        self.end();
    }

    /// As [`finish`](Self::finish), for who cannot part with it.
    pub(crate) fn end(&mut self) {
        self.finished = true;
        if let Some(span) = self.scopes.span_ref().filter(|_| self.ends != Ends::Nothing) {
            if self.answered {
                span.settle(self.status);
            }
            span.finish(self.status);
        }
        if self.ends == Ends::Session {
            layer::end_session(&self.scopes);
        }
    }
}

/// A part of the work that runs.
#[must_use = "the work is left when this is dropped"]
pub(crate) struct Running<'a> {
    unit: &'a mut Unit,
    /// Whether the thread was panicking before: then that is somebody else's panic.
    unwinds: bool,
    _entered: ScopesGuard,
}

/// One that panics goes on as running.
impl Drop for Running<'_> {
    fn drop(&mut self) {
        self.unit.running = !self.unwinds && std::thread::panicking();
    }
}

impl Drop for Unit {
    fn drop(&mut self) {
        if !self.finished {
            let panicked = self.running || std::thread::panicking();
            self.set_status(if panicked { SpanStatus::InternalError } else { SpanStatus::Cancelled });
            let may_crash = panicked && self.ends == Ends::Session;
            if may_crash && !self.scopes.isolation().has_reported_error() {
                layer::note_unhandled(&self.scopes); // there is no hook that reports panics, or it was told to be silent
            }
            self.end();
        }
    }
}

impl std::fmt::Debug for Unit {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Unit")
            .field("span", &self.scopes.span_ref())
            .field("status", &self.status)
            .finish_non_exhaustive()
    }
}

/// The stack of the layer says nothing about the handler: none is better, and groups by what it says.
#[expect(clippy::unnecessary_wraps, reason = "an empty stack is not the same as one that is to be captured")]
pub(crate) fn no_stack() -> Option<RawStack> {
    Some(RawStack::default())
}

#[cfg(test)]
mod tests {
    use std::panic::{AssertUnwindSafe, catch_unwind, panic_any};

    use super::*;

    #[test]
    fn work_that_is_run_while_something_else_panics_has_not_panicked() {
        struct CleansUp<'a>(&'a mut Unit);
        impl Drop for CleansUp<'_> {
            fn drop(&mut self) {
                drop(self.0.enter());
            }
        }
        let mut unit = Unit::of_part(Scopes::current(), None);
        let failed = catch_unwind(AssertUnwindSafe(|| {
            let _cleans_up = CleansUp(&mut unit);
            panic_any(())
        }));
        assert!(failed.is_err() && !unit.running);
        let failed = catch_unwind(AssertUnwindSafe(|| {
            let _running = unit.enter();
            panic_any(())
        }));
        assert!(failed.is_err() && unit.running);
    }
}
