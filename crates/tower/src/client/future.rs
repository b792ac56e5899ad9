//! The future of a request that goes out: its scopes are current whenever it is polled.

use std::fmt;
use std::future::Future;
use std::pin::Pin;
use std::task::{Context, Poll, ready};

use pin_project_lite::pin_project;

use super::call::Call;
use super::message::ClientResponse;

pin_project! {
    /// Resolves to the response of the client within; made by [`PropagateService`](crate::PropagateService).
    #[must_use = "futures do nothing unless polled"]
    pub struct PropagateFuture<F> {
        // `None` once it is done or dropped. It ends before the span does, under the scopes of its request.
        #[pin]
        future: Option<F>,
        call: Option<Call>,
    }

    impl<F> PinnedDrop for PropagateFuture<F> {
        fn drop(this: Pin<&mut Self>) {
            let mut this = this.project();
            let _entered = this.call.as_ref().map(Call::attach);
            this.future.set(None);
        }
    }
}

impl<F> PropagateFuture<F> {
    pub(crate) fn new(future: F, call: Option<Call>) -> Self {
        PropagateFuture { future: Some(future), call }
    }
}

impl<F, R, E> Future for PropagateFuture<F>
where
    F: Future<Output = Result<R, E>>,
    R: ClientResponse,
{
    type Output = Result<R, E>;

    fn poll(self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<Self::Output> {
        let mut this = self.project();
        let Some(call) = this.call.as_mut() else {
            let Some(future) = this.future.as_pin_mut() else { return Poll::Pending };
            return future.poll(context);
        };
        let running = call.enter();
        let Some(future) = this.future.as_mut().as_pin_mut() else { return Poll::Pending };
        let result = ready!(future.poll(context));
        this.future.set(None); // what it held goes before the span ends
        drop(running);
        if let Some(call) = this.call.take() {
            match &result {
                Ok(response) => call.answered(response),
                Err(_) => call.failed(),
            }
        }
        Poll::Ready(result)
    }
}

impl<F> fmt::Debug for PropagateFuture<F> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("PropagateFuture").field("call", &self.call).finish_non_exhaustive()
    }
}
