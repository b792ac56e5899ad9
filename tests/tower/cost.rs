//! What the layer costs the caller, in allocations over those of the service within: numbers that fail when somebody makes them worse.

use std::convert::Infallible;
use std::future::{Future, Ready, ready};
use std::pin::{Pin, pin};
use std::task::{Context, Poll, Waker};

use axum::http::{HeaderValue, Request, Response};
use bytes::Bytes;
use http_body::Body;
use http_body_util::Full;
use tower::{Layer, Service, service_fn};
use watchpost::tower::request_layer;
use watchpost::{Delivery, Envelope, Options, Transport};
use watchpost_testkit::{Recorder, options};

use crate::support::Watched;

struct Sink;

impl Transport for Sink {
    fn deliver(&self, _: &Envelope) -> Delivery {
        Delivery::Accepted { limits: Vec::new() }
    }
}

/// A request as a server makes it: its values are slices of the bytes that were read.
fn request(read: &Bytes) -> Request<Full<Bytes>> {
    let uri = Bytes::from_static(b"/carts/42?page=2");
    let mut request = Request::new(Full::default());
    *request.uri_mut() = axum::http::Uri::from_maybe_shared(uri).unwrap();
    for name in ["host", "user-agent", "accept", "accept-encoding", "accept-language", "cookie", "via", "te"]
    {
        let value = HeaderValue::from_maybe_shared(read.slice(..)).unwrap();
        request.headers_mut().insert(axum::http::HeaderName::from_static(name), value);
    }
    request
}

fn answer(_: Request<Full<Bytes>>) -> Ready<Result<Response<Full<Bytes>>, Infallible>> {
    ready(Ok(Response::new(Full::new(Bytes::from_static(b"a cart")))))
}

/// Serves one request to the end of its body.
fn serve<S, B>(service: &mut S, request: Request<Full<Bytes>>)
where
    S: Service<Request<Full<Bytes>>, Response = Response<B>, Error = Infallible>,
    B: Body<Error = Infallible> + Unpin,
{
    let mut context = Context::from_waker(Waker::noop());
    let mut answer = pin!(service.call(request));
    let Poll::Ready(Ok(response)) = answer.as_mut().poll(&mut context) else { panic!("it is ready at once") };
    let mut body = response.into_body();
    while let Poll::Ready(Some(_)) = Pin::new(&mut body).poll_frame(&mut context) {}
}

/// How often a request allocates on this thread, once its pools have grown, over the service without the layer.
fn allocations(options: Options) -> u64 {
    let read: Bytes = vec![b'x'; 100].into();
    drop(read.clone()); // from now on it is shared, as what a server reads is
    let watched = Watched::over(options.transport(Sink), Recorder::new());
    let (mut bare, mut layered) = (service_fn(answer), request_layer().layer(service_fn(answer)));
    let counted = watched.run(|| {
        for _ in 0..10 {
            serve(&mut layered, request(&read));
        }
        let rounds = 100;
        let bare = allocation_counter::measure(|| {
            (0..rounds).for_each(|_| serve(&mut bare, request(&read)));
        });
        let layered = allocation_counter::measure(|| {
            (0..rounds).for_each(|_| serve(&mut layered, request(&read)));
        });
        (layered.count_total - bare.count_total).div_ceil(rounds)
    });
    watched.close();
    counted
}

fn assert_at_most(limit: u64, options: Options) {
    let counted = allocations(options);
    assert!(counted <= limit, "{counted} allocations, no more than {limit} were expected");
}

#[test]
fn with_tracing_off_or_unsampled() {
    let off = Options::new().use_environment(false).dsn("https://k@localhost/1").unwrap();
    assert_at_most(10, off);
    assert_at_most(8, options().traces_sample_rate(0.0).unwrap());
}

#[test]
fn sampled() {
    // The queue is large enough: what does not fit is freed here, and what does by the worker.
    assert_at_most(15, options().transport_queue_size(1_000));
}

#[test]
fn without_a_client_nothing() {
    let (mut bare, mut layered) = (service_fn(answer), request_layer().layer(service_fn(answer)));
    let read = Bytes::from_static(b"x");
    let count = |serve: &mut dyn FnMut()| allocation_counter::measure(serve).count_total;
    serve(&mut layered, request(&read)); // what is made once for the process, or for a thread, is made now
    let without = count(&mut || serve(&mut bare, request(&read)));
    assert_eq!(count(&mut || serve(&mut layered, request(&read))), without);
}
