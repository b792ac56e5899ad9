//! Promise 6: private by default. With default options no cookie, credential, client address, request body or secret-looking value leaves the
//! process, wherever it stands and however deep, in any kind of item; what the program sets itself is sent, as it asked.
#![allow(clippy::unwrap_used, reason = "a test that cannot go on has failed")]

use std::net::SocketAddr;

use axum::Router;
use axum::body::Body;
use axum::extract::ConnectInfo;
use axum::http::{Request, StatusCode};
use axum::routing::post;
use serde_json::{Value, json};
use tokio::runtime::Builder;
use tower::ServiceExt;
use tracing_subscriber::prelude::*;
use watchpost::protocol::Timestamp;
use watchpost::{Breadcrumb, Event, EventScrubber, Options, User};
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
    assert_eq!(request.headers["X-Real-Ip"], ADDRESS);
    // To ask for persons is not to ask for secrets.
    assert_eq!(request.cookies.as_deref(), Some("session=[Filtered]; theme=hunter2"));
    assert_eq!(request.headers["Authorization"], "[Filtered]");
    assert_eq!(request.env["REMOTE_ADDR"], ADDRESS);
    assert!(request.data.is_none(), "the body is not read");
}

#[test]
fn who_wants_nothing_taken_out_gets_everything() {
    let captured = reported(options().send_default_pii(true).event_scrubber(None));
    let request = captured.events()[0].request.clone().unwrap();
    assert_eq!(request.cookies.as_deref(), Some("session=hunter2; theme=hunter2"));
    assert_eq!(request.headers["Authorization"], "Bearer hunter2");
}

