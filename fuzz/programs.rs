//! What holds for a program that reports, whatever it is configured with, captures or is asked for: nothing panics on the way, what leaves can be read,
//! and no secret is in it.

use std::convert::Infallible;
use std::future::{Ready, ready};
use std::pin::pin;
use std::sync::LazyLock;
use std::task::{Context, Poll, Waker};

use http::{Request, Response};
use http_body::Body;
use tower::{Layer, Service};
use watchpost::process::Stacks;
use watchpost::tower::request_layer;
use watchpost::{Config, Options, StackSource, capture_event, scrub};
use watchpost_protocol::{Envelope, Event, Timestamp};
use watchpost_testkit::{Captured, capture};

/// What nothing of what leaves may hold.
const SECRET: &str = "pl4nted";

/// Lines as `SENTRY_RELEASE=shop@1.0`.
pub fn environment(data: &[u8]) {
    let Ok(text) = std::str::from_utf8(data) else { return };
    let variables: Vec<_> = text.lines().filter_map(|line| line.split_once('=')).collect();
    let lookup =
        |name: &str| variables.iter().find(|(known, _)| *known == name).map(|(_, it)| (*it).to_owned());
    let (_, _) = (Options::new().fill_from(&lookup), Config::default().options_from(&lookup));
}

/// The section of a configuration, as JSON.
pub fn config(data: &[u8]) {
    if let Ok(config) = serde_json::from_slice::<Config>(data) {
        let (_, _) = (config.options_from(&|_| None), config.options_from(&|name| Some(name.to_owned())));
        let _ = format!("{config:?}");
    }
}

/// A backtrace as the standard library prints it.
pub fn backtrace(data: &[u8]) {
    static STACKS: LazyLock<Stacks> = LazyLock::new(Stacks::default);
    if let Some(stack) = std::str::from_utf8(data).ok().and_then(|printed| STACKS.parse(printed)) {
        assert!(!stack.frames.is_empty());
    }
}

/// What stands before a secret in a URL or in a query does not save it.
pub fn scrubbing(data: &[u8]) {
    let Ok(text) = std::str::from_utf8(data) else { return };
    if text.contains(SECRET) {
        return;
    }
    for planted in [format!("{text}&password={SECRET}"), format!("{text}&password={SECRET}&{text}")] {
        assert!(!scrub::query(&planted).contains(SECRET), "{planted}");
        assert!(!scrub::url(&format!("https://shop.example/?{planted}")).contains(SECRET), "{planted}");
    }
    let twice = |once: &str| assert_eq!(scrub::url(once), once, "nothing is left to be taken out");
    twice(&scrub::url(text));
}

/// An event, from the program to the wire.
pub fn captured(data: &[u8]) {
    let Ok(event) = serde_json::from_slice::<Event>(data) else { return };
    arrived(&capture(|| {
        capture_event(event);
    }));
}

/// A request to a server that fails: a line as `GET /carts?page=2`, and headers as `Host: shop.example`.
pub fn request(data: &[u8]) {
    let Ok(text) = std::str::from_utf8(data) else { return };
    let mut lines = text.lines();
    let (method, target) = lines.next().and_then(|line| line.split_once(' ')).unwrap_or(("GET", text));
    let divider = if target.contains('?') { '&' } else { '?' };
    let mut request = Request::builder().method(method).uri(format!("{target}{divider}password={SECRET}"));
    for (name, value) in lines.filter_map(|line| line.split_once(": ")) {
        request = request.header(name, value);
    }
    let cookie = format!("session={SECRET}");
    let Ok(request) = request.header("authorization", SECRET).header("cookie", cookie).body(String::new())
    else {
        return;
    };
    if text.contains(SECRET) {
        return;
    }
    let captured = capture(|| serve(request));
    arrived(&captured);
    assert!(!captured.events().is_empty(), "a 500 is an issue");
    for envelope in captured.envelopes() {
        let sent = envelope.to_vec(Timestamp::from_micros(0));
        assert!(!String::from_utf8_lossy(&sent).contains(SECRET), "{text}");
    }
}

/// Nothing of it was lost on the way for a mistake of ours, and it can be read.
fn arrived(captured: &Captured) {
    let losses = captured.losses();
    assert!(!losses.iter().any(|loss| loss.contains("internal_sdk_error")), "{losses:?}");
    for envelope in captured.envelopes() {
        let sent = envelope.to_vec(Timestamp::from_micros(0));
        assert!(Envelope::from_slice(&sent).is_ok());
        for item in &envelope.items {
            assert!(serde_json::from_slice::<serde_json::Value>(&item.payload).is_ok());
        }
    }
}

fn serve(request: Request<String>) {
    let mut service = request_layer().layer(Fails);
    let mut context = Context::from_waker(Waker::noop());
    let mut answer = pin!(service.call(request));
    if let Poll::Ready(Ok(response)) = answer.as_mut().poll(&mut context) {
        let mut body = pin!(response.into_body());
        while let Poll::Ready(Some(_)) = body.as_mut().poll_frame(&mut context) {}
    }
}

#[derive(Clone)]
struct Fails;

impl Service<Request<String>> for Fails {
    type Response = Response<String>;
    type Error = Infallible;
    type Future = Ready<Result<Self::Response, Self::Error>>;

    fn poll_ready(&mut self, _: &mut Context<'_>) -> Poll<Result<(), Self::Error>> {
        Poll::Ready(Ok(()))
    }

    fn call(&mut self, _: Request<String>) -> Self::Future {
        let mut response = Response::new(String::new());
        *response.status_mut() = http::StatusCode::INTERNAL_SERVER_ERROR;
        ready(Ok(response))
    }
}
