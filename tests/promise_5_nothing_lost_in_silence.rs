//! Promise 5: nothing is lost in silence. Every discarded item is counted under one reason and category, and reported; the last report goes
//! out at close.
#![allow(
    clippy::unwrap_used,
    clippy::panic,
    reason = "a test that cannot go on has failed, and callbacks fail on purpose"
)]

mod support;

use std::fmt;
use std::time::Duration;

use support::Watched;
use support::clock::Wound;
use support::transports::{Blocked, Scripted};
use watchpost::protocol::{Category, ItemType, RateLimit, RateLimitCategories};
use watchpost::{Delivery, Envelope, Options, Transport};
use watchpost_testkit::{Captured, Recorder, capture_with, options};

fn quiet() -> Options {
    options().default_integrations(false)
}

/// A message, and a transaction with one child.
fn a_day() {
    let root = watchpost::start_transaction("day").enter();
    root.child("hour").finish();
    watchpost::capture_message("rain");
}

/// What arrives of a day if the server answers like this, and then well.
fn answered(answers: impl IntoIterator<Item = Delivery>) -> Captured {
    let recorder = Recorder::new();
    let watched = Watched::over(quiet().transport(Scripted::new(&recorder, answers)), recorder);
    watched.run(a_day);
    watched.close()
}

fn limited(categories: &[Category]) -> Vec<RateLimit> {
    vec![RateLimit { seconds: 60.0, categories: RateLimitCategories::Some(categories.to_vec()) }]
}

#[test]
fn what_arrives_is_not_reported() {
    let captured = capture_with(quiet(), a_day);
    assert_eq!(captured.envelopes().len(), 2);
    assert!(captured.losses().is_empty());
}

#[test]
fn before_send() {
    assert_eq!(capture_with(quiet().before_send(|_| None), a_day).losses(), ["before_send/error: 1"]);
}

#[test]
fn before_send_transaction() {
    let captured = capture_with(quiet().before_send_transaction(|_| None), a_day);
    assert_eq!(captured.losses(), ["before_send/span: 2", "before_send/transaction: 1"]);
}

#[test]
fn spans_that_before_send_transaction_takes_out() {
    let hook = |mut transaction: watchpost::Transaction| {
        transaction.spans.clear();
        Some(transaction)
    };
    let captured = capture_with(quiet().before_send_transaction(hook), a_day);
    assert_eq!(captured.losses(), ["before_send/span: 1"]);
    assert_eq!(captured.draw(), "info: rain\n  in day\ndefault day\n");
}

#[test]
fn event_processor() {
    let captured = capture_with(quiet(), || {
        watchpost::isolation_scope().add_event_processor(|_| None);
        a_day();
    });
    assert_eq!(captured.losses(), ["event_processor/error: 1"]);
}

#[test]
fn sample_rate_of_errors() {
    let captured = capture_with(quiet().sample_rate(0.0).unwrap(), a_day);
    assert_eq!(captured.losses(), ["sample_rate/error: 1"]);
}

#[test]
fn sample_rate_of_traces() {
    let captured = capture_with(quiet().traces_sample_rate(0.0).unwrap(), a_day);
    assert_eq!(captured.losses(), ["sample_rate/span: 1", "sample_rate/transaction: 1"]);
}

#[test]
fn ratelimit_backoff() {
    let recorder = Recorder::new();
    let limits = limited(&[Category::Error, Category::Transaction]);
    let transport = Scripted::new(&recorder, [Delivery::Accepted { limits }]);
    let watched = Watched::over(quiet().transport(transport), recorder);
    watched.run(|| {
        watchpost::capture_message("the last one for a while");
        assert!(watchpost::flush(Some(Duration::from_secs(60))));
        assert_eq!(watchpost::capture_message("refused"), None);
        a_day();
    });
    let captured = watched.close();
    assert_eq!(captured.draw(), "info: the last one for a while\n");
    assert_eq!(
        captured.losses(),
        ["ratelimit_backoff/error: 2", "ratelimit_backoff/span: 2", "ratelimit_backoff/transaction: 1"]
    );
}

