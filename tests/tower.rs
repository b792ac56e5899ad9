//! The request layer under an axum service, in process: a unit of work, a continued trace, a transaction and at most one issue per request.
#![allow(
    clippy::unwrap_used,
    clippy::panic,
    reason = "a test that cannot go on has failed, and handlers fail on purpose"
)]

mod support;

use std::convert::Infallible;
use std::fmt;
use std::future::Future;
use std::task::{Context, Waker};

use axum::Router;
use axum::body::Body;
use axum::extract::Path;
use axum::http::{Request, Response, StatusCode};
use axum::response::IntoResponse;
use axum::routing::{get, post};
use support::Watched;
use tokio::runtime::Builder;
use tokio::task::yield_now;
use tower::{Service, ServiceBuilder, ServiceExt, service_fn};
use tracing::instrument;
use tracing_subscriber::prelude::*;
use watchpost::protocol::SpanStatus;
use watchpost::tower::{attach_error, request_layer};
use watchpost::{TransactionSource, User};
use watchpost_testkit::{Captured, capture, options};

#[derive(Debug)]
struct Declined;

impl fmt::Display for Declined {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("the card was declined")
    }
}

impl std::error::Error for Declined {}

impl IntoResponse for Declined {
    fn into_response(self) -> Response<Body> {
        attach_error(StatusCode::PAYMENT_REQUIRED.into_response(), &self)
    }
}

#[instrument]
async fn checkout(Path(id): Path<u32>) -> Result<&'static str, Declined> {
    watchpost::set_user(User::id(format!("customer-{id}")));
    tracing::info!("cart {id} loaded");
    yield_now().await;
    if id == 13 { Err(Declined) } else { Ok("thank you") }
}

async fn broken() -> StatusCode {
    watchpost::set_tag("stock", "low");
    StatusCode::SERVICE_UNAVAILABLE
}

async fn report() -> &'static str {
    watchpost::set_user(User::id("admin"));
    watchpost::set_tag("year", 2026);
    tracing::info!("adding up");
    yield_now().await;
    panic!("nothing to add up")
}

fn shop() -> Router {
    Router::new()
        .route("/checkout/{id}", post(checkout))
        .route("/broken", get(broken))
        .route("/report", get(report))
        .route("/slow", get(std::future::pending::<()>))
        .layer(request_layer())
}

fn ask(method: &str, path: &str) -> Request<Body> {
    Request::builder().method(method).uri(path).body(Body::empty()).unwrap()
}

/// Runs `program` with the tracing layer, on one thread.
fn traced<T>(program: impl Future<Output = T>) -> T {
    let subscriber = tracing_subscriber::registry().with(watchpost::tracing::layer());
    tracing::subscriber::with_default(subscriber, || {
        Builder::new_current_thread().build().unwrap().block_on(program)
    })
}

/// What is reported of these requests, one after the other.
fn reported(requests: impl IntoIterator<Item = Request<Body>>) -> Captured {
    capture(|| {
        traced(async {
            for request in requests {
                shop().oneshot(request).await.unwrap();
            }
        });
    })
}

#[test]
fn a_request_is_a_transaction_named_by_its_route() {
    let captured = reported([ask("POST", "/checkout/42")]);
    assert_eq!(
        captured.draw(),
        "http.server POST /checkout/{id}\n  user: customer-42\n  function checkout\n"
    );
    let transaction = &captured.transactions()[0];
    assert_eq!(transaction.transaction_info.as_ref().unwrap().source, TransactionSource::Route);
    let trace = transaction.contexts.trace.as_ref().unwrap();
    assert_eq!((trace.status, trace.origin.as_deref()), (Some(SpanStatus::Ok), Some("auto.http.axum")));
    assert_eq!(trace.data["http.response.status_code"], 200);
    assert_eq!(trace.data["http.route"], "/checkout/{id}");
    assert_eq!(trace.data["url.path"], "/checkout/42");
}

#[test]
fn a_404_is_no_issue_and_its_name_is_a_path() {
    let captured = reported([ask("GET", "/favicon.ico")]);
    assert_eq!(captured.draw(), "http.server GET /favicon.ico [not_found]\n");
    let transaction = &captured.transactions()[0];
    assert_eq!(transaction.transaction_info.as_ref().unwrap().source, TransactionSource::Url);
}

#[test]
fn a_5xx_is_one_issue() {
    let captured = reported([ask("GET", "/broken")]);
    assert_eq!(
        captured.draw(),
        "\
error: HTTP 503: Service Unavailable
  in GET /broken
  tags: stock=low
http.server GET /broken [unavailable]
  tags: stock=low
"
    );
    let event = &captured.events()[0];
    let mechanism = event.exception[0].mechanism.as_ref().unwrap();
    assert_eq!((mechanism.ty.as_ref(), mechanism.handled), ("auto.http.axum", Some(false)));
    assert_eq!(event.request.as_ref().unwrap().method.as_deref(), Some("GET"));
    assert_eq!(event.contexts.response.as_ref().unwrap().status_code, Some(503));
}

#[test]
fn an_error_of_a_handler_is_one_issue_whatever_the_status() {
    let captured = reported([ask("POST", "/checkout/13")]);
    assert_eq!(
        captured.draw(),
        "\
error: Declined: the card was declined
  in POST /checkout/{id}
  user: customer-13
  - info: cart 13 loaded
http.server POST /checkout/{id} [invalid_argument]
  user: customer-13
  function checkout
"
    );
    let mechanism = captured.events()[0].exception[0].mechanism.clone().unwrap();
    assert_eq!((mechanism.ty.as_ref(), mechanism.handled), ("auto.http.axum", Some(true)), "it was answered");
}

