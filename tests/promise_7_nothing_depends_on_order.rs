//! Promise 7: nothing depends on order. The layer may be installed before `init`, `init` works inside a runtime and may be called again,
//! several clients live side by side, and all of it works with no subscriber at all.
#![allow(clippy::unwrap_used, reason = "a test that cannot go on has failed")]

mod support;

use std::sync::{Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use support::Watched;
use support::transports::Blocked;
use tracing::info_span;
use tracing::subscriber::{DefaultGuard, set_default};
use tracing_subscriber::prelude::*;
use watchpost::{Options, User};
use watchpost_testkit::{Recorder, capture, install, options};

/// A process has one client of its own: one story at a time.
fn alone() -> MutexGuard<'static, ()> {
    static TURN: Mutex<()> = Mutex::new(());
    TURN.lock().unwrap_or_else(PoisonError::into_inner)
}

fn subscribe() -> DefaultGuard {
    set_default(tracing_subscriber::registry().with(watchpost::tracing::layer()))
}

fn quiet() -> Options {
    options().default_integrations(false)
}

fn request(user: &'static str) {
    let span = info_span!("request");
    let _entered = span.enter();
    watchpost::set_user(User::id(user));
    tracing::info!("{user} begins");
    tracing::error!("{user} fails");
}

const REPORTED: &str = "\
error: ann fails
  in request
  user: ann
  - info: ann begins
function request [internal_error]
  user: ann
";

#[test]
fn the_layer_comes_first() {
    let _alone = alone();
    let _subscribed = subscribe();
    request("nobody");
    let (guard, recorder) = install(quiet()).unwrap();
    request("ann");
    drop(guard);
    request("nobody");
    assert_eq!(recorder.captured().draw(), REPORTED);
}

#[test]
fn init_comes_first() {
    let _alone = alone();
    let (guard, recorder) = install(quiet()).unwrap();
    let _subscribed = subscribe();
    request("ann");
    drop(guard);
    assert_eq!(recorder.captured().draw(), REPORTED);
}

fn init_within_an_open_span() {
    let _subscribed = subscribe();
    let main = info_span!("main");
    let _main = main.enter();
    let (guard, recorder) = install(quiet()).unwrap();
    request("ann");
    tracing::error!("outside of the request");
    drop(guard);
    let reported = [REPORTED, "error: outside of the request\n"].concat();
    assert_eq!(recorder.captured().draw(), reported);
}

#[test]
fn init_within_a_span_that_is_open() {
    let _alone = alone();
    init_within_an_open_span();
}

#[test]
fn init_within_a_span_that_is_open_while_another_client_is_active() {
    let _alone = alone();
    let other = Watched::new(quiet());
    init_within_an_open_span();
    assert_eq!(other.close().draw(), "");
}

#[test]
fn a_span_outlives_the_client() {
    let _alone = alone();
    let _subscribed = subscribe();
    let (guard, recorder) = install(quiet()).unwrap();
    let span = info_span!("too long");
    drop(guard);
    let (guard, next) = install(quiet()).unwrap();
    span.in_scope(|| tracing::error!("whose is it?"));
    drop(span);
    request("ann");
    drop(guard);
    assert!(recorder.captured().envelopes().is_empty());
    let reported =
        format!("error: whose is it?\n  in too long\nfunction too long [internal_error]\n{REPORTED}");
    assert_eq!(next.captured().draw(), reported, "the span, and what happened in it, are the next one's");
    let ids: Vec<_> = next.captured().envelopes()[..2]
        .iter()
        .map(|envelope| envelope.headers.trace.as_ref().unwrap().trace_id().map(str::to_owned))
        .collect();
    assert_eq!(ids[0], ids[1], "and of one trace");
}

#[test]
fn init_again_within_an_open_trace() {
    let _alone = alone();
    let (first_guard, first) = install(quiet()).unwrap();
    let root = watchpost::start_transaction("deploy").enter();
    root.child("before").finish();
    let (second_guard, second) = install(quiet()).unwrap();
    root.child("after").finish();
    watchpost::capture_message("reloaded");
    drop(root);
    drop((first_guard, second_guard));
    assert!(first.captured().envelopes().is_empty());
    assert_eq!(
        second.captured().draw(),
        "info: reloaded\n  in deploy\ndefault deploy\n  default before\n  default after\n"
    );
}

/// Where no client took the place of the one that was closed, nothing can be reported any more; but it can be asked.
#[test]
fn a_span_that_outlives_every_client_is_counted() {
    let _alone = alone();
    let (guard, recorder) = install(quiet()).unwrap();
    let client = guard.client().clone();
    let root = watchpost::start_transaction("too long").start();
    root.child("query").finish();
    drop(guard);
    root.finish();
    assert!(recorder.captured().envelopes().is_empty());
    let lost: Vec<_> = client
        .losses()
        .iter()
        .map(|line| format!("{}/{}: {}", line.reason, line.category, line.quantity))
        .collect();
    assert_eq!(lost, ["queue_overflow/transaction: 1", "queue_overflow/span: 2"]);
}