/// What was queued before the limit was known is held back by the worker.
#[test]
fn ratelimit_backoff_in_the_queue() {
    let recorder = Recorder::new();
    let limits = limited(&[Category::Transaction]);
    let (transport, gate) = Blocked::new(Scripted::new(&recorder, [Delivery::Accepted { limits }]));
    let watched = Watched::over(quiet().transport(transport), recorder);
    watched.run(a_day);
    drop(gate);
    let captured = watched.close();
    assert_eq!(captured.draw(), "info: rain\n  in day\n");
    assert_eq!(captured.losses(), ["ratelimit_backoff/span: 2", "ratelimit_backoff/transaction: 1"]);
}

/// The server counts what it refuses by 429.
#[test]
fn what_the_server_has_counted_is_not_counted_again() {
    let captured = answered([Delivery::Limited { limits: limited(&[Category::Error]) }]);
    assert_eq!(captured.draw(), "default day\n  default hour\n");
    assert!(captured.losses().is_empty());
}

#[test]
fn queue_overflow() {
    let recorder = Recorder::new();
    let (transport, gate) = Blocked::new(recorder.clone());
    let watched = Watched::over(quiet().transport_queue_size(1).transport(transport), recorder);
    watched.run(|| {
        watchpost::capture_message("first");
        a_day();
    });
    drop(gate);
    assert_eq!(
        watched.close().losses(),
        ["queue_overflow/error: 1", "queue_overflow/span: 2", "queue_overflow/transaction: 1"]
    );
}

#[test]
fn send_error() {
    let refused = || Delivery::Rejected { status: 413, message: "too large".into(), limits: Vec::new() };
    let captured = answered([refused(), refused()]);
    assert_eq!(captured.losses(), ["send_error/error: 1", "send_error/span: 2", "send_error/transaction: 1"]);
}

fn down() -> Delivery {
    Delivery::Unreachable { error: "no route".into() }
}

/// Cannot be reached with events.
struct Deaf(Recorder);

impl Transport for Deaf {
    fn deliver(&self, envelope: &Envelope) -> Delivery {
        let event = envelope.items.iter().any(|item| item.header.ty == ItemType::Event);
        if event { down() } else { self.0.deliver(envelope) }
    }
}

#[test]
fn network_error() {
    let recorder = Recorder::new();
    let watched = Watched::over(quiet().transport(Deaf(recorder.clone())), recorder);
    watched.run(a_day);
    let captured = watched.close();
    assert_eq!(captured.draw(), "default day\n  default hour\n");
    assert_eq!(captured.losses(), ["network_error/error: 1"]);
}

/// What had no answer may be sent again (`protocol.md` §2.8).
#[test]
fn a_moment_without_a_network_costs_nothing() {
    let recorder = Recorder::new();
    let transport = Scripted::new(&recorder, [down(), down()]);
    let watched = Watched::over(quiet().transport(transport), recorder);
    watched.run(|| {
        a_day();
        assert!(watchpost::flush(Some(Duration::from_secs(60))));
    });
    let captured = watched.close();
    assert_eq!(captured.draw(), "info: rain\n  in day\ndefault day\n  default hour\n");
    assert!(captured.losses().is_empty());
}

#[test]
fn a_report_that_does_not_arrive_is_sent_again() {
    for answer in [down(), Delivery::Limited { limits: limited(&[Category::Error]) }] {
        let recorder = Recorder::new();
        let refused = Delivery::Rejected { status: 503, message: String::new(), limits: Vec::new() };
        let transport = Scripted::new(&recorder, [refused, answer]);
        let watched = Watched::over(quiet().transport(transport), recorder);
        watched.run(|| {
            watchpost::capture_message("lost");
            assert!(watchpost::flush(Some(Duration::from_secs(60)))); // the report is lost, too
        });
        assert_eq!(watched.recorder.captured().envelopes().len(), 0);
        assert_eq!(watched.close().losses(), ["send_error/error: 1"]);
    }
}

