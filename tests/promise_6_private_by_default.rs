//! Promise 6: private by default. With default options no cookie, credential, client address, body or secret-looking value of a request leaves
//! the process; what the program sets itself is sent, as it asked.
#![allow(clippy::unwrap_used, reason = "a test that cannot go on has failed")]

use std::net::SocketAddr;

use axum::Router;
use axum::body::Body;
use axum::extract::ConnectInfo;
use axum::http::{Request, StatusCode};
use axum::routing::post;
use tokio::runtime::Builder;
use tower::ServiceExt;
use tracing_subscriber::prelude::*;
use watchpost::protocol::Timestamp;
use watchpost::{Options, User};
use watchpost_testkit::{Captured, capture_with, options};

/// Every secret and every trace of a person in the request has this in it.
const SECRET: &str = "hunter2";
const ADDRESS: &str = "192.0.2.7";

fn request() -> Request<Body> {
    let mut request = Request::builder()
        .method("POST")
        .uri("http://ann:hunter2@shop.test/pay?page=2&token=hunter2&api_key=hunter2&user_password=hunter2&SID=hunter2")
        .header("host", "shop.test")
        .header("accept", "text/html")
        .header("user-agent", "curl/8")
        .header("cookie", "session=hunter2; theme=hunter2")
        .header("authorization", "Bearer hunter2")
        .header("proxy-authorization", "Basic hunter2")
        .header("x-api-key", "hunter2")
        .header("x-csrf-token", "hunter2")
        .header("x-session-id", "hunter2")
        .header("referer", "http://shop.test/login?token=hunter2&page=1")
        .header("x-forwarded-for", "192.0.2.7, 10.0.0.1")
        .header("forwarded", "for=192.0.2.7;proto=https")
        .header("x-real-ip", ADDRESS)
        .header("cf-connecting-ip", ADDRESS)
        .header("true-client-ip", ADDRESS)
        .header("x-original-forwarded-for", ADDRESS)
        .body(Body::from("card=hunter2"))
        .unwrap();
    let peer: SocketAddr = format!("{ADDRESS}:4711").parse().unwrap();
    request.extensions_mut().insert(ConnectInfo(peer));
    request
}

async fn pay() -> StatusCode {
    tracing::info!("paying");
    StatusCode::INTERNAL_SERVER_ERROR
}

/// The request of an issue and of a transaction.
fn reported(options: Options) -> Captured {
    let subscriber = tracing_subscriber::registry().with(watchpost::tracing::layer());
    capture_with(options, || {
        tracing::subscriber::with_default(subscriber, || {
            let app = Router::new().route("/pay", post(pay)).layer(watchpost::tower::request_layer());
            let runtime = Builder::new_current_thread().build().unwrap();
            let response = runtime.block_on(app.oneshot(request())).unwrap();
            assert_eq!(response.status(), StatusCode::INTERNAL_SERVER_ERROR);
        });
    })
}

/// Everything that left the process, as it was on the wire.
fn wire(captured: &Captured) -> String {
    let bytes = captured.envelopes().iter().flat_map(|envelope| envelope.to_vec(Timestamp::from_micros(0)));
    String::from_utf8(bytes.collect()).unwrap()
}

#[test]
fn nothing_of_a_request_that_is_secret_or_names_a_person_is_sent() {
    let captured = reported(options());
    assert_eq!((captured.events().len(), captured.transactions().len()), (1, 1));
    let sent = wire(&captured);
    for secret in [SECRET, ADDRESS] {
        let around = sent.find(secret).map(|at| &sent[at.saturating_sub(80)..at + secret.len()]);
        assert_eq!(around, None);
    }
}

#[test]
fn what_is_left_says_that_something_was_taken_out() {
    let captured = reported(options());
    let request = captured.events()[0].request.clone().unwrap();
    assert_eq!(request.url.as_deref(), Some("http://shop.test/pay"));
    assert_eq!(
        request.query_string,
        Some("page=2&token=[Filtered]&api_key=[Filtered]&user_password=[Filtered]&SID=[Filtered]".into())
    );
    for kept in [("Accept", "text/html"), ("User-Agent", "curl/8"), ("Host", "shop.test")] {
        assert_eq!(request.headers.get(kept.0).map(String::as_str), Some(kept.1));
    }
    for name in ["Cookie", "Authorization", "X-Api-Key", "X-Forwarded-For", "X-Real-Ip", "Cf-Connecting-Ip"] {
        assert_eq!(request.headers.get(name).map(String::as_str), Some("[Filtered]"), "{name}");
    }
    assert_eq!((request.cookies, request.data), (None, None));
    assert!(request.env.is_empty());
}

#[test]
fn who_asks_for_it_gets_it() {
    let captured = reported(options().send_default_pii(true));
    let request = captured.events()[0].request.clone().unwrap();
    assert_eq!(request.cookies.as_deref(), Some("session=hunter2; theme=hunter2"));
    assert_eq!(request.headers["X-Real-Ip"], ADDRESS);
    assert_eq!(request.env["REMOTE_ADDR"], ADDRESS);
    assert!(request.data.is_none(), "the body is not read");
}

/// What the program says itself is its own business.
#[test]
fn what_the_program_sets_is_sent() {
    let captured = capture_with(options(), || {
        watchpost::set_user(User::id("42").email("ann@shop.test").username("ann"));
        watchpost::capture_message("hello");
    });
    let user = captured.events()[0].user.clone().unwrap();
    assert_eq!((user.email.as_deref(), user.username.as_deref()), (Some("ann@shop.test"), Some("ann")));
    assert_eq!(user.ip_address, None, "the server is not asked to look it up");
}

#[test]
fn the_key_is_in_no_event() {
    let captured = capture_with(options(), || _ = watchpost::capture_message("hello"));
    let event = serde_json::to_string(&captured.events()[0]).unwrap();
    assert!(!event.contains("testkit"), "{event}");
}