/// The clients that a program has beside the process's own are nobody's heirs, and have none.
#[test]
fn a_client_of_its_own_that_is_closed_has_no_heir() {
    let _alone = alone();
    let (guard, recorder) = install(quiet()).unwrap();
    let other = Watched::new(quiet());
    let root = other.run(|| watchpost::start_transaction("too long").start());
    let client = other.client.clone();
    assert_eq!(other.close().draw(), "");
    root.finish();
    assert_eq!(client.losses().len(), 2, "a transaction and its span");
    drop(guard);
    assert!(recorder.captured().envelopes().is_empty());
}

#[tokio::main(worker_threads = 2)]
async fn program() -> Recorder {
    let (_guard, recorder) = install(quiet()).unwrap();
    let span = info_span!("request");
    span.in_scope(|| {
        watchpost::set_user(User::id("ann"));
        tracing::info!("ann begins");
        tracing::error!("ann fails");
    });
    recorder
    // The guard is dropped inside the runtime, too.
}

#[test]
fn inside_of_a_runtime() {
    let _alone = alone();
    let _subscribed = subscribe();
    assert_eq!(program().captured().draw(), REPORTED);
}

#[test]
fn init_again_drains_the_first_client_and_replaces_it() {
    let _alone = alone();
    let (first_guard, first) = install(quiet()).unwrap();
    for i in 0..50 {
        watchpost::capture_message(&i.to_string());
    }
    let (second_guard, second) = install(quiet()).unwrap();
    assert_eq!(first.captured().events().len(), 50, "all that was queued has been sent");
    watchpost::capture_message("to the second");
    drop(first_guard); // late, and without effect on the second
    assert!(watchpost::is_initialized());
    watchpost::capture_message("still to the second");
    drop(second_guard);
    assert_eq!(first.captured().events().len(), 50);
    assert_eq!(second.captured().draw(), "info: to the second\ninfo: still to the second\n");
}

#[test]
fn a_first_client_that_hangs_does_not_hold_up_the_second() {
    let _alone = alone();
    let recorder = Recorder::new();
    let (transport, gate) = Blocked::new(recorder.clone());
    let options_of_first = quiet().shutdown_timeout(Duration::from_millis(100)).transport(transport);
    let _first = watchpost::init(options_of_first).unwrap();
    watchpost::capture_message("stuck");
    gate.wait_for_delivery();
    let (second_guard, second) = install(quiet()).unwrap();
    watchpost::capture_message("to the second");
    drop(second_guard);
    assert_eq!(second.captured().draw(), "info: to the second\n");
    drop(gate);
}

#[test]
fn a_bad_init_leaves_the_client_that_was() {
    let _alone = alone();
    let (guard, recorder) = install(quiet()).unwrap();
    assert!(watchpost::init("https://k@localhost/project").is_err());
    watchpost::capture_message("to the first");
    drop(guard);
    assert_eq!(recorder.captured().draw(), "info: to the first\n");
}

#[test]
fn no_subscriber_at_all() {
    let captured = capture(|| {
        let job = watchpost::start_transaction("job").op("task").enter();
        watchpost::set_user(User::id("ann"));
        let step = watchpost::start_span("step").op("function").enter();
        watchpost::capture_message("half-way");
        drop(step);
        drop(job);
    });
    assert_eq!(
        captured.draw(),
        "info: half-way\n  in job\n  user: ann\ntask job\n  user: ann\n  function step\n"
    );
}

#[test]
fn clients_side_by_side_do_not_mix() {
    let _subscribed = subscribe();
    let (left, right) = (Watched::new(quiet()), Watched::new(quiet()));
    let span = left.run(|| {
        let span = info_span!("left");
        span.in_scope(|| watchpost::set_tag("side", "left"));
        span
    });
    right.run(|| {
        request("ann");
        // The span knows whose it is, wherever it is entered.
        span.in_scope(|| tracing::error!("in the left span"));
        tracing::error!("to the right");
    });
    drop(span);
    assert_eq!(
        left.close().draw(),
        "error: in the left span\n  in left\n  tags: side=left\nfunction left [internal_error]\n  tags: side=left\n"
    );
    right.run(|| tracing::error!("the left one is closed"));
    let right = right.close().draw();
    assert_eq!(right, [REPORTED, "error: to the right\nerror: the left one is closed\n"].concat());
}
