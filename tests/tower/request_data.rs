//! What is told of a request: by default nothing about persons, with their leave the body too, as far as the handler has read it.

use std::convert::Infallible;
use std::net::SocketAddr;

use axum::body::Body;
use axum::http::{Request, Response, StatusCode};
use axum::routing::post;
use axum::{Form, Json, Router};
use bytes::Bytes;
use http_body::Frame;
use http_body_util::{BodyExt, Full};
use tower::{Service, ServiceBuilder, ServiceExt, service_fn};
use watchpost::protocol::{IpAddress, Request as RequestData, Value};
use watchpost::tower::{RequestBody, request_layer};
use watchpost::{MaxRequestBodySize, Options, User};
use watchpost_testkit::{capture_with, options};

use crate::shop::traced;

const FORM: &str = "application/x-www-form-urlencoded";
const JSON: &str = "application/json";

fn with_leave() -> Options {
    options().send_default_pii(true)
}

fn shop() -> Router {
    Router::new()
        .route("/json", post(|Json(_): Json<Value>| async { StatusCode::INTERNAL_SERVER_ERROR }))
        .route(
            "/form",
            post(|Form(_): Form<Vec<(String, String)>>| async { StatusCode::INTERNAL_SERVER_ERROR }),
        )
        .route("/bytes", post(|bytes: Bytes| async move { (StatusCode::INTERNAL_SERVER_ERROR, bytes) }))
        .route("/unread", post(|| async { StatusCode::INTERNAL_SERVER_ERROR }))
        .layer(request_layer())
}

fn posted(path: &str, content_type: &str, body: impl Into<Body>) -> Request<Body> {
    Request::builder()
        .method("POST")
        .uri(path)
        .header("content-type", content_type)
        .body(body.into())
        .unwrap()
}

/// The request of the issue that a service makes of it.
fn told<S: Service<Request<B>>, B>(
    options: Options,
    mut service: S,
    request: Request<B>,
) -> (RequestData, Option<User>) {
    let captured = capture_with(options, || drop(traced(service.call(request))));
    let [event] = captured.events().try_into().unwrap_or_else(|_| panic!("{}", captured.draw()));
    (event.request.unwrap(), event.user)
}

#[test]
fn the_port_is_told_apart_from_the_address() {
    let mut request = posted("/unread", JSON, "");
    request.headers_mut().insert("host", "shop.example:8443".parse().unwrap());
    let captured = capture_with(options(), || drop(traced(shop().oneshot(request))));
    let transaction = &captured.transactions()[0];
    assert_eq!(
        transaction.request.as_ref().unwrap().url.as_deref(),
        Some("http://shop.example:8443/unread"),
        "a URL is told as a whole"
    );
    let data = &transaction.contexts.trace.as_ref().unwrap().data;
    assert_eq!((&data["server.address"], &data["server.port"]), (&"shop.example".into(), &8443.into()));
}

