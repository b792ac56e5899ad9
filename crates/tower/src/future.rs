//! The future of a request: its scopes are current whenever it is polled, and its transaction ends with it.

use std::future::Future;
use std::pin::Pin;
use std::sync::Arc;
use std::task::{Context, Poll, ready};

use http::Response;
use pin_project_lite::pin_project;
use watchpost_core::{Scopes, Span};
use watchpost_protocol::SpanStatus;

use crate::layer::Settings;
use crate::response;

pin_project! {
    /// Resolves to the response of the service within; made by [`RequestService`](crate::RequestService).
    pub struct ResponseFuture<F> {
        // `None` once it is done or dropped. It ends before the transaction does, under the scopes of its request.
        #[pin]
        future: Option<F>,
        request: Option<Observed>,
    }

    impl<F> PinnedDrop for ResponseFuture<F> {
        fn drop(this: Pin<&mut Self>) {
            let mut this = this.project();
            let _entered = this.request.as_ref().map(|request| request.scopes.attach());
            this.future.set(None);
            if let Some(request) = this.request.take() {
                request.abandon();
            }
        }
    }
}

struct Observed {
    scopes: Arc<Scopes>,
    span: Span,
    settings: Arc<Settings>,
    /// Whether it is being polled. One that still is when it is dropped has panicked, also if somebody has caught that by then.
    polled: bool,
}

impl Observed {
    /// Nobody waits for the response any more, or the handler panicked.
    fn abandon(self) {
        let panicked = self.polled || std::thread::panicking();
        let status = if panicked { SpanStatus::InternalError } else { SpanStatus::Cancelled };
        self.span.finish_with(status);
    }
}

impl<F> ResponseFuture<F> {
    pub(crate) fn unobserved(future: F) -> Self {
        ResponseFuture { future: Some(future), request: None }
    }

    pub(crate) fn observed(future: F, scopes: Arc<Scopes>, span: Span, settings: Arc<Settings>) -> Self {
        ResponseFuture {
            future: Some(future),
            request: Some(Observed { scopes, span, settings, polled: false }),
        }
    }
}

impl<F, R, E> Future for ResponseFuture<F>
where
    F: Future<Output = Result<Response<R>, E>>,
    E: std::fmt::Display,
{
    type Output = Result<Response<R>, E>;

    fn poll(self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<Self::Output> {
        let mut this = self.project();
        let _entered = this.request.as_ref().map(|request| request.scopes.attach());
        let Some(future) = this.future.as_mut().as_pin_mut() else { return Poll::Pending };
        set_polled(this.request, true);
        let result = future.poll(context);
        set_polled(this.request, false);
        let result = ready!(result);
        this.future.set(None);
        if let Some(Observed { scopes, span, settings, .. }) = this.request.take() {
            match &result {
                Ok(response) => response::answered(response, &scopes, &span, &settings),
                Err(error) => response::failed(error, &scopes, &span, &settings),
            }
            span.finish();
        }
        Poll::Ready(result)
    }
}

fn set_polled(request: &mut Option<Observed>, polled: bool) {
    if let Some(request) = request {
        request.polled = polled;
    }
}

impl<F> std::fmt::Debug for ResponseFuture<F> {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("ResponseFuture").field("observed", &self.request.is_some()).finish_non_exhaustive()
    }
}
