//! The span and the breadcrumb of a request (`protocol.md` §18.2).

use std::future::pending;
use std::pin::Pin;
use std::task::{Context, Poll, Waker};

use axum::body::Body;
use axum::http::{HeaderMap, Request, Response, StatusCode};
use serde_json::{Value, json};
use tower::{BoxError, Layer, Service, ServiceExt, service_fn};
use tracing::{Instrument, info_span};
use tracing_subscriber::prelude::*;
use watchpost::protocol::{Breadcrumb, Level, SpanRecord};
use watchpost::tower::propagate_layer;
use watchpost::{Options, start_transaction};
use watchpost_testkit::{Captured, capture, capture_with, options};

use crate::{client, get, run};

fn answer(status: u16, headers: HeaderMap) -> Response<Body> {
    let mut response = Response::new(Body::from("a cart"));
    *response.status_mut() = StatusCode::from_u16(status).unwrap();
    *response.headers_mut() = headers;
    response
}

fn headers(pairs: &[(&'static str, &'static str)]) -> HeaderMap {
    pairs.iter().map(|(name, value)| (name.parse().unwrap(), value.parse().unwrap())).collect()
}

/// What is reported of a piece of work that makes one request, and a message after it.
fn asking(options: Options, request: Request<Body>, response: impl Fn() -> Response<Body>) -> Captured {
    let response = response();
    capture_with(options, || {
        let _work = start_transaction("work").enter();
        let mut response = Some(response);
        let answer = move |_: Request<Body>| {
            let response = response.take();
            async move { Ok::<_, BoxError>(response.unwrap()) }
        };
        run(propagate_layer().layer(service_fn(answer)).call(request)).unwrap();
        watchpost::capture_message("look");
    })
}

fn span(captured: &Captured) -> SpanRecord {
    captured.transactions().remove(0).spans.remove(0)
}

/// The attributes without the thread.
fn told(span: SpanRecord) -> Value {
    Value::Object(span.data.into_iter().filter(|(key, _)| !key.starts_with("thread.")).collect())
}

fn crumb(captured: &Captured) -> Breadcrumb {
    captured.events().remove(0).breadcrumbs[0].clone()
}

#[test]
fn a_request_is_a_span_and_a_breadcrumb() {
    let mut request = get("https://sam:hunter2@api.test:8443/carts/7?page=2&token=abc");
    *request.method_mut() = axum::http::Method::PUT;
    request.headers_mut().insert("content-length", "12".parse().unwrap());
    let captured = asking(options(), request, || answer(200, headers(&[("content-length", "6")])));
    let span = span(&captured);
    assert_eq!(span.description.as_deref(), Some("PUT https://api.test:8443/carts/7"));
    assert_eq!((span.op.as_deref(), span.origin.as_deref()), (Some("http.client"), Some("auto.http.tower")));
    assert_eq!(
        told(span),
        json!({
            "url": "https://api.test:8443/carts/7",
            "http.query": "page=2&token=[Filtered]",
            "http.request.method": "PUT",
            "server.address": "api.test",
            "server.port": 8443,
            "http.response.status_code": 200,
            "http.response.body.size": 6,
            "reason": "OK",
        })
    );
    let crumb = crumb(&captured);
    assert_eq!((&*crumb.ty, crumb.category.as_deref(), crumb.level), ("http", Some("http"), Level::Info));
    assert_eq!(
        Value::Object(crumb.data),
        json!({
            "url": "https://api.test:8443/carts/7",
            "http.query": "page=2&token=[Filtered]",
            "http.request.method": "PUT",
            "http.request.body.size": 12,
            "http.response.status_code": 200,
            "http.response.body.size": 6,
        })
    );
}

#[test]
fn the_status_of_the_response_is_the_span_s() {
    for (status, named, level) in [
        (200, "", Level::Info),
        (302, "", Level::Info),
        (404, " [not_found]", Level::Warning),
        (429, " [resource_exhausted]", Level::Warning),
        (500, " [internal_error]", Level::Error),
        (503, " [unavailable]", Level::Error),
    ] {
        let captured = asking(options(), get("http://api.test/"), || answer(status, HeaderMap::new()));
        assert_eq!(
            captured.draw().lines().last().unwrap(),
            format!("  http.client GET http://api.test/{named}"),
            "a failure elsewhere is no failure of the work"
        );
        assert_eq!(crumb(&captured).level, level, "{status}");
    }
}