#[test]
fn no_body_is_told_without_leave() {
    let (request, _) = told(options(), shop(), posted("/json", JSON, r#"{"name":"ann"}"#));
    assert_eq!((request.data, request.method.as_deref()), (None, Some("POST")));
}

#[test]
fn json_and_forms_are_told_without_their_secrets() {
    let (request, _) =
        told(with_leave(), shop(), posted("/json", JSON, r#"{"name":"ann","card":{"pwd":1}}"#));
    assert_eq!(request.data, Some(serde_json::json!({"name": "ann", "card": {"pwd": "[Filtered]"}})));
    let (request, _) = told(with_leave(), shop(), posted("/form", FORM, "name=ann+b&api_key=1"));
    assert_eq!(request.data, Some(serde_json::json!({"name": "ann b", "api_key": "[Filtered]"})));
}

#[test]
fn files_and_what_was_not_read_are_not_told() {
    for (path, content_type, told_of_it) in [
        ("/bytes", "image/png", Some("[Unparsable]".into())),
        ("/bytes", JSON, Some("[Unparsable]".into())),
        ("/unread", JSON, None),
    ] {
        let (request, _) = told(with_leave(), shop(), posted(path, content_type, "not json"));
        assert_eq!(request.data, told_of_it, "{path} {content_type}");
    }
}

/// Features I25.
#[test]
fn what_is_larger_than_wanted_is_not_told() {
    use MaxRequestBodySize::{Always, Medium, Never, Small};
    let too_large = Some(Value::from("[Exceeds maximum size]"));
    for (size, told_up_to) in [(Never, 0), (Small, 1_000), (Medium, 10_000), (Always, usize::MAX)] {
        for length in [999, 1_001, 9_999, 10_001] {
            let text = "x".repeat(length - 2);
            let json = serde_json::to_string(&text).unwrap();
            let chunks = json.as_bytes().chunks(100).map(Bytes::copy_from_slice).collect::<Vec<_>>();
            let streamed = Body::new(Chunks(chunks.into_iter()));
            for body in [Body::from(json), streamed] {
                let options = with_leave().max_request_body_size(size);
                let mut request = posted("/json", JSON, body);
                if let Some(length) = http_body::Body::size_hint(request.body()).exact() {
                    request.headers_mut().insert("content-length", length.into());
                }
                let (request, _) = told(options, shop(), request);
                let expected = match (size, length <= told_up_to) {
                    (Never, _) => None,
                    (_, true) => Some(Value::from(text.clone())),
                    (_, false) => too_large.clone(),
                };
                assert_eq!(request.data, expected, "{size}, {length} bytes");
            }
        }
    }
}

/// A body of unknown length, chunk by chunk.
#[derive(Clone)]
struct Chunks(std::vec::IntoIter<Bytes>);

impl http_body::Body for Chunks {
    type Data = Bytes;
    type Error = Infallible;

    fn poll_frame(
        mut self: std::pin::Pin<&mut Self>,
        _: &mut std::task::Context<'_>,
    ) -> std::task::Poll<Option<Result<Frame<Bytes>, Infallible>>> {
        std::task::Poll::Ready(self.0.next().map(|chunk| Ok(Frame::data(chunk))))
    }
}

#[test]
fn the_handler_reads_what_was_sent() {
    let mut answer = None;
    capture_with(with_leave(), || {
        traced(async {
            let response = shop().oneshot(posted("/bytes", JSON, "[1, 2]")).await.unwrap();
            answer = Some(response.into_body().collect().await.unwrap().to_bytes());
        });
    });
    assert_eq!(answer.unwrap(), "[1, 2]");
}

/// A service that is not axum's: it takes bodies of any type.
#[test]
fn the_body_of_any_service_is_told_if_it_asks_for_it() {
    let service = service_fn(|request: Request<RequestBody<Full<Bytes>>>| async {
        let body = request.into_body().collect().await.unwrap().to_bytes();
        Ok::<_, Infallible>(Response::builder().status(500).body(Full::new(body)).unwrap())
    });
    let service = ServiceBuilder::new().layer(request_layer().with_request_body()).service(service);
    let body = Full::new(Bytes::from_static(b"{\"name\":\"ann\"}"));
    let request = Request::builder().header("content-type", JSON).body(body).unwrap();
    let (request, _) = told(with_leave(), service, request);
    assert_eq!(request.data, Some(serde_json::json!({"name": "ann"})));
}

/// As `tower::retry` does it: a copy is kept, and sent if the first was not answered, whose body was read to its end or half-way.
#[test]
fn a_body_that_is_sent_twice_is_told_once() {
    let body = Chunks(vec!["{\"name\":".into(), "\"ann\"}".into()].into_iter());
    for frames in 0..3 {
        let service = service_fn(move |request: Request<RequestBody<Chunks>>| async move {
            let again = request.body().clone();
            let mut first = request.into_body();
            for _ in 0..frames {
                first.frame().await.unwrap().unwrap();
            }
            again.collect().await.unwrap();
            Ok::<_, Infallible>(Response::builder().status(500).body(Body::empty()).unwrap())
        });
        let service = ServiceBuilder::new().layer(request_layer().with_request_body()).service(service);
        let request = Request::builder().header("content-type", JSON).body(body.clone()).unwrap();
        let (request, _) = told(with_leave(), service, request);
        assert_eq!(request.data, Some(serde_json::json!({"name": "ann"})), "after {frames} frames");
    }
}

#[test]
fn without_asking_nothing_is_said_of_a_body_that_cannot_be_seen() {
    let service = service_fn(|_: Request<Full<Bytes>>| async {
        Ok::<_, Infallible>(Response::builder().status(500).body(Body::empty()).unwrap())
    });
    let service = ServiceBuilder::new().layer(request_layer()).service(service);
    let request = Request::builder().header("content-type", "image/png").body(Full::default()).unwrap();
    assert_eq!(told(with_leave(), service, request).0.data, None);
}

/// The address of a client, as its connection or a proxy names it.
#[test]
fn the_address_of_the_client_is_told_with_leave() {
    let over_loopback = |options: Options, headers: &'static str| {
        let captured = capture_with(options, || {
            traced(async {
                let app = shop().into_make_service_with_connect_info::<SocketAddr>();
                let asked = format!("POST /unread HTTP/1.1\r\nHost: a\r\nConnection: close\r\n{headers}\r\n");
                crate::shop::answer_over_loopback(app, &asked).await;
            });
        });
        let event = captured.events().remove(0);
        let trace = captured.transactions()[0].contexts.trace.clone().unwrap();
        let in_env = event.request.unwrap().env.get("REMOTE_ADDR").cloned();
        let in_trace = trace.data.get("client.address").and_then(Value::as_str).map(str::to_owned);
        assert_eq!(in_env, in_trace);
        (in_env, event.user.and_then(|user| user.ip_address))
    };
    let told = |address: &str| (Some(address.to_owned()), Some(IpAddress::Exact(address.parse().unwrap())));
    assert_eq!(over_loopback(options(), ""), (None, None));
    assert_eq!(over_loopback(with_leave(), ""), told("127.0.0.1"));
    assert_eq!(over_loopback(with_leave(), "X-Real-IP: 192.0.2.9\r\n"), told("192.0.2.9"));
    assert_eq!(
        over_loopback(with_leave(), "X-Forwarded-For: 192.0.2.7, 10.0.0.1\r\nX-Real-IP: 192.0.2.9\r\n"),
        told("192.0.2.7")
    );
    assert_eq!(
        over_loopback(with_leave(), "X-Forwarded-For: unknown\r\n"),
        (Some("unknown".into()), None),
        "what a proxy says is told, but only an address is the user's"
    );
}

/// Features X10.
#[test]
fn a_user_is_of_one_request_only() {
    let layer = request_layer().user(|request| {
        let id = request.headers.get("x-customer")?.to_str().ok()?;
        (id != "nobody").then(|| User::id(id))
    });
    let captured = capture_with(options(), || {
        traced(async {
            let fails = post(|| async { StatusCode::BAD_GATEWAY });
            let app = Router::new().route("/", fails).layer(layer);
            for customer in ["ann", "nobody", "bob"] {
                let mut request = posted("/", JSON, Body::empty());
                request.headers_mut().insert("x-customer", customer.parse().unwrap());
                app.clone().oneshot(request).await.unwrap();
            }
        });
    });
    let users: Vec<_> =
        captured.events().into_iter().map(|event| event.user.and_then(|user| user.id)).collect();
    assert_eq!(users, [Some("ann".into()), None, Some("bob".into())]);
}
