//! Calls of gRPC, with bodies and trailers as tonic makes them.

use std::convert::Infallible;

use axum::Router;
use axum::body::Body;
use axum::http::{HeaderMap, HeaderValue, Request, Response};
use axum::routing::post;
use bytes::Bytes;
use http_body_util::{BodyExt, Full};
use tower::{ServiceBuilder, ServiceExt, service_fn};
use watchpost::TransactionSource;
use watchpost::tower::{attach_error, request_layer};
use watchpost_testkit::{Captured, capture};

use crate::shop::{Declined, traced};

fn call() -> Request<Body> {
    let call = Request::builder().method("POST").uri("/shop.v1.Carts/Get");
    call.header("content-type", "application/grpc+proto").body(Body::from("a message")).unwrap()
}

fn status(code: &'static str, message: &'static str) -> HeaderMap {
    let status = [("grpc-status", code), ("grpc-message", message)];
    status.map(|(name, value)| (name.parse().unwrap(), HeaderValue::from_static(value))).into_iter().collect()
}

/// An answer with a message, and its status in the trailers.
fn answer(code: &'static str) -> Response<Body> {
    let message = Full::new(Bytes::from_static(b"a message"));
    let body = message.with_trailers(async move { Some(Ok::<_, Infallible>(status(code, "no%20stock"))) });
    Response::builder().header("content-type", "application/grpc").body(Body::new(body)).unwrap()
}

/// An answer that is a status and nothing else, which stands in the head.
fn refusal(code: &'static str) -> Response<Body> {
    let mut response = Response::new(Body::empty());
    *response.headers_mut() = status(code, "no%20stock");
    response
}

/// What a call reports, read to its end.
fn calling(answer: impl Fn() -> Response<Body> + Clone + Send + 'static) -> Captured {
    capture(|| {
        traced(async {
            let service = service_fn(move |_: Request<Body>| {
                let answer = answer.clone();
                async move { Ok::<_, Infallible>(answer()) }
            });
            let service = ServiceBuilder::new().layer(request_layer()).service(service);
            let response = service.oneshot(call()).await.unwrap();
            response.into_body().collect().await.unwrap();
        });
    })
}

const FAILED: &str = "\
error: gRPC INTERNAL: no stock
  in /shop.v1.Carts/Get
grpc.server /shop.v1.Carts/Get [internal_error]
";

#[test]
fn a_call_is_named_by_its_method() {
    let captured = calling(|| answer("0"));
    assert_eq!(captured.draw(), "grpc.server /shop.v1.Carts/Get\n");
    let transaction = &captured.transactions()[0];
    assert_eq!(transaction.transaction_info.as_ref().unwrap().source, TransactionSource::Route);
    let trace = transaction.contexts.trace.as_ref().unwrap();
    assert_eq!(trace.origin.as_deref(), Some("auto.grpc.tower"));
    for (key, value) in [
        ("rpc.system.name", "grpc"),
        ("rpc.service", "shop.v1.Carts"),
        ("rpc.method", "Get"),
        ("rpc.response.status_code", "OK"),
    ] {
        assert_eq!(trace.data[key], value);
    }
}

#[test]
fn the_status_stands_in_the_trailers() {
    assert_eq!(calling(|| answer("13")).draw(), FAILED);
}

#[test]
fn or_in_the_head_of_a_refusal() {
    assert_eq!(calling(|| refusal("13")).draw(), FAILED);
}

#[test]
fn what_the_caller_did_wrong_is_no_issue() {
    for (code, named) in [("5", "not_found"), ("12", "unimplemented"), ("16", "unauthenticated")] {
        for answered in [answer, refusal] {
            let captured = calling(move || answered(code));
            assert_eq!(captured.draw(), format!("grpc.server /shop.v1.Carts/Get [{named}]\n"));
        }
    }
}

#[test]
fn the_error_behind_a_status_is_the_issue() {
    for answered in [answer, refusal] {
        let captured = calling(move || attach_error(answered("14"), &Declined));
        assert_eq!(
            captured.draw(),
            "\
error: Declined: the card was declined
  in /shop.v1.Carts/Get
grpc.server /shop.v1.Carts/Get [unavailable]
"
        );
    }
}

#[test]
fn a_caller_that_does_not_wait_for_the_trailers_cancels() {
    let captured = capture(|| {
        traced(async {
            let service = service_fn(|_: Request<Body>| async { Ok::<_, Infallible>(answer("0")) });
            let service = ServiceBuilder::new().layer(request_layer()).service(service);
            let mut body = service.oneshot(call()).await.unwrap().into_body();
            assert!(body.frame().await.unwrap().unwrap().is_data());
        });
    });
    assert_eq!(captured.draw(), "grpc.server /shop.v1.Carts/Get [cancelled]\n");
}

/// tonic's services are routes of an axum router, each for all of its methods.
#[test]
fn the_route_of_the_router_is_not_the_name_of_the_call() {
    let captured = capture(|| {
        traced(async {
            let service = post(|| async { answer("0") });
            let app = Router::new().route("/shop.v1.Carts/{*method}", service).layer(request_layer());
            let twice = app.clone().layer(request_layer());
            for app in [app, twice] {
                app.oneshot(call()).await.unwrap().into_body().collect().await.unwrap();
            }
        });
    });
    assert_eq!(captured.draw(), "grpc.server /shop.v1.Carts/Get\n".repeat(2));
    assert_eq!(captured.transactions()[1].contexts.trace.as_ref().unwrap().data.get("http.route"), None);
}