#[test]
fn a_request_that_fails_has_no_status_and_is_no_issue() {
    let captured = capture(|| {
        let _work = start_transaction("work").enter();
        let client =
            service_fn(|_: Request<Body>| async { Err::<Response<Body>, BoxError>("no route".into()) });
        assert!(run(propagate_layer().layer(client).oneshot(get("http://api.test/"))).is_err());
        watchpost::capture_message("look");
    });
    assert_eq!(
        captured.draw(),
        "info: look\n  in work\n  - error: \ndefault work\n  http.client GET http://api.test/ [internal_error]\n"
    );
    assert!(!crumb(&captured).data.contains_key("http.response.status_code"));
}

#[test]
fn a_request_that_nobody_waits_for_is_cancelled() {
    let captured = capture(|| {
        run(async {
            let _work = start_transaction("work").enter();
            let mut asked = Box::pin(client(|_| pending()).oneshot(get("http://api.test/slow")));
            assert!(poll_once(&mut asked).is_pending());
            drop(asked);
            watchpost::capture_message("look");
        });
    });
    assert_eq!(
        captured.draw(),
        "info: look\n  in work\n  - warning: \ndefault work\n  http.client GET http://api.test/slow [cancelled]\n"
    );
}

fn poll_once<F: Future + Unpin>(future: &mut F) -> Poll<F::Output> {
    Pin::new(future).poll(&mut Context::from_waker(Waker::noop()))
}

#[test]
fn a_client_that_panics_has_failed() {
    let captured = capture(|| {
        let _work = start_transaction("work").enter();
        let asked = std::panic::catch_unwind(|| {
            run(client(|_| async { panic!("out of sockets") }).oneshot(get("http://api.test/"))).unwrap();
        });
        assert!(asked.is_err());
    });
    assert!(
        captured.draw().ends_with("  http.client GET http://api.test/ [internal_error]\n"),
        "{}",
        captured.draw()
    );
}

/// A root would be a transaction of its own (§18.2), and what is not sampled has no spans; a breadcrumb there always is.
#[test]
fn without_a_parent_that_is_sampled_there_is_a_breadcrumb_alone() {
    let ask =
        || run(client(|_| async { Response::default() }).oneshot(get("http://api.test/"))).map(drop).unwrap();
    let captured = capture(|| {
        ask();
        watchpost::capture_message("look");
    });
    assert_eq!(captured.draw(), "info: look\n  - info: \n");
    let captured = capture_with(options().traces_sample_rate(0.0).unwrap(), || {
        let _work = start_transaction("work").enter();
        ask();
        watchpost::capture_message("look");
    });
    assert_eq!(captured.draw(), "info: look\n  in work\n  - info: \n");
}

#[test]
fn spans_of_tracing_are_its_parents_and_its_children() {
    let subscriber = tracing_subscriber::registry().with(watchpost::tracing::layer());
    let captured = capture(|| {
        tracing::subscriber::with_default(subscriber, || {
            let client = client(|_| async { Response::default() }.instrument(info_span!("connect")));
            run(client.oneshot(get("http://api.test/")).instrument(info_span!("checkout"))).unwrap();
        });
    });
    assert_eq!(
        captured.draw(),
        "function checkout\n  http.client GET http://api.test/\n    function connect\n"
    );
}

fn call(uri: &str) -> Request<Body> {
    let mut call = get(uri);
    *call.method_mut() = axum::http::Method::POST;
    call.headers_mut().insert("content-type", "application/grpc".parse().unwrap());
    call
}

#[test]
fn a_call_of_grpc_is_named_by_its_method_and_judged_by_its_own_status() {
    for (code, named, level) in [
        ("0", "", Level::Info),
        ("5", " [not_found]", Level::Warning),
        ("14", " [unavailable]", Level::Error),
    ] {
        let response = || answer(200, headers(&[("grpc-status", code)]));
        for uri in ["https://carts.test/shop.v1.Carts/Get", "/shop.v1.Carts/Get"] {
            let captured = asking(options(), call(uri), response);
            assert_eq!(
                captured.draw().lines().last().unwrap(),
                format!("  grpc.client /shop.v1.Carts/Get{named}")
            );
            assert_eq!(crumb(&captured).level, level);
            let span = span(&captured);
            assert_eq!(span.origin.as_deref(), Some("auto.grpc.tower"));
            for (key, value) in
                [("rpc.system.name", "grpc"), ("rpc.service", "shop.v1.Carts"), ("rpc.method", "Get")]
            {
                assert_eq!(span.data[key], value);
            }
        }
    }
}

/// Its trailers come after the head, at which the span ends.
#[test]
fn a_call_whose_outcome_is_not_in_its_head_is_ok() {
    let captured =
        asking(options(), call("https://carts.test/shop.v1.Carts/Get"), || answer(200, HeaderMap::new()));
    assert_eq!(captured.draw().lines().last(), Some("  grpc.client /shop.v1.Carts/Get"));
}
