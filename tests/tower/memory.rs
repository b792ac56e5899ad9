//! What is kept of a request is let go with it, however it ends and however many there are.

use std::convert::Infallible;
use std::future::Future;
use std::pin::pin;
use std::sync::Arc;
use std::task::{Context, Waker};

use axum::body::Body;
use axum::http::{HeaderValue, Request, Response};
use bytes::Bytes;
use http_body_util::Full;
use tower::{Layer, Service, service_fn};
use watchpost::tower::{attach_error, request_layer};
use watchpost::{Delivery, Envelope, Options, Transport};
use watchpost_testkit::options;

use crate::shop::Declined;
use crate::support::Watched;
use watchpost_testkit::Recorder;

const REQUESTS: usize = 100_000;

/// Accepts everything and keeps nothing.
struct Sink;

impl Transport for Sink {
    fn deliver(&self, _: &Envelope) -> Delivery {
        Delivery::Accepted { limits: Vec::new() }
    }
}

/// A header whose bytes are counted as long as anybody has them: every copy of the request's headers does.
#[derive(Clone, Default)]
struct Counted(Arc<()>);

impl AsRef<[u8]> for Counted {
    fn as_ref(&self) -> &[u8] {
        b"counted"
    }
}

impl Counted {
    fn header(&self) -> HeaderValue {
        HeaderValue::from_maybe_shared(Bytes::from_owner(self.clone())).unwrap()
    }

    fn live(&self) -> usize {
        Arc::strong_count(&self.0) - 1
    }
}

/// What the n-th request does.
async fn handle(request: Request<Body>) -> Result<Response<Full<Bytes>>, Infallible> {
    watchpost::set_tag("n", 1);
    watchpost::add_breadcrumb(watchpost::Breadcrumb::new("handled"));
    let response = Response::new(Full::from("an answer"));
    match request.uri().path() {
        "/fails" => Ok(attach_error(response, &Declined)),
        "/waits" => std::future::pending().await,
        _ => Ok(response),
    }
}

/// Sends the requests, one after the other: most are answered, some fail, some are dropped while they wait or before their body is read.
fn send(counted: &Counted, most: usize, requests: usize) {
    let mut service = request_layer().layer(service_fn(handle));
    for n in 0..requests {
        let path = match n % 100 {
            0 => "/fails",
            1 => "/waits",
            _ => "/answers",
        };
        let request = Request::builder().uri(path).header("x-counted", counted.header()).body(Body::empty());
        let mut answer = pin!(service.call(request.unwrap()));
        let mut context = Context::from_waker(Waker::noop());
        assert_eq!(answer.as_mut().poll(&mut context).is_pending(), path == "/waits");
        assert!(counted.live() <= most, "{} requests are kept after {n}", counted.live());
    }
}

fn stays_flat(options: Options, most: usize) {
    let counted = Counted::default();
    let watched = Watched::over(options.transport(Sink), Recorder::new());
    watched.run(|| send(&counted, most, REQUESTS));
    watched.close();
    assert_eq!(counted.live(), 0);
}

#[test]
fn of_requests_that_are_sent_only_what_waits_in_the_queue_is_kept() {
    // The queue's hundred, the one at work, and those that the worker has taken out together.
    stays_flat(options().transport_queue_size(100), 500);
}

#[test]
fn of_requests_that_are_not_sent_nothing_is_kept() {
    stays_flat(options().traces_sample_rate(0.0).unwrap().sample_rate(0.0).unwrap(), 1);
}

#[test]
fn requests_that_are_not_sent_leave_no_allocation() {
    let options = options().traces_sample_rate(0.0).unwrap().sample_rate(0.0).unwrap();
    let watched = Watched::over(options.transport(Sink), Recorder::new());
    let counted = Counted::default();
    let left = watched.run(|| {
        send(&counted, 1, 200); // the pools of the thread grow
        allocation_counter::measure(|| send(&counted, 1, 1_000)).bytes_current
    });
    assert_eq!(left, 0);
    watched.close();
}