#[test]
fn an_error_of_the_service_is_one_issue() {
    let captured = capture(|| {
        let fails = service_fn(|_: Request<()>| async { Err::<Response<()>, _>(Declined) });
        let service = ServiceBuilder::new().layer(request_layer()).service(fails);
        let request = Request::builder().uri("/pay").body(()).unwrap();
        assert!(traced(service.oneshot(request)).is_err());
    });
    assert_eq!(
        captured.draw(),
        "error: Declined: the card was declined\n  in GET /pay\nhttp.server GET /pay [internal_error]\n"
    );
}

#[test]
fn a_panic_is_an_unhandled_issue_of_its_request() {
    // With the facade's defaults: the panic hook is one of them.
    let watched = Watched::new(options());
    watched.run(|| {
        traced(async {
            let set = tokio::task::LocalSet::new();
            let request = set
                .run_until(async { tokio::task::spawn_local(shop().oneshot(ask("GET", "/report"))).await });
            assert!(request.await.unwrap_err().is_panic());
            tracing::error!("afterwards");
        });
    });
    let captured = watched.close();
    assert_eq!(
        captured.draw(),
        "\
fatal: panic: nothing to add up
  in GET /report
  user: admin
  tags: year=2026
  - info: adding up
http.server GET /report [internal_error]
  user: admin
  tags: year=2026
error: afterwards
"
    );
    let event = &captured.events()[0];
    assert_eq!(event.exception[0].mechanism.as_ref().unwrap().handled, Some(false));
    assert_eq!(event.request.as_ref().unwrap().method.as_deref(), Some("GET"));
    let frames = &event.exception[0].stacktrace.as_ref().unwrap().frames;
    let innermost = frames.last().unwrap().function.as_deref().unwrap_or_default();
    assert!(innermost.contains("report"), "the stack ends where the panic was: {innermost}");
}

#[test]
fn a_request_that_is_dropped_is_cancelled() {
    let captured = capture(|| {
        traced(async {
            let mut request = Box::pin(shop().oneshot(ask("GET", "/slow")));
            let mut context = Context::from_waker(Waker::noop());
            assert!(request.as_mut().poll(&mut context).is_pending());
        });
    });
    assert_eq!(captured.draw(), "http.server GET /slow [cancelled]\n");
}

#[test]
fn the_trace_of_the_caller_is_continued() {
    let mut request = ask("POST", "/checkout/13");
    let headers = request.headers_mut();
    headers.insert("sentry-trace", "0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-1".parse().unwrap());
    headers.insert(
        "baggage",
        "other=1,sentry-trace_id=0af7651916cd43dd8448eb211c80319c,sentry-public_key=abc,sentry-sample_rate=0.5"
            .parse()
            .unwrap(),
    );
    let captured = reported([request]);
    let (event, transaction) = (&captured.events()[0], &captured.transactions()[0]);
    let root = transaction.contexts.trace.as_ref().unwrap();
    assert_eq!(root.trace_id.to_string(), "0af7651916cd43dd8448eb211c80319c");
    assert_eq!(root.parent_span_id.unwrap().to_string(), "b7ad6b7169203331");
    assert_eq!(event.contexts.trace.as_ref().unwrap().trace_id, root.trace_id);
    for envelope in captured.envelopes() {
        let trace = envelope.headers.trace.as_ref().unwrap();
        assert_eq!((trace.get("public_key"), trace.get("sample_rate")), (Some("abc"), Some("0.5")));
    }
}

#[test]
fn a_caller_that_does_not_sample_is_followed() {
    let mut request = ask("POST", "/checkout/13");
    let trace = "0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-0".parse().unwrap();
    request.headers_mut().insert("sentry-trace", trace);
    let captured = reported([request]);
    assert!(captured.transactions().is_empty());
    assert_eq!(captured.events().len(), 1, "errors are no matter of traces");
}

#[test]
fn requests_do_not_see_each_other() {
    let captured = capture(|| {
        watchpost::set_tag("host", "a");
        watchpost::add_breadcrumb(watchpost::Breadcrumb::new("the program begins"));
        traced(async {
            let mut app = shop();
            // Interleaved: all of them begin before any goes on.
            let requests: Vec<_> =
                [13, 1, 13].map(|id| app.call(ask("POST", &format!("/checkout/{id}")))).into();
            let tasks: Vec<_> = requests.into_iter().map(tokio::spawn).collect();
            for task in tasks {
                task.await.unwrap().unwrap();
            }
            watchpost::capture_message("afterwards");
        });
    });
    let failed = "\
error: Declined: the card was declined
  in POST /checkout/{id}
  user: customer-13
  tags: host=a
  - info: cart 13 loaded
http.server POST /checkout/{id} [invalid_argument]
  user: customer-13
  tags: host=a
  function checkout
";
    let fine = failed.lines().skip(5).collect::<Vec<_>>().join("\n") + "\n";
    let fine = fine.replace(" [invalid_argument]", "").replace("-13", "-1");
    let afterwards = "info: afterwards\n  tags: host=a\n  - info: the program begins\n";
    assert_eq!(captured.draw(), [failed, &fine, failed, afterwards].concat());
    let traces: std::collections::BTreeSet<_> = captured
        .transactions()
        .iter()
        .map(|transaction| transaction.contexts.trace.as_ref().unwrap().trace_id)
        .collect();
    assert_eq!(traces.len(), 3);
}

#[test]
fn without_a_client_the_service_is_as_it_was() {
    let answer: Result<_, Infallible> = traced(shop().oneshot(ask("POST", "/checkout/42")));
    assert_eq!(answer.unwrap().status(), StatusCode::OK);
}
