//! Traces and spans that the program does not want: health checks, polls, what answers 404. They are not sent, and they are counted.
#![allow(clippy::unwrap_used, reason = "a test that cannot go on has failed")]

use axum::Router;
use axum::body::Body;
use axum::http::{Request, StatusCode};
use axum::routing::get;
use tokio::runtime::Builder;
use tower::ServiceExt as _;
use tracing::info_span;
use tracing_subscriber::prelude::*;
use watchpost::{Options, TransactionSource, continue_trace, start_span, start_transaction, traceparent};
use watchpost_testkit::{Captured, capture_with, options};

fn quiet() -> Options {
    options().default_integrations(false)
}

fn subscribed<T>(program: impl FnOnce() -> T) -> T {
    let subscriber = tracing_subscriber::registry().with(watchpost::tracing::layer());
    tracing::subscriber::with_default(subscriber, program)
}

/// What is reported of GET requests to these paths, one after the other.
fn served(options: Options, paths: &[&str]) -> Captured {
    capture_with(options, || {
        subscribed(|| {
            let shop = Router::new()
                .route("/health", get(|| async { "fine" }))
                .route("/users/{id}", get(|| async { "ann" }))
                .layer(watchpost::tower::request_layer());
            Builder::new_current_thread().build().unwrap().block_on(async {
                for path in paths {
                    let request = Request::builder().uri(*path).body(Body::empty()).unwrap();
                    shop.clone().oneshot(request).await.unwrap();
                }
            });
        });
    })
}

fn names(captured: &Captured) -> Vec<String> {
    captured.transactions().into_iter().map(|transaction| transaction.transaction).collect()
}

#[test]
fn health_checks_are_not_sent() {
    let captured = served(quiet().ignore_transactions(["/health"]), &["/health", "/users/7", "/health"]);
    assert_eq!(names(&captured), ["GET /users/{id}"]);
    assert_eq!(captured.losses(), ["sample_rate/span: 2", "sample_rate/transaction: 2"]);
}

#[test]
fn an_ignored_transaction_is_unsampled_here_and_downstream() {
    let captured = capture_with(quiet().ignore_transactions(["poll *"]), || {
        let root = start_transaction("poll inbox").enter();
        assert!(!root.is_recording());
        assert!(traceparent().unwrap().ends_with("-0"), "who is called is told");
        drop(start_span("query").enter());
        watchpost::capture_message("errors of it are reported");
    });
    assert_eq!(captured.draw(), "info: errors of it are reported\n  in poll inbox\n");
    assert_eq!(captured.losses(), ["sample_rate/span: 1", "sample_rate/transaction: 1"]);
    let header = captured.envelopes()[0].headers.trace.clone().unwrap();
    assert_eq!((header.sampled(), header.sample_rate()), (Some(false), Some(0.0)));
}

#[test]
fn an_ignored_transaction_is_so_whatever_anybody_else_says() {
    let options = quiet().ignore_transactions(["tick"]).traces_sampler(|_| watchpost::Decision::Keep);
    let captured = capture_with(options, || {
        let sampled = [("sentry-trace", "0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-1")];
        continue_trace(sampled).name("tick").start().finish();
        start_transaction("tick").sampled(true).start().finish();
        subscribed(|| info_span!("tick").in_scope(|| ()));
        start_transaction("tock").start().finish();
    });
    assert_eq!(names(&captured), ["tock"]);
    assert_eq!(captured.losses(), ["sample_rate/span: 3", "sample_rate/transaction: 3"]);
}

#[test]
fn a_transaction_that_is_named_late_is_dropped_at_its_end() {
    let captured = capture_with(quiet().ignore_transactions(["/health"]), || {
        let _root = start_transaction("unknown").enter();
        drop(start_span("query").enter());
        watchpost::set_transaction_name("/health", TransactionSource::Route);
    });
    assert_eq!(captured.draw(), "");
    assert_eq!(captured.losses(), ["event_processor/span: 2", "event_processor/transaction: 1"]);
}

#[test]
fn status_codes_that_nobody_wants_to_see() {
    let captured = served(quiet().trace_ignore_status_codes(300..500), &["/favicon.ico", "/users/7"]);
    assert_eq!(names(&captured), ["GET /users/{id}"]);
    assert_eq!(captured.losses(), ["event_processor/span: 1", "event_processor/transaction: 1"]);
}

#[test]
fn all_spans_of_a_refused_transaction_are_counted_each_under_one_reason() {
    let options = quiet().trace_ignore_status_codes([StatusCode::NOT_FOUND.as_u16()]);
    let captured = capture_with(options, || {
        let root = start_transaction("GET /nowhere").start();
        (0..1002).for_each(|_| root.child("look").finish());
        root.set_attribute("http.response.status_code", "404");
    });
    assert_eq!(captured.draw(), "");
    assert_eq!(
        captured.losses(),
        ["buffer_overflow/span: 2", "event_processor/span: 1001", "event_processor/transaction: 1"]
    );
}

#[test]
fn the_children_of_an_ignored_span_move_up() {
    let captured = capture_with(quiet().ignore_spans(["poll_*"]), || {
        subscribed(|| {
            info_span!("job").in_scope(|| {
                info_span!("poll_ready").in_scope(|| {
                    info_span!("poll_read").in_scope(|| info_span!("query").in_scope(|| ()));
                });
                info_span!("render").in_scope(|| ());
            });
        });
    });
    assert_eq!(captured.draw(), "function job\n  function query\n  function render\n");
    assert_eq!(captured.losses(), ["ignored/span: 2"]);
}

#[test]
fn with_an_ignored_root_goes_its_trace() {
    let captured = capture_with(quiet().ignore_spans(["job"]), || {
        let job = start_transaction("job").enter();
        job.child("query").finish();
        drop(job);
        let other = start_transaction("other").enter();
        other.child("job").finish();
    });
    assert_eq!(captured.draw(), "default other\n");
    assert_eq!(captured.losses(), ["ignored/span: 3", "ignored/transaction: 1"]);
}
