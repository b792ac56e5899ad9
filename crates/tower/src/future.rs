//! The future of a request: its scopes are current whenever it is polled, and go on with the body of its response.

use std::future::Future;
use std::pin::Pin;
use std::task::{Context, Poll, ready};

use http::Response;
use http_body::Body;
use pin_project_lite::pin_project;

use crate::body::ResponseBody;
use crate::error::ServiceError;
use crate::response::Watch;

pin_project! {
    /// Resolves to the response of the service within; made by [`RequestService`](crate::RequestService).
    #[must_use = "futures do nothing unless polled"]
    pub struct ResponseFuture<F> {
        // `None` once it is done or dropped. It ends before the transaction does, under the scopes of its request.
        #[pin]
        future: Option<F>,
        watch: Option<Watch>,
    }

    impl<F> PinnedDrop for ResponseFuture<F> {
        fn drop(this: Pin<&mut Self>) {
            let mut this = this.project();
            let _entered = this.watch.as_ref().map(|watch| watch.scopes().attach());
            this.future.set(None);
        }
    }
}

impl<F> ResponseFuture<F> {
    pub(crate) fn unobserved(future: F) -> Self {
        ResponseFuture { future: Some(future), watch: None }
    }

    pub(crate) fn observed(future: F, watch: Watch) -> Self {
        ResponseFuture { future: Some(future), watch: Some(watch) }
    }
}

impl<F, R, E> Future for ResponseFuture<F>
where
    F: Future<Output = Result<Response<R>, E>>,
    E: ServiceError,
    R: Body,
{
    type Output = Result<Response<ResponseBody<R>>, E>;

    fn poll(self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<Self::Output> {
        let mut this = self.project();
        let Some(watch) = this.watch.as_mut() else {
            let Some(future) = this.future.as_pin_mut() else { return Poll::Pending };
            return future.poll(context).map_ok(|response| response.map(ResponseBody::unobserved));
        };
        let running = watch.enter();
        let Some(future) = this.future.as_mut().as_pin_mut() else { return Poll::Pending };
        let result = ready!(future.poll(context));
        this.future.set(None); // what it held goes before the response does
        drop(running);
        let Some(watch) = this.watch.take() else { return Poll::Pending };
        Poll::Ready(match result {
            Ok(response) => Ok(ResponseBody::of(response, watch)),
            Err(error) => {
                watch.failed(&error);
                Err(error)
            }
        })
    }
}

impl<F> std::fmt::Debug for ResponseFuture<F> {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("ResponseFuture").field("watch", &self.watch).finish_non_exhaustive()
    }
}