#[test]
fn backpressure() {
    let (clock, recorder) = (Wound::new(), Recorder::new());
    let limits = limited(&[Category::Feedback]);
    let transport = Scripted::new(&recorder, [Delivery::Accepted { limits }]);
    // Dice that a rate of one keeps, and half of it does not.
    let options = quiet().clock(clock.clone()).rng(Loaded(0.75)).transport(transport);
    let watched = Watched::over(options, recorder);
    watched.run(|| {
        a_day();
        assert!(watchpost::flush(Some(Duration::from_secs(60))));
        clock.set(10);
        a_day();
        watchpost::start_transaction("wanted").sampled(true).start().finish();
    });
    let captured = watched.close();
    assert_eq!(captured.events().len(), 2, "errors are not concerned");
    let kept: Vec<_> = captured.transactions().into_iter().map(|kept| kept.transaction).collect();
    assert_eq!(kept, ["day", "wanted"]);
    assert_eq!(captured.losses(), ["backpressure/span: 1", "backpressure/transaction: 1"]);
}

/// Dice that always fall on this.
struct Loaded(f64);

impl watchpost::Rng for Loaded {
    fn next_u64(&self) -> u64 {
        7_000_000 + (self.0 * 1e6) as u64 // no id is zero
    }
}

#[test]
fn buffer_overflow() {
    let captured = capture_with(quiet(), || {
        let root = watchpost::start_transaction("a long day").start();
        let unfinished = root.child("for ever");
        for _ in 0..1002 {
            root.child("moment").finish();
        }
        root.finish();
        unfinished.finish();
    });
    assert_eq!(captured.transactions()[0].spans.len(), 999);
    assert_eq!(captured.losses(), ["buffer_overflow/span: 4"]);
}

#[derive(Debug)]
struct Unspeakable;

impl fmt::Display for Unspeakable {
    fn fmt(&self, _: &mut fmt::Formatter<'_>) -> fmt::Result {
        panic!("unspeakable")
    }
}

impl std::error::Error for Unspeakable {}

#[test]
fn internal_sdk_error() {
    let captured = capture_with(quiet(), || {
        watchpost::capture_error(&Unspeakable);
    });
    assert_eq!(captured.losses(), ["internal_sdk_error/error: 1"]);
}

#[test]
fn who_wants_no_reports_gets_none() {
    let captured = capture_with(quiet().send_client_reports(false).before_send(|_| None), a_day);
    assert_eq!(captured.draw(), "default day\n  default hour\n");
    assert!(captured.losses().is_empty());
}

/// A program that never ends and never flushes reports too.
#[test]
fn a_report_rides_along_every_half_minute() {
    let clock = Wound::new();
    let drop_bad = |event: watchpost::Event| {
        let bad = event.logentry.as_ref().is_some_and(|entry| entry.formatted.as_deref() == Some("bad"));
        (!bad).then_some(event)
    };
    let recorder = Recorder::new();
    let (transport, gate) = Blocked::new(recorder.clone());
    let options = quiet().clock(clock.clone()).before_send(drop_bad).transport(transport);
    let watched = Watched::over(options, recorder);
    watched.run(|| {
        watchpost::capture_message("bad");
        watchpost::capture_message("good");
        gate.wait_for_delivery();
        clock.set(31);
        watchpost::capture_message("better");
    });
    drop(gate);
    let captured = watched.close();
    let items: Vec<Vec<String>> = captured
        .envelopes()
        .iter()
        .map(|envelope| envelope.items.iter().map(|item| item.header.ty.to_string()).collect())
        .collect();
    assert_eq!(items, [vec!["event"], vec!["event", "client_report"]]);
    assert_eq!(captured.losses(), ["before_send/error: 1"]);
}
