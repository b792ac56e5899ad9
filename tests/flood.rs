//! A flood: more is captured than can be sent, or than there is room for. What the queue holds stays within its bounds, the most important
//! stays in it, and whoever captures waits for nobody.
#![allow(clippy::unwrap_used, reason = "a test that cannot go on has failed")]

mod support;

use std::time::Duration;

use support::Watched;
use support::transports::{Blocked, Gate};
use watchpost::{Attachment, Breadcrumb, Feedback, Options};
use watchpost_testkit::{Captured, Recorder, options};

/// A program whose server does not answer before the gate opens.
fn blocked(options: Options) -> (Watched, Gate) {
    let recorder = Recorder::new();
    let (transport, gate) = Blocked::new(recorder.clone());
    (Watched::over(options.default_integrations(false).transport(transport), recorder), gate)
}

/// A request with so many spans of two fields each, in an isolation scope of its own.
fn request(number: usize, spans: usize) {
    watchpost::with_isolation_scope(|scope| {
        scope.set_tag("request", number.to_string());
        let root = watchpost::start_transaction("GET /carts/{id}").op("http.server").start();
        for span in 1..spans {
            let child = root.child("SELECT * FROM carts WHERE id = $1");
            child.set_attribute("db.system", "postgresql");
            child.set_attribute("rows", span as u64);
            child.finish();
        }
        root.finish();
    });
}

/// An error report with a trail of its own, data of its own and a message.
fn error(number: usize) {
    watchpost::with_isolation_scope(|scope| {
        for crumb in 0..20 {
            watchpost::add_breadcrumb(Breadcrumb::new("cart loaded").data("items", crumb));
        }
        scope.set_context("cart", serde_json::json!({ "items": [1, 2, 3], "coupon": "none" }));
        watchpost::capture_message(&format!("{number}: {}", "no ".repeat(100)));
    });
}

/// How many bytes this thread has taken at most and not given back, while it worked. What it queues is freed by others, or by itself when it
/// has to go.
fn held(work: impl FnOnce()) -> usize {
    allocation_counter::measure(work).bytes_max as usize
}

fn lost(captured: &Captured, category: &str) -> Option<String> {
    captured.losses().into_iter().find(|line| line.contains(category))
}

#[test]
fn a_burst_of_ten_thousand_transactions_is_held_and_sent() {
    let (watched, gate) = blocked(options());
    let held = held(|| watched.run(|| (0..10_000).for_each(|number| request(number, 6))));
    assert!(held <= 55_000_000, "{held} bytes");
    drop(gate);
    let captured = watched.close();
    assert_eq!(captured.transactions().len(), 10_000);
    assert_eq!(captured.losses(), [""; 0]);
}

/// What is counted is what is there: not less (but for what is being made), and not so much more that the bound would mean nothing.
fn assert_bounded(held: usize, bound: usize) {
    assert!(
        (bound / 2..=bound + bound / 20).contains(&held),
        "{held} bytes are held where there may be {bound}"
    );
}

#[test]
fn a_flood_of_large_transactions_stays_within_the_bytes() {
    const BOUND: usize = 4_000_000;
    let (watched, gate) = blocked(options().transport_queue_bytes(BOUND));
    watched.run(|| {
        request(0, 2); // what is made once
        gate.wait_for_delivery();
        let held = held(|| (0..2_000).for_each(|number| request(number, 50)));
        assert_bounded(held, BOUND);
    });
    drop(gate);
    let captured = watched.close();
    assert!(lost(&captured, "queue_overflow/transaction").is_some());
}

/// What a trace costs is saved where there would be no room for it, and whoever is asked to continue it hears that it is not kept.
#[test]
fn while_there_is_no_room_no_trace_begins_to_be_recorded() {
    let (watched, gate) = blocked(options().transport_queue_size(10));
    let is_recorded = || {
        let root = watchpost::start_transaction("GET /carts/{id}").enter();
        let told = watchpost::trace_headers().remove(0).1;
        assert_eq!(told.ends_with("-1"), root.is_recording(), "{told}");
        root.is_recording()
    };
    watched.run(|| {
        assert!(is_recorded());
        gate.wait_for_delivery();
        assert!((0..10).all(|_| is_recorded()), "the last of them finds out that there is no room");
        assert!((0..5).all(|_| !is_recorded()));
        watchpost::start_transaction("wanted").sampled(true).start().finish();
        drop(gate);
        assert!(watchpost::flush(Some(Duration::from_secs(60))));
        assert!(is_recorded(), "there is room again");
    });
    let losses = watched.close().losses();
    let expected = [
        "backpressure/span: 5",
        "backpressure/transaction: 5",
        "queue_overflow/span: 2",
        "queue_overflow/transaction: 2",
    ];
    assert_eq!(losses, expected);
}

#[test]
fn who_does_not_want_backpressure_records_every_trace() {
    let (watched, gate) = blocked(options().transport_queue_size(10).enable_backpressure_handling(false));
    watched.run(|| {
        request(0, 2);
        gate.wait_for_delivery();
        (0..20).for_each(|number| request(number, 2));
    });
    drop(gate);
    assert_eq!(watched.close().losses(), ["queue_overflow/span: 22", "queue_overflow/transaction: 11"]);
}

#[test]
fn a_flood_of_errors_stays_within_the_bytes() {
    const BOUND: usize = 4_000_000;
    let (watched, gate) = blocked(options().transport_queue_bytes(BOUND));
    watched.run(|| {
        error(0);
        gate.wait_for_delivery();
        let held = held(|| (0..2_000).for_each(error));
        assert_bounded(held, BOUND);
    });
    drop(gate);
    assert!(lost(&watched.close(), "queue_overflow/error").is_some());
}

/// A scope's attachment goes with its errors, which share it; transactions, feedback and logs do not take it along.
#[test]
fn a_large_attachment_of_a_scope_takes_its_room_once() {
    let (watched, gate) = blocked(options().transport_queue_bytes(4_000_000));
    watched.run(|| {
        request(0, 2);
        gate.wait_for_delivery();
        watchpost::with_isolation_scope(|scope| {
            scope.add_attachment(Attachment::bytes("picture.png", vec![0; 2_000_000]));
            (0..20).for_each(|_| drop(watchpost::start_transaction("GET /carts/{id}").start()));
            for number in 0..20 {
                watchpost::capture_message(&number.to_string());
            }
            (0..20).for_each(|_| watchpost::logger::info!("cart loaded"));
            watchpost::capture_feedback(Feedback::new("it does nothing"));
        });
    });
    drop(gate);
    let captured = watched.close();
    assert_eq!(captured.losses(), [""; 0]);
    assert_eq!((captured.events().len(), captured.transactions().len()), (20, 21));
    assert_eq!(captured.logs().len(), 20);
}

#[test]
fn a_flood_of_traces_costs_no_error() {
    let (watched, gate) = blocked(options().transport_queue_size(100));
    watched.run(|| {
        request(0, 2);
        gate.wait_for_delivery();
        (0..1_000).for_each(|number| request(number, 2));
        (0..50).for_each(error);
        (0..1_000).for_each(|number| request(number, 2));
        watchpost::with_scope(|scope| {
            scope.set_level(Some(watchpost::Level::Fatal));
            watchpost::capture_message("the end");
        });
    });
    drop(gate);
    let captured = watched.close();
    assert_eq!(captured.events().len(), 51);
    assert_eq!(captured.transactions().len(), 49);
    assert_eq!(lost(&captured, "error"), None);
}
