//! Whose work a request is: what its client says while it works is said in the scopes of who has made it.

use std::convert::Infallible;
use std::future::{Ready, ready};

use axum::body::Body;
use axum::http::{Request, Response, StatusCode};
use tower::buffer::Buffer;
use tower::retry::{Policy, RetryLayer};
use tower::{Service, ServiceBuilder, ServiceExt, service_fn};
use watchpost::start_transaction;
use watchpost::tower::propagate_layer;
use watchpost_testkit::capture;

use crate::{client, get, run};

#[test]
fn a_request_that_is_sent_by_another_thread_is_its_maker_s() {
    let captured = capture(|| {
        let _work = start_transaction("work").enter();
        let asked = client(|_| async {
            watchpost::capture_message("connecting");
            Response::default()
        })
        .call(get("http://api.test/"));
        std::thread::spawn(|| run(asked)).join().unwrap().unwrap();
    });
    assert_eq!(
        captured.draw(),
        "info: connecting\n  in work\ndefault work\n  http.client GET http://api.test/\n"
    );
    let (event, work) = (captured.events().remove(0), captured.transactions().remove(0));
    assert_eq!(event.contexts.trace.unwrap().span_id, work.spans[0].span_id);
}

/// The layer stands outside of a buffer, whose worker knows nobody.
#[test]
fn a_buffer_within_takes_nothing_away() {
    let captured = capture(|| {
        run(async {
            let _work = start_transaction("work").enter();
            let answer =
                service_fn(|_: Request<Body>| async { Ok::<_, Infallible>(Response::<Body>::default()) });
            let mut client = ServiceBuilder::new().layer(propagate_layer()).service(Buffer::new(answer, 8));
            for _ in 0..2 {
                client.ready().await.unwrap().call(get("http://api.test/")).await.unwrap();
            }
        });
    });
    assert_eq!(
        captured.draw(),
        "default work\n  http.client GET http://api.test/\n  http.client GET http://api.test/\n"
    );
}

#[derive(Clone)]
struct Twice(u32);

impl Policy<Request<Body>, Response<Body>, Infallible> for Twice {
    type Future = Ready<()>;

    fn retry(
        &mut self,
        _: &mut Request<Body>,
        answer: &mut Result<Response<Body>, Infallible>,
    ) -> Option<Ready<()>> {
        let failed = answer.as_ref().is_ok_and(|response| response.status().is_server_error());
        (failed && std::mem::take(&mut self.0) > 0).then(|| ready(()))
    }

    fn clone_request(&mut self, request: &Request<Body>) -> Option<Request<Body>> {
        let mut again = get(&request.uri().to_string());
        *again.headers_mut() = request.headers().clone();
        Some(again)
    }
}

async fn overloaded(_: Request<Body>) -> Result<Response<Body>, Infallible> {
    let mut response = Response::default();
    *response.status_mut() = StatusCode::SERVICE_UNAVAILABLE;
    Ok(response)
}

#[test]
fn attempts_are_one_span_or_one_each_as_the_layers_stand() {
    let inside = ServiceBuilder::new().layer(RetryLayer::new(Twice(1))).layer(propagate_layer());
    let outside = ServiceBuilder::new().layer(propagate_layer()).layer(RetryLayer::new(Twice(1)));
    let attempt = "  http.client GET http://api.test/ [unavailable]\n";
    let captured = capture(|| {
        let _work = start_transaction("each").enter();
        run(inside.service(service_fn(overloaded)).oneshot(get("http://api.test/"))).unwrap();
    });
    assert_eq!(captured.draw(), format!("default each\n{attempt}{attempt}"));
    let captured = capture(|| {
        let _work = start_transaction("one").enter();
        run(outside.service(service_fn(overloaded)).oneshot(get("http://api.test/"))).unwrap();
    });
    assert_eq!(captured.draw(), format!("default one\n{attempt}"));
}
