//! A handler that panics, below somebody who catches it.

use std::convert::Infallible;
use std::future::Future;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::pin::{Pin, pin};
use std::task::{Context, Poll, Waker};

use http::{Request, Response};
use tower_layer::Layer;
use tower_service::Service;
use watchpost_protocol::SpanStatus;

struct Panics;

impl Service<Request<()>> for Panics {
    type Response = Response<String>;
    type Error = Infallible;
    type Future = Pin<Box<dyn Future<Output = Result<Response<String>, Infallible>>>>;

    fn poll_ready(&mut self, _: &mut Context<'_>) -> Poll<Result<(), Infallible>> {
        Poll::Ready(Ok(()))
    }

    fn call(&mut self, request: Request<()>) -> Self::Future {
        let fails = request.uri().path() == "/fails";
        Box::pin(async move {
            assert!(!fails, "the handler panics");
            std::future::pending().await
        })
    }
}

#[test]
fn a_panic_that_is_caught_before_the_future_is_dropped_is_no_cancellation() {
    let captured = watchpost_testkit::capture(|| {
        let mut service = watchpost_tower::request_layer().layer(Panics);
        for path in ["/fails", "/waits"] {
            let request = Request::builder().uri(path).body(()).unwrap();
            let mut future = pin!(service.call(request));
            let mut context = Context::from_waker(Waker::noop());
            let polled = catch_unwind(AssertUnwindSafe(|| future.as_mut().poll(&mut context).is_pending()));
            assert_eq!(polled.is_ok(), path == "/waits");
        }
    });
    let transactions = captured.transactions();
    let status = transactions.iter().map(|it| it.contexts.trace.as_ref().and_then(|trace| trace.status));
    assert_eq!(status.collect::<Vec<_>>(), [Some(SpanStatus::InternalError), Some(SpanStatus::Cancelled)]);
}