/// A place where a secret may stand, and what puts it there.
type Case = (&'static str, fn());

/// Each runs in a span of a transaction, and before an error is captured.
const CASES: [Case; 26] = [
    ("field of an event", || tracing::error!(password = SECRET, "m")),
    ("field of an event without a message", || tracing::error!(password = SECRET)),
    ("field of an event, in another spelling", || tracing::error!("Db.Api-Key" = SECRET, "m")),
    ("tag of an event", || tracing::error!(tags.token = SECRET, "m")),
    ("field of a breadcrumb", || tracing::info!(secret = %SECRET, "m")),
    ("field of a span", || drop(tracing::info_span!("s", credentials = SECRET))),
    ("field of a span, recorded late", || {
        let span = tracing::info_span!("s", user.auth = tracing::field::Empty);
        span.record("user.auth", tracing::field::display(SECRET));
    }),
    ("address of the client in a field of a span", || {
        drop(tracing::info_span!("s", client.address = SECRET, http.request.header.x_forwarded_for = SECRET))
    }),
    ("URL in a field of a span", || {
        drop(tracing::info_span!("s", url.full = "https://ann:hunter2@api.test/?key=hunter2#token=hunter2"))
    }),
    ("query in a field of a span", || drop(tracing::info_span!("s", http.query = "page=2&api_key=hunter2"))),
    ("header in a field of a span", || {
        drop(tracing::info_span!("s", http.request.header.x_auth_token = SECRET))
    }),
    ("cookie in a field of a span", || drop(tracing::info_span!("s", http.request.header.cookie = SECRET))),
    ("name of a span", || {
        drop(tracing::info_span!("s", otel.name = "GET https://ann:hunter2@api.test/?sid=hunter2"))
    }),
    ("attribute of a span by hand", || {
        let span = watchpost::current_span().unwrap().child("child");
        span.set_attribute("session", SECRET);
    }),
    ("attribute of a transaction", || watchpost::current_span().unwrap().set_attribute("jwt.token", SECRET)),
    ("context", || watchpost::set_context("account", json!({ "passwd": SECRET }))),
    ("context, deep", || {
        watchpost::set_context(
            "account",
            json!({ "all": [{ "of": { "them": [[{ "PassWd": { "a": [SECRET] } }]] } }] }),
        )
    }),
    ("context of that name", || watchpost::set_context("credentials", json!({ "of": "ann", "is": SECRET }))),
    ("extra", || set_extra("private-key", SECRET)),
    ("extra, deep", || set_extra("config", json!({ "db": [{ "mysql_pwd": SECRET }] }))),
    ("tag", || watchpost::set_tag("api_key", SECRET)),
    ("user", || {
        let mut user = User::id("42");
        user.other.insert("token".into(), SECRET.into());
        watchpost::set_user(user);
    }),
    ("data of a breadcrumb", || {
        watchpost::add_breadcrumb(Breadcrumb::new("m").data("login", json!({ "password": SECRET })))
    }),
    ("URL of a breadcrumb", || {
        watchpost::add_breadcrumb(
            Breadcrumb::http().data("url", "https://ann:hunter2@api.test/?token=hunter2"),
        )
    }),
    ("message of a breadcrumb", || watchpost::add_breadcrumb(Breadcrumb::new("GET /a?token=hunter2 failed"))),
    ("message of an error", || {
        let error: Box<dyn std::error::Error> =
            "no answer from https://ann:hunter2@api.test/?key=hunter2".into();
        watchpost::capture_error(&*error);
    }),
];

#[expect(deprecated, reason = "it is still there, and filtered")]
fn set_extra(key: &str, value: impl Into<Value>) {
    watchpost::current_scope().set_extra(key, value.into());
}

fn told(options: Options, put: fn()) -> Captured {
    let subscriber = tracing_subscriber::registry().with(watchpost::tracing::layer());
    capture_with(options, || {
        tracing::subscriber::with_default(subscriber, || {
            watchpost::with_isolation_scope(|_| {
                let _root = tracing::info_span!("root").entered();
                put();
                watchpost::capture_message("the end");
            });
        });
    })
}

#[test]
fn no_secret_leaves_the_process_wherever_it_stands() {
    for (place, put) in CASES {
        let captured = told(options(), put);
        assert!(!captured.events().is_empty() && captured.transactions().len() == 1, "{place}");
        let sent = wire(&captured);
        assert!(!sent.contains(SECRET), "{place}: {sent}");
        assert!(sent.contains("[Filtered]") && sent.contains(r#"["!config","s"]"#), "{place}: {sent}");
        let unfiltered = wire(&told(options().event_scrubber(None), put));
        assert!(unfiltered.contains(SECRET), "{place}: there is nothing to be filtered");
    }
}

/// The hook sees what would be sent; what it adds itself is the program's own business.
#[test]
fn secrets_are_gone_before_the_hook() {
    let seen = options().before_send(|mut event| {
        assert_eq!(event.extra["token"], "[Filtered]");
        event.extra.insert("password".into(), "as I asked".into());
        Some(event)
    });
    let event = Event { extra: [("token".into(), SECRET.into())].into(), ..Event::default() };
    let captured = capture_with(seen, || _ = watchpost::capture_event(event));
    assert_eq!(captured.events()[0].extra["password"], "as I asked");
}

#[test]
fn a_program_has_secrets_of_its_own() {
    let scrubber = EventScrubber::default().deny(["iban"]);
    let captured = capture_with(options().event_scrubber(scrubber), || {
        watchpost::set_context("payment", json!({ "IBAN": SECRET, "amount": 7 }));
        watchpost::capture_message("hello");
    });
    assert_eq!(captured.events()[0].contexts.other["payment"], json!({ "IBAN": "[Filtered]", "amount": 7 }));
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

/// Only an address needs consent besides (`protocol.md` §16.2).
#[test]
fn an_address_that_the_program_sets_needs_consent() {
    let address = std::net::IpAddr::from([192, 0, 2, 7]);
    for consent in [false, true] {
        let captured = capture_with(options().send_default_pii(consent), || {
            watchpost::set_user(User::id("42").ip_address(address));
            watchpost::capture_message("hello");
        });
        let user = captured.events()[0].user.clone().unwrap();
        assert_eq!((user.id.as_deref(), user.ip_address.is_some()), (Some("42"), consent));
    }
}

#[test]
fn the_key_is_in_no_event() {
    let captured = capture_with(options(), || _ = watchpost::capture_message("hello"));
    let event = serde_json::to_string(&captured.events()[0]).unwrap();
    assert!(!event.contains("testkit"), "{event}");
}

/// Errors without a type of their own are told apart by their words, which may hold what their text holds.
#[test]
fn what_tells_errors_apart_holds_no_secret_either() {
    let captured = watchpost_testkit::capture(|| {
        watchpost::capture_error(&Box::<dyn std::error::Error>::from(
            "cannot reach postgres://ann:hunter@db/shop",
        ));
    });
    let event = &captured.events()[0];
    assert_eq!(event.fingerprint.len(), 2, "{:?}", event.fingerprint);
    let sent = serde_json::to_string(event).unwrap();
    assert!(!sent.contains("hunter"), "{sent}");
}
