//! The body of the response: the request is over when it is.

use std::convert::Infallible;
use std::io;
use std::pin::Pin;
use std::task::{Context, Poll, Waker};

use axum::Router;
use axum::body::Body;
use axum::http::{HeaderMap, Request, Response, StatusCode};
use axum::routing::get;
use bytes::Bytes;
use http_body::{Body as _, Frame};
use http_body_util::BodyExt;
use tower::ServiceExt;
use watchpost::protocol::SpanStatus;
use watchpost::tower::request_layer;
use watchpost_testkit::{Captured, capture};

use crate::shop::{answer_over_loopback, ask, traced};

/// A body that says what it does: each step is a frame, a failure or a panic, and leaves a breadcrumb of its request.
struct Steps(std::vec::IntoIter<Step>);

#[derive(Clone, Copy)]
enum Step {
    Says(&'static str),
    Ends,
    Fails,
    Panics,
    Waits,
}

impl http_body::Body for Steps {
    type Data = Bytes;
    type Error = io::Error;

    fn poll_frame(mut self: Pin<&mut Self>, _: &mut Context<'_>) -> Poll<Option<io::Result<Frame<Bytes>>>> {
        match self.0.next() {
            Some(Step::Says(text)) => {
                watchpost::set_tag("said", text);
                Poll::Ready(Some(Ok(Frame::data(Bytes::from_static(text.as_bytes())))))
            }
            Some(Step::Ends) => Poll::Ready(Some(Ok(Frame::trailers(HeaderMap::new())))),
            Some(Step::Fails) => Poll::Ready(Some(Err(io::Error::other("the disk is gone")))),
            Some(Step::Panics) => panic!("no more"),
            Some(Step::Waits) => Poll::Pending,
            None => Poll::Ready(None),
        }
    }
}

impl Drop for Steps {
    fn drop(&mut self) {
        watchpost::set_tag("dropped", "under its scopes");
    }
}

fn streams(steps: impl IntoIterator<Item = Step>) -> Router {
    let steps: Vec<Step> = steps.into_iter().collect();
    let handler = || async move { Response::new(Body::new(Steps(steps.into_iter()))) };
    Router::new().route("/report", get(handler)).layer(request_layer())
}

/// What is reported when a client reads so many frames and hangs up.
fn reading(frames: usize, steps: impl IntoIterator<Item = Step>) -> Captured {
    capture(|| {
        traced(async {
            let mut body = streams(steps).oneshot(ask("GET", "/report")).await.unwrap().into_body();
            for _ in 0..frames {
                let mut context = Context::from_waker(Waker::noop());
                let _ = Pin::new(&mut body).poll_frame(&mut context);
            }
        });
    })
}

const OVER: &str = "http.server GET /report\n  tags: dropped=under its scopes said=two\n";

#[test]
fn the_transaction_ends_with_the_body_and_the_scopes_live_as_long() {
    let steps = [Step::Says("one"), Step::Says("two")];
    assert_eq!(reading(3, steps).draw(), OVER);
}

#[test]
fn trailers_are_its_end() {
    let steps = [Step::Says("two"), Step::Ends];
    assert_eq!(reading(3, steps).draw(), OVER);
}

#[test]
fn a_client_that_goes_away_half_way_cancels() {
    let captured = reading(2, [Step::Says("one"), Step::Waits]);
    assert_eq!(
        captured.draw(),
        "http.server GET /report [cancelled]\n  tags: dropped=under its scopes said=one\n"
    );
    let trace = captured.transactions()[0].contexts.trace.clone().unwrap();
    assert_eq!(trace.data["http.response.status_code"], 200, "the head was sent");
}

#[test]
fn a_body_that_nobody_asked_for_says_nothing_about_the_request() {
    let captured = reading(0, [Step::Says("one")]);
    assert_eq!(captured.draw(), "http.server GET /report\n  tags: dropped=under its scopes\n");
}

#[test]
fn a_body_that_fails_is_one_issue() {
    let captured = reading(3, [Step::Says("one"), Step::Fails]);
    assert_eq!(
        captured.draw(),
        "\
error: io::Error: the disk is gone
  in GET /report
  tags: dropped=under its scopes said=one
http.server GET /report [internal_error]
  tags: dropped=under its scopes said=one
"
    );
    let event = &captured.events()[0];
    assert_eq!(event.exception[0].mechanism.as_ref().unwrap().handled, Some(false));
    assert_eq!(event.contexts.response.as_ref().unwrap().status_code, Some(200));
}

#[test]
fn a_body_that_panics_is_an_internal_error() {
    let captured = capture(|| {
        traced(async {
            let body = streams([Step::Panics]).oneshot(ask("GET", "/report")).await.unwrap().into_body();
            let reading = tokio::task::LocalSet::new();
            let read = reading.run_until(async { tokio::task::spawn_local(body.collect()).await }).await;
            assert!(read.unwrap_err().is_panic());
        });
    });
    assert_eq!(
        captured.draw(),
        "http.server GET /report [internal_error]\n  tags: dropped=under its scopes\n"
    );
}

/// A body that would never end, under heads that are not followed by one.
#[test]
fn a_response_without_a_body_ends_with_its_head() {
    for (method, status) in [
        ("GET", StatusCode::SWITCHING_PROTOCOLS),
        ("CONNECT", StatusCode::OK),
        ("GET", StatusCode::NOT_MODIFIED),
        ("GET", StatusCode::NO_CONTENT),
        ("HEAD", StatusCode::OK),
    ] {
        let mut kept = None;
        let captured = capture(|| {
            let handler = tower::service_fn(move |_: Request<()>| async move {
                let response = Response::builder().status(status);
                Ok::<_, Infallible>(response.body(Steps(vec![Step::Waits].into_iter())).unwrap())
            });
            let service = tower::ServiceBuilder::new().layer(request_layer()).service(handler);
            let request = Request::builder().method(method).uri("/").body(()).unwrap();
            kept = traced(service.oneshot(request)).ok();
        });
        assert_eq!(captured.draw(), format!("http.server {method} /\n"), "{status}");
        drop(kept);
    }
}

#[test]
fn an_empty_body_ends_the_request_at_its_head() {
    let mut kept = None;
    let captured = capture(|| {
        let app = Router::new().route("/", get(|| async {})).layer(request_layer());
        kept = Some(traced(app.oneshot(ask("GET", "/"))));
    });
    assert_eq!(captured.draw(), "http.server GET /\n");
    drop(kept);
}

#[test]
fn the_body_is_as_it_was() {
    let captured = capture(|| {
        traced(async {
            let app = Router::new().route("/", get(|| async { "hello" })).layer(request_layer());
            let body = app.oneshot(ask("GET", "/")).await.unwrap().into_body();
            assert_eq!(body.size_hint().exact(), Some(5));
            assert!(!body.is_end_stream());
            assert_eq!(body.collect().await.unwrap().to_bytes(), "hello");
        });
    });
    assert_eq!(captured.transactions().len(), 1);
}

/// A server that has sent as many bytes as it announced drops the body without asking for its end.
#[test]
fn over_a_connection_a_body_of_an_announced_length_is_not_cancelled() {
    let captured = capture(|| {
        traced(async {
            let handler = || async {
                let body = Body::new(Steps(vec![Step::Says("one"), Step::Says("two")].into_iter()));
                Response::builder().header("content-length", 6).body(body).unwrap()
            };
            let app = Router::new().route("/report", get(handler)).layer(request_layer());
            let answer = answer_over_loopback(
                app,
                "GET /report HTTP/1.1\r\nHost: shop.test\r\nConnection: close\r\n\r\n",
            );
            assert!(answer.await.ends_with("onetwo"));
        });
    });
    let trace = captured.transactions()[0].contexts.trace.clone().unwrap();
    assert_eq!(trace.status, Some(SpanStatus::Ok));
}
