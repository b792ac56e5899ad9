//! Futures that carry their scopes: across `.await`, threads and spawns.

use std::future::Future;
use std::pin::Pin;
use std::sync::Arc;
use std::task::{Context, Poll};

use pin_project_lite::pin_project;
use watchpost_protocol::SpanStatus;

use crate::current::Scopes;
use crate::span::Span;

/// Ways to give a future scopes of its own. A tracing span does this by itself: `future.instrument(span)` needs none of these.
pub trait FutureExt: Future + Sized {
    /// The future runs under the scopes that are current now, wherever it is polled.
    ///
    /// ```
    /// # use watchpost_core as watchpost;
    /// use watchpost::FutureExt;
    /// # fn spawn<F: Future + Send + 'static>(_: F) {}
    /// spawn(async { /* the user and the tags of this place */ }.with_current_scopes());
    /// ```
    fn with_current_scopes(self) -> WithScopes<Self> {
        self.with_scopes(Scopes::current())
    }

    /// The future is a unit of work of its own: it starts with what is set now, and nothing that it sets is seen outside. Its spans are still
    /// children of the span that is open now: work that outlives that span needs a root of its own within, such as
    /// [`in_span`](Self::in_span) with a transaction.
    fn isolated(self) -> WithScopes<Self> {
        self.with_scopes(Arc::new(Scopes::current().isolated()))
    }

    /// The future has a current scope of its own.
    fn in_new_scope(self) -> WithScopes<Self> {
        self.with_scopes(Arc::new(Scopes::current().forked()))
    }

    /// The future runs under `scopes`.
    fn with_scopes(self, scopes: Arc<Scopes>) -> WithScopes<Self> {
        WithScopes { future: Some(self), scopes }
    }

    /// `span` is the current span while the future runs; it ends with the future.
    fn in_span(self, span: Span) -> InSpan<Self> {
        let scopes = Arc::new(Scopes::current().inside(&span));
        InSpan { future: self.with_scopes(scopes), span: Unfinished { span: Some(span), polled: false } }
    }
}

impl<F: Future> FutureExt for F {}

pin_project! {
    /// A future under scopes; made by [`FutureExt`].
    #[derive(Debug)]
    #[must_use = "futures do nothing unless polled"]
    pub struct WithScopes<F> {
        #[pin]
        future: Option<F>,
        scopes: Arc<Scopes>,
    }

    // A future that is cancelled ends its spans and says its last words under its own scopes too.
    impl<F> PinnedDrop for WithScopes<F> {
        fn drop(this: Pin<&mut Self>) {
            let mut this = this.project();
            let _entered = this.scopes.attach();
            this.future.set(None);
        }
    }
}

impl<F: Future> Future for WithScopes<F> {
    type Output = F::Output;

    fn poll(self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<F::Output> {
        let this = self.project();
        let _entered = this.scopes.attach();
        match this.future.as_pin_mut() {
            Some(future) => future.poll(context),
            None => Poll::Pending, // cannot be: only dropping empties it
        }
    }
}

pin_project! {
    /// A future in a span; made by [`FutureExt::in_span`].
    #[derive(Debug)]
    #[must_use = "futures do nothing unless polled"]
    pub struct InSpan<F> {
        // Dropped before the span, so that the spans inside end first.
        #[pin]
        future: WithScopes<F>,
        span: Unfinished,
    }
}

impl<F: Future> Future for InSpan<F> {
    type Output = F::Output;

    fn poll(self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<F::Output> {
        let this = self.project();
        this.span.polled = true;
        let output = this.future.poll(context);
        this.span.polled = false;
        let output = std::task::ready!(output);
        drop(this.span.span.take()); // ends with the future, not when its owner gets round to dropping it
        Poll::Ready(output)
    }
}

/// A span that ends badly if nobody has taken it by the time it is dropped: it was cancelled, or its future panicked.
#[derive(Debug)]
struct Unfinished {
    span: Option<Span>,
    /// One that is still being polled when it is dropped has panicked, also if somebody has caught that by then.
    polled: bool,
}

impl Drop for Unfinished {
    fn drop(&mut self) {
        if let Some(span) = self.span.take() {
            let panicked = self.polled || std::thread::panicking();
            span.finish_with(if panicked { SpanStatus::InternalError } else { SpanStatus::Cancelled });
        }
    }
}
